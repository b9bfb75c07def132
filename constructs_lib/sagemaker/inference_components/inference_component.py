"""``AWS::SageMaker::InferenceComponent``: a model, in copies, on the instances of an endpoint."""

from __future__ import annotations

from functools import cached_property

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.sagemaker.inference_components.component_interface import IInferenceComponent, component_by_name
from constructs_lib.sagemaker.inference_components.component_scaling import scale_copies
from constructs_lib.sagemaker.inference_components.copy_deployment import copy_alarms, copy_deployment
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.sagemaker.model import IModel, host_needs_of
from constructs_lib.sagemaker.overrides import override
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem

_component = sagemaker.CfnInferenceComponent


class InferenceComponent(Construct, IInferenceComponent):
    """Defines an inference component.

    Parameters
    ----------
    scope, id
        Where in the construct tree the component stands.
    endpoint
        The endpoint that hosts it: its variants have no models of their own, as those of an
        `InferenceComponentEndpoint`. The component is deleted before it.
    specification
        What each copy needs, how many copies there are, and how they are updated: the execution role must be allowed
        to describe the alarms of its ``rollout``, which `InferenceComponentEndpoint` sees to.
    model
        The SageMaker model of ``specification.model``.
    inference_component_name
        Its name, by which requests call it, unique in account and region: 1 to 63 letters, digits and inner hyphens.
    variant_name
        Name of the endpoint's variant. Default: ``AllTraffic``.

    Raises
    ------
    InvalidValueError
        When SageMaker would refuse the name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoint: IEndpoint,
        specification: ComponentSpecification,
        model: IModel,
        inference_component_name: str,
        variant_name: str = "AllTraffic",
    ) -> None:
        if wrong := name_problem(inference_component_name):
            raise InvalidValueError("InferenceComponent", [Problem("inference_component_name", wrong)])
        super().__init__(scope, id)
        self._name, self._endpoint = inference_component_name, endpoint
        self.rollback_alarm_names = copy_alarms(self, inference_component_name, specification.rollout)
        """Names of the alarms that take an update back; the execution role must be allowed to describe them."""
        self._resource = _component(
            self,
            "Resource",
            endpoint_name=endpoint.endpoint_name,
            variant_name=variant_name,
            inference_component_name=inference_component_name,
            specification=_component.InferenceComponentSpecificationProperty(
                model_name=model.model_name,
                compute_resource_requirements=_component.InferenceComponentComputeResourceRequirementsProperty(
                    min_memory_required_in_mb=specification.min_memory_mb,
                    max_memory_required_in_mb=specification.max_memory_mb,
                    number_of_cpu_cores_required=specification.cpu_cores,
                    number_of_accelerator_devices_required=specification.accelerators,
                ),
                startup_parameters=_startup(specification, model),
            ),
            runtime_config=_component.InferenceComponentRuntimeConfigProperty(copy_count=specification.initial_copies),
            deployment_config=copy_deployment(specification.rollout, self.rollback_alarm_names),
        )
        override(self, specification.overrides)
        if specification.autoscaling is not None:
            target = scale_copies(self, inference_component_name, specification.autoscaling)
            target.add_resource_dependency(self._resource)

    @property
    def inference_component_name(self) -> str:
        """Name of the component."""
        return self._name

    @cached_property
    def inference_component_arn(self) -> str:
        """ARN of the component; a token."""
        return self._resource.ref

    @property
    def endpoint(self) -> IEndpoint:
        """The endpoint that hosts it."""
        return self._endpoint

    @staticmethod
    def from_inference_component_name(inference_component_name: str, *, endpoint: IEndpoint) -> IInferenceComponent:
        """Use a component that exists already.

        Parameters
        ----------
        inference_component_name
            Its name.
        endpoint
            The endpoint that hosts it, made here or imported.

        Raises
        ------
        InvalidValueError
            When no component can have that name, or the endpoint is made here and has none of it.
        """
        return component_by_name(endpoint, inference_component_name)


def _startup(
    specification: ComponentSpecification, model: IModel
) -> sagemaker.CfnInferenceComponent.InferenceComponentStartupParametersProperty | None:
    seconds = host_needs_of(model).start_up_seconds
    download = specification.model_data_download_timeout or seconds
    start = specification.container_startup_timeout or seconds
    if download is None and start is None:
        return None
    return _component.InferenceComponentStartupParametersProperty(
        model_data_download_timeout_in_seconds=download, container_startup_health_check_timeout_in_seconds=start
    )
