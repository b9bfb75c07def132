"""What every endpoint can do for others, made here or imported."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from constructs_lib.sagemaker.invoke_permissions import allow_invoke
from constructs_lib.sagemaker.metrics import EndpointMetrics


class IEndpoint(EndpointMetrics):
    """An endpoint, made here or imported: what it is called, who may call it, and its metrics."""

    @property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint."""
        raise NotImplementedError

    def grant_invoke(
        self,
        grantee: iam.IGrantable,
        *,
        target_models: Sequence[str] | None = None,
        target_containers: Sequence[str] | None = None,
    ) -> iam.Grant:
        """Let somebody call this endpoint: in one answer, asynchronously, and as a stream.

        IAM can tell requests apart by the model or the container that they name, and by nothing else: whoever may call
        one variant or one inference component of an endpoint may call all of them.

        Parameters
        ----------
        grantee
            A role, a user, a function.
        target_models
            Names of models of a multi-model endpoint, to call those only; ``*`` and ``?`` stand for any characters, as
            in ``tenant-1/*``. None: every model.
        target_containers
            Host names of containers that are called directly, or patterns, to call those only. None: every container.

        Raises
        ------
        InvalidValueError
            When both are given, or one is empty.
        """
        return allow_invoke(grantee, self.endpoint_arn, target_models, target_containers)
