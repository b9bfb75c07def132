"""What every inference component offers, made here or imported."""

from __future__ import annotations

from aws_cdk import aws_iam as iam

from constructs_lib.sagemaker.endpoint_interface import IEndpoint
from constructs_lib.sagemaker.endpoint_place import metric_place, place_of
from constructs_lib.sagemaker.inference_components.component_metrics import ComponentMetrics
from constructs_lib.sagemaker.invoke_permissions import allow_invoke
from constructs_lib.sagemaker.metrics import MetricOptions
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem


class IInferenceComponent(ComponentMetrics):
    """An inference component, made here or imported: what it is called, who may call it, and its metrics."""

    @property
    def inference_component_arn(self) -> str:
        """ARN of the component."""
        raise NotImplementedError

    @property
    def endpoint(self) -> IEndpoint:
        """The endpoint that hosts it."""
        raise NotImplementedError

    def _metric_place(self) -> MetricOptions:
        return metric_place(place_of(self.endpoint))

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow a grantee to call this component only, synchronously and with a streamed answer.

        Parameters
        ----------
        grantee
            A role, a user, a function.
        """
        return allow_invoke(grantee, self.endpoint.endpoint_arn, component_arns=[self.inference_component_arn])


def component_by_name(endpoint: IEndpoint, name: str) -> IInferenceComponent:
    """Give a component of an endpoint, as `InferenceComponent.from_inference_component_name` says."""
    if wrong := name_problem(name):
        raise InvalidValueError("InferenceComponent", [Problem("inference_component_name", wrong)])
    return _ImportedComponent(endpoint, name)


class _ImportedComponent(IInferenceComponent):
    def __init__(self, endpoint: IEndpoint, name: str) -> None:
        self._endpoint, self._name = endpoint, name

    @property
    def inference_component_name(self) -> str:
        return self._name

    @property
    def inference_component_arn(self) -> str:
        (arn,) = self._endpoint.component_arns([self._name])
        return arn

    @property
    def endpoint(self) -> IEndpoint:
        return self._endpoint
