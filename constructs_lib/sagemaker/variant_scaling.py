"""Application Auto Scaling for one production variant of an endpoint."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.autoscaling import Autoscaling

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_METRIC = "SageMakerVariantInvocationsPerInstance"


def scale_variant(scope: Construct, endpoint_name: str, variant_name: str, limits: Autoscaling) -> None:
    """Let the instance count of a variant follow its traffic.

    Parameters
    ----------
    scope
        The construct that the scalable target and its policy stand under.
    endpoint_name
        Name of the endpoint, as a token of the endpoint itself: Application Auto Scaling takes no target that is not
        in service yet.
    variant_name
        Name of the variant.
    limits
        Range, target and cool-downs.
    """
    target = autoscaling.CfnScalableTarget(
        scope,
        f"{variant_name}ScalableTarget",
        service_namespace="sagemaker",
        scalable_dimension=_DIMENSION,
        resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
        min_capacity=limits.min,
        max_capacity=limits.max,
    )
    policy = autoscaling.CfnScalingPolicy
    policy(
        scope,
        f"{variant_name}ScalingPolicy",
        policy_name=_METRIC,
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
        target_tracking_scaling_policy_configuration=policy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=limits.invocations_per_instance,
            predefined_metric_specification=policy.PredefinedMetricSpecificationProperty(
                predefined_metric_type=_METRIC
            ),
            scale_in_cooldown=limits.scale_in_cooldown,
            scale_out_cooldown=limits.scale_out_cooldown,
            disable_scale_in=limits.disable_scale_in,
        ),
    )
