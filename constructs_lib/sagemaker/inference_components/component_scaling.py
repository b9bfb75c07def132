"""Application Auto Scaling for the copies of one inference component."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling

_policy = autoscaling.CfnScalingPolicy


def scale_copies(scope: Construct, component_name: str, scaling: CopyScaling) -> autoscaling.CfnScalableTarget:
    """Let the number of copies follow the traffic.

    Parameters
    ----------
    scope
        The construct that the scalable target and its policies stand under.
    component_name
        Name of the component.
    scaling
        Range, targets and cool-downs.

    Returns
    -------
    autoscaling.CfnScalableTarget
        The scalable target, which the component must be there before.
    """
    target = autoscaling.CfnScalableTarget(
        scope,
        "ScalableTarget",
        service_namespace="sagemaker",
        scalable_dimension="sagemaker:inference-component:DesiredCopyCount",
        resource_id=f"inference-component/{component_name}",
        min_capacity=scaling.min,
        max_capacity=scaling.max,
    )
    targets = {
        "InvocationsPerCopy": scaling.invocations_per_copy,
        "ConcurrentRequestsPerCopyHighResolution": scaling.concurrent_requests_per_copy,
    }
    for metric, value in targets.items():
        if value is not None:
            _policy(
                scope,
                f"{metric}ScalingPolicy",
                policy_name=f"SageMakerInferenceComponent{metric}",
                policy_type="TargetTrackingScaling",
                scaling_target_id=target.ref,
                target_tracking_scaling_policy_configuration=_policy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=value,
                    predefined_metric_specification=_policy.PredefinedMetricSpecificationProperty(
                        predefined_metric_type=f"SageMakerInferenceComponent{metric}"
                    ),
                    scale_in_cooldown=scaling.scale_in_cooldown,
                    scale_out_cooldown=scaling.scale_out_cooldown,
                    disable_scale_in=scaling.disable_scale_in,
                ),
            )
    if scaling.min == 0:
        _wake_up(scope, component_name, target)
    return target


def _wake_up(scope: Construct, component_name: str, target: autoscaling.CfnScalableTarget) -> None:
    """Give a component without copies its first one when a request finds none.

    Target tracking divides by the copies, and sees no traffic while there are none. Source: AWS, "Scale an endpoint to
    zero instances"; its alarm is above 1, which a single request never reaches: at least 1 it has to be.
    """
    from aws_cdk import aws_cloudwatch as cloudwatch  # for who scales to zero

    policy = _policy(
        scope,
        "WakeUpPolicy",
        policy_name="NoCapacityInvocationFailures",
        policy_type="StepScaling",
        scaling_target_id=target.ref,
        step_scaling_policy_configuration=_policy.StepScalingPolicyConfigurationProperty(
            adjustment_type="ChangeInCapacity",
            cooldown=60,
            metric_aggregation_type="Maximum",
            step_adjustments=[_policy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)],
        ),
    )
    cloudwatch.CfnAlarm(
        scope,
        "WakeUpAlarm",
        namespace="AWS/SageMaker",
        metric_name="NoCapacityInvocationFailures",
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="InferenceComponentName", value=component_name)],
        statistic="Sum",
        period=60,
        evaluation_periods=1,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="missing",
        alarm_actions=[policy.ref],
    )
