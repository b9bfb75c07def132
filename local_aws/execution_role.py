"""What an execution role may do, asked of IAM before it is done on its behalf, refused in AWS's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws import backend
from local_aws.errors import ServiceError, access_denied
from local_aws.scope import Scope


@dataclass(frozen=True, slots=True)
class ExecutionRole:
    """A role that a service has assumed.

    Use :meth:`assume`, which checks that the role exists and that its trust policy names the service.
    """

    scope: Scope
    arn: str
    session: str
    record: Mapping[str, Any] = field(repr=False)

    @classmethod
    def assume(cls, scope: Scope, role_arn: str, *, service: str, session: str) -> ExecutionRole:
        """Assume a role as an AWS service.

        Raises
        ------
        ServiceError
            ``ValidationException`` when the role does not exist or does not trust the service, as SageMaker words it.
        """
        role = backend.role_by_arn(role_arn)
        if role is None or not backend.trusts_service(role, service):
            raise ServiceError(
                "ValidationException",
                f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
                f"'{service}' to assume the role.",
            )
        return cls(scope, role_arn, session, role)

    def allows(self, action: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        """Return whether the role may do an action on a resource."""
        return self._decide(action, resource, context) == "Allow"

    def require(self, action: str, resources: Sequence[str], context: Mapping[str, Any] | None = None) -> None:
        """Refuse unless the role may do an action on one of the ARNs by which a resource can be named.

        Raises
        ------
        ServiceError
            ``AccessDeniedException`` that names the role, the action and the resource.
        """
        decisions = [self._decide(action, resource, context) for resource in resources]
        if "Allow" in decisions:
            return
        name = self.arn.rpartition("/")[2]
        user = f"arn:aws:sts::{self.arn.split(':')[4]}:assumed-role/{name}/{self.session}"
        raise access_denied(user, action, resources[0], explicitly="Deny" in decisions)

    def credentials(self) -> dict[str, str]:
        """Return credentials of the role, as the environment variables that every AWS SDK reads."""
        return backend.credentials_of(self.record, self.session)

    def _decide(self, action: str, resource: str, context: Mapping[str, Any] | None) -> str:
        # Read again each time: a policy may have been attached or changed since the role was assumed.
        record = backend.role_by_arn(self.arn) or self.record
        return backend.decide(
            self.scope, record, session=self.session, action=action, resource=resource, context=context or {}
        )
