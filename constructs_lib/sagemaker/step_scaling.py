"""Step scaling policies, each with the alarm that sets it off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from constructs_lib.sagemaker.metrics import INSTANCES, INVOCATIONS
from constructs_lib.sagemaker.scaling_rules import CopyStepScaling, StepScaling

_policy = autoscaling.CfnScalingPolicy
_Steps = autoscaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty


def scale_by_steps(
    scope: Construct,
    target: autoscaling.CfnScalableTarget,
    step: StepScaling | CopyStepScaling,
    *,
    dimensions: Mapping[str, str],
    utilization: str = INSTANCES,
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
    adjustments = [
        _policy.StepAdjustmentProperty(
            metric_interval_lower_bound=each.lower,
            metric_interval_upper_bound=each.upper,
            scaling_adjustment=each.change,
        )
        for each in step.steps
    ]
    _define(
        scope,
        f"{id_prefix}{step.name}Step",
        target,
        f"{step.name}{policy_suffix}",
        _policy.StepScalingPolicyConfigurationProperty(
            adjustment_type=step.adjustment,
            cooldown=step.cooldown,
            metric_aggregation_type="Average",
            step_adjustments=adjustments,
        ),
        namespace=utilization if "Utilization" in step.metric else INVOCATIONS,
        metric_name=step.metric,
        dimensions=dimensions,
        statistic=step.statistic,
        evaluation_periods=step.evaluation_minutes,
        threshold=step.threshold,
        comparison_operator="GreaterThanOrEqualToThreshold" if above else "LessThanOrEqualToThreshold",
    )


def wake_up_variant(
    scope: Construct,
    target: autoscaling.CfnScalableTarget,
    endpoint_name: str,
    variant_name: str,
    *,
    policy_suffix: str = "",
) -> None:
    """Give an asynchronous endpoint without instances its first one when a request arrives.

    Target tracking divides by the instances, and does not see a backlog while there are none. Source: AWS, "Autoscale
    an asynchronous endpoint", section "Define a scaling policy that scales up from zero for new requests".
    """
    metric = "HasBacklogWithoutCapacity"
    _define(
        scope,
        f"{variant_name}WakeUp",
        target,
        f"{metric}{policy_suffix}",
        _one_more(cooldown=300, aggregation="Average"),
        namespace=INVOCATIONS,
        metric_name=metric,
        dimensions={"EndpointName": endpoint_name},
        statistic="Average",
        evaluation_periods=2,
        datapoints_to_alarm=2,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
    )


def wake_up_component(scope: Construct, target: autoscaling.CfnScalableTarget, component_name: str) -> None:
    """Give a component without copies its first one when a request finds none.

    Target tracking divides by the copies, and sees no traffic while there are none. Source: AWS, "Scale an endpoint to
    zero instances"; its alarm is above 1, which a single request never reaches: at least 1 it has to be.
    """
    metric = "NoCapacityInvocationFailures"
    _define(
        scope,
        "WakeUp",
        target,
        metric,
        _one_more(cooldown=60, aggregation="Maximum"),
        namespace=INVOCATIONS,
        metric_name=metric,
        dimensions={"InferenceComponentName": component_name},
        statistic="Sum",
        evaluation_periods=1,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
    )


def _one_more(*, cooldown: int, aggregation: str) -> _Steps:
    return _policy.StepScalingPolicyConfigurationProperty(
        adjustment_type="ChangeInCapacity",
        cooldown=cooldown,
        metric_aggregation_type=aggregation,
        step_adjustments=[_policy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)],
    )


def _define(
    scope: Construct,
    name: str,
    target: autoscaling.CfnScalableTarget,
    policy_name: str,
    steps: _Steps,
    *,
    dimensions: Mapping[str, str],
    **alarm: Any,
) -> None:
    """Define a policy, and the alarm with these properties that sets it off."""
    policy = _policy(
        scope,
        f"{name}Policy",
        policy_name=policy_name,
        policy_type="StepScaling",
        scaling_target_id=target.ref,
        step_scaling_policy_configuration=steps,
    )
    of_metric = [cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value) for key, value in dimensions.items()]
    cloudwatch.CfnAlarm(
        scope,
        f"{name}Alarm",
        dimensions=of_metric,
        period=60,
        treat_missing_data="missing",
        alarm_actions=[policy.ref],
        **alarm,
    )
