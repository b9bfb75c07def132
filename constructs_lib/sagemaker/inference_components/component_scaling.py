"""Application Auto Scaling for the copies of one inference component."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling
from constructs_lib.sagemaker.variant_scaling import scheduled_action

_policy = autoscaling.CfnScalingPolicy
_COPIES = "/aws/sagemaker/InferenceComponents"
_USES = ("CPUUtilizationNormalized", "GPUUtilizationNormalized")


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
        scheduled_actions=[scheduled_action(each) for each in scaling.schedules] or None,
    )
    for metric, value in _targets(scaling).items():
        if value is not None:
            predefined = None if metric in _USES else f"SageMakerInferenceComponent{metric}"
            _policy(
                scope,
                f"{metric}ScalingPolicy",
                policy_name=predefined or metric,
                policy_type="TargetTrackingScaling",
                scaling_target_id=target.ref,
                target_tracking_scaling_policy_configuration=_policy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=value,
                    predefined_metric_specification=_policy.PredefinedMetricSpecificationProperty(
                        predefined_metric_type=predefined
                    )
                    if predefined
                    else None,
                    customized_metric_specification=None if predefined else _used(metric, component_name),
                    scale_in_cooldown=scaling.scale_in_cooldown,
                    scale_out_cooldown=scaling.scale_out_cooldown,
                    disable_scale_in=scaling.disable_scale_in,
                ),
            )
    for step in scaling.steps:
        from constructs_lib.sagemaker.step_scaling import (
            scale_in_steps,
        )  # CloudWatch's module, which others need not load

        dimensions = {"InferenceComponentName": component_name}
        scale_in_steps(scope, target, step, dimensions=dimensions, utilization=_COPIES)
    if scaling.can_be_empty:
        _wake_up(scope, component_name, target)
    return target


def _targets(scaling: CopyScaling) -> dict[str, float | None]:
    return {
        "InvocationsPerCopy": scaling.target_invocations,
        "ConcurrentRequestsPerCopyHighResolution": scaling.concurrent_requests_per_copy,
        "CPUUtilizationNormalized": scaling.cpu_utilization,
        "GPUUtilizationNormalized": scaling.gpu_utilization,
    }


def _used(metric: str, component_name: str) -> autoscaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty:
    return _policy.CustomizedMetricSpecificationProperty(
        metric_name=metric,
        namespace=_COPIES,
        statistic="Average",
        dimensions=[_policy.MetricDimensionProperty(name="InferenceComponentName", value=component_name)],
    )


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
