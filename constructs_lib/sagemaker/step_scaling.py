"""Step scaling policies, each with the alarm that sets it off."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from constructs_lib.sagemaker.scaling_rules import CopyStepScaling, StepScaling

_policy = autoscaling.CfnScalingPolicy
_alarm = cloudwatch.CfnAlarm


def scale_in_steps(
    scope: Construct,
    target: autoscaling.CfnScalableTarget,
    step: StepScaling | CopyStepScaling,
    *,
    dimensions: Mapping[str, str],
    utilization: str = "/aws/sagemaker/Endpoints",
    id_prefix: str = "",
    policy_suffix: str = "",
) -> None:
    """Add or remove instances or copies in steps while one of their metrics is past a threshold.

    Parameters
    ----------
    scope
        The construct that policy and alarm stand under.
    target
        What scales.
    step
        Metric, threshold and steps.
    dimensions
        Those of the metric.
    utilization
        CloudWatch's namespace of the metrics that say how much is used.
    id_prefix
        Beginning of the ids of policy and alarm. Default: none.
    policy_suffix
        End of the policy's name. Default: none.
    """
    above = step.comparison == "above"
    policy = _policy(
        scope,
        f"{id_prefix}{step.name}StepPolicy",
        policy_name=f"{step.name}{policy_suffix}",
        policy_type="StepScaling",
        scaling_target_id=target.ref,
        step_scaling_policy_configuration=_policy.StepScalingPolicyConfigurationProperty(
            adjustment_type=step.adjustment,
            cooldown=step.cooldown,
            metric_aggregation_type="Average",
            step_adjustments=[
                _policy.StepAdjustmentProperty(
                    metric_interval_lower_bound=each.lower,
                    metric_interval_upper_bound=each.upper,
                    scaling_adjustment=each.change,
                )
                for each in step.steps
            ],
        ),
    )
    _alarm(
        scope,
        f"{id_prefix}{step.name}StepAlarm",
        namespace=utilization if "Utilization" in step.metric else "AWS/SageMaker",
        metric_name=step.metric,
        dimensions=_dimensions(**dimensions),
        statistic=step.statistic,
        period=60,
        evaluation_periods=step.evaluation_minutes,
        threshold=step.threshold,
        comparison_operator="GreaterThanOrEqualToThreshold" if above else "LessThanOrEqualToThreshold",
        treat_missing_data="missing",
        alarm_actions=[policy.ref],
    )


def wake_up(
    scope: Construct,
    endpoint_name: str,
    variant_name: str,
    target: autoscaling.CfnScalableTarget,
    policy_suffix: str = "",
) -> None:
    """Give an asynchronous endpoint without instances its first one when a request arrives.

    Target tracking divides by the instances, and does not see a backlog while there are none. Source: AWS, "Autoscale
    an asynchronous endpoint", section "Define a scaling policy that scales up from zero for new requests".
    """
    policy = _policy(
        scope,
        f"{variant_name}WakeUpPolicy",
        policy_name=f"HasBacklogWithoutCapacity{policy_suffix}",
        policy_type="StepScaling",
        scaling_target_id=target.ref,
        step_scaling_policy_configuration=_policy.StepScalingPolicyConfigurationProperty(
            adjustment_type="ChangeInCapacity",
            cooldown=300,
            metric_aggregation_type="Average",
            step_adjustments=[
                _policy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1),
            ],
        ),
    )
    _alarm(
        scope,
        f"{variant_name}WakeUpAlarm",
        namespace="AWS/SageMaker",
        metric_name="HasBacklogWithoutCapacity",
        dimensions=_dimensions(EndpointName=endpoint_name),
        statistic="Average",
        period=60,
        evaluation_periods=2,
        datapoints_to_alarm=2,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="missing",
        alarm_actions=[policy.ref],
    )


def _dimensions(**values: str) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [_alarm.DimensionProperty(name=name, value=value) for name, value in values.items()]
