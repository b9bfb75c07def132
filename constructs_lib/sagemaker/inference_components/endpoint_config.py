"""``AWS::SageMaker::EndpointConfig`` of an endpoint that hosts inference components: a variant without a model."""

from __future__ import annotations

from functools import cached_property

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.endpoint_config_properties import capture_config, production_variant
from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.variants import AnyVariant
from constructs_lib.serving.servers import HostNeeds

_config = sagemaker.CfnEndpointConfig


class ComponentEndpointConfig(Construct):
    """Defines the configuration of an endpoint that hosts inference components.

    Parameters
    ----------
    scope, id
        Where in the construct tree the configuration stands.
    options
        The endpoint.
    execution_role_arn
        The role that SageMaker takes on for the components.
    inference_ami_version
        Image of the host that the models' images need. None: SageMaker's default for the instance type.
    """

    async_inference = None

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        options: ComponentEndpointOptions,
        execution_role_arn: str,
        inference_ami_version: str | None,
    ) -> None:
        super().__init__(scope, id)
        variant = options.variant
        self.variants: tuple[AnyVariant, ...] = (variant,)
        """The production variant, which hosts all components."""
        self.data_capture = options.data_capture
        """What of the traffic is kept; None when nothing is."""
        network = next(iter(options.inference_components.values())).model
        self.resource = _config(
            self,
            "Resource",
            execution_role_arn=execution_role_arn,
            data_capture_config=capture_config(options.data_capture),
            kms_key_id=options.volume_kms_key_arn,
            enable_network_isolation=network.network_isolation or None,
            vpc_config=None
            if network.vpc is None
            else _config.VpcConfigProperty(
                subnets=list(network.vpc.subnets), security_group_ids=list(network.vpc.security_group_ids)
            ),
            production_variants=[
                production_variant(
                    variant,
                    None,
                    HostNeeds(inference_ami_version=inference_ami_version),
                    _managed(options.managed_instance_scaling),
                )
            ],
        )

    @cached_property
    def endpoint_config_name(self) -> str:
        """Name that CloudFormation gives the configuration; a token."""
        return self.resource.attr_endpoint_config_name


def _managed(
    scaling: ManagedInstanceScaling | None,
) -> sagemaker.CfnEndpointConfig.ManagedInstanceScalingProperty | None:
    if scaling is None:
        return None
    strategy = scaling.scale_in_strategy
    return _config.ManagedInstanceScalingProperty(
        status="ENABLED",
        min_instance_count=scaling.min_instance_count,
        max_instance_count=scaling.max_instance_count,
        scale_in_policy=None
        if strategy is None
        else _config.ScaleInPolicyProperty(
            strategy=strategy,
            maximum_step_size=scaling.scale_in_maximum_step_size,
            cooldown_in_minutes=scaling.scale_in_cooldown_minutes,
        ),
    )
