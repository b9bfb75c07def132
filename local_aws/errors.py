"""The one exception that a service raises to refuse a request."""

from __future__ import annotations

from collections.abc import Mapping


class ServiceError(Exception):
    """A request that an AWS service refuses.

    Parameters
    ----------
    code
        The error's shape name in the service's model, as boto3 shows it: ``ValidationException``.
    message
        The service's own wording.
    status
        The HTTP status.
    members
        Further members of the error's shape, such as ``OriginalStatusCode`` of ``ModelError``.
    """

    def __init__(
        self, code: str, message: str, *, status: int = 400, members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


def validation_error(message: str) -> ServiceError:
    """Return the error with which most services refuse a request."""
    return ServiceError("ValidationException", message)


def access_denied(principal_arn: str, action: str, resource: str, *, explicitly: bool = False) -> ServiceError:
    """Return IAM's refusal, which names who may not do what on which resource."""
    reason = (
        "with an explicit deny in a policy"
        if explicitly
        else f"because no identity-based policy allows the {action} action"
    )
    return ServiceError(
        "AccessDeniedException",
        f"User: {principal_arn} is not authorized to perform: {action} on resource: {resource} {reason}",
    )
