"""What every endpoint offers, made here or imported."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from constructs_lib.sagemaker.endpoint_place import metric_place, place_of
from constructs_lib.sagemaker.invoke_permissions import allow_invoke, check_targets, component_arn
from constructs_lib.sagemaker.metrics import EndpointMetrics, MetricOptions


class IEndpoint(EndpointMetrics):
    """An endpoint, made here or imported: what it is called, who may call it, and its metrics."""

    @property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint."""
        raise NotImplementedError

    def _metric_place(self) -> MetricOptions:
        return metric_place(place_of(self))

    def component_arns(self, names: Sequence[str] | None = None) -> list[str]:
        """Give the ARNs of inference components of this endpoint, on which whoever calls them needs rights, too.

        Parameters
        ----------
        names
            Names of components, or patterns. None: all that are known of, which is none for an imported endpoint.
        """
        return [component_arn(self.endpoint_arn, name) for name in names or ()]

    def grant_invoke(
        self,
        grantee: iam.IGrantable,
        *,
        target_models: Sequence[str] | None = None,
        target_containers: Sequence[str] | None = None,
        inference_components: Sequence[str] | None = None,
    ) -> iam.Grant:
        """Allow a grantee to call this endpoint: synchronously, asynchronously, and with a streamed answer.

        IAM can tell requests apart by the model, the container or the inference component that they name. It has
        nothing to tell variants apart by: whoever may call one may call all of them. An endpoint has no policy of its
        own that could let another account in: its callers take on a role of the endpoint's account, which is granted.

        Parameters
        ----------
        grantee
            A role, a user, a function.
        target_models
            Names of models of a multi-model endpoint, to call those only; ``*`` and ``?`` stand for any characters, as
            in ``tenant-1/*``. None: every model.
        target_containers
            Host names of containers that are called directly, or patterns, to call those only. None: every container.
        inference_components
            Names of inference components that the endpoint hosts, to call those only; an imported endpoint takes
            patterns as well, such as ``*``. None: every component that is made with it; none of an imported endpoint.

        Raises
        ------
        InvalidValueError
            When more than one of the three is given, or one is empty, or there is no such component.
        """
        check_targets(
            target_models=target_models, target_containers=target_containers, inference_components=inference_components
        )
        return allow_invoke(
            grantee,
            self.endpoint_arn,
            target_models=target_models,
            target_containers=target_containers,
            component_arns=self.component_arns(inference_components),
        )
