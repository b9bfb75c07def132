"""Scalable targets of Application Auto Scaling, with the policies by which they follow metrics and the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.scaling_rules import ScheduledCapacity

if TYPE_CHECKING:
    from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling
    from constructs_lib.sagemaker.variant_scaling import VariantScaling

_policy = autoscaling.CfnScalingPolicy
_target = autoscaling.CfnScalableTarget


class TrackedMetric(NamedTuple):
    """One metric to follow; those that Application Auto Scaling knows by name have no namespace and no dimensions."""

    id: str
    name: str
    target: float
    namespace: str | None = None
    dimensions: Mapping[str, str] = MappingProxyType({})


def define_scalable_target(
    scope: Construct,
    scaling: VariantScaling | CopyScaling,
    *,
    scalable_dimension: str,
    resource_id: str,
    metrics: Iterable[TrackedMetric],
    schedules: Sequence[ScheduledCapacity] = (),
    disable_scale_in: bool = False,
    id_prefix: str = "",
    policy_suffix: str = "",
) -> autoscaling.CfnScalableTarget:
    """Define what scales, and a target tracking policy for each metric that it follows.

    Parameters
    ----------
    scope
        The construct that the scalable target and its policies stand under.
    scaling
        Range and cool-downs.
    scalable_dimension, resource_id
        What scales, as Application Auto Scaling names it.
    metrics
        What it follows.
    schedules
        Times at which the range changes. Default: none.
    disable_scale_in
        Whether the policies only ever add. Default: they remove as well.
    id_prefix
        Beginning of all ids. Default: none.
    policy_suffix
        End of every policy's name. Default: none.
    """
    target = _target(
        scope,
        f"{id_prefix}ScalableTarget",
        service_namespace="sagemaker",
        scalable_dimension=scalable_dimension,
        resource_id=resource_id,
        min_capacity=scaling.min,
        max_capacity=scaling.max,
        scheduled_actions=[_scheduled_action(each) for each in schedules] or None,
    )
    for metric in metrics:
        _policy(
            scope,
            f"{id_prefix}{metric.id}ScalingPolicy",
            policy_name=f"{metric.name}{policy_suffix}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=_policy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=metric.target,
                predefined_metric_specification=None if metric.namespace else _predefined(metric),
                customized_metric_specification=_customized(metric) if metric.namespace else None,
                scale_in_cooldown=scaling.scale_in_cooldown,
                scale_out_cooldown=scaling.scale_out_cooldown,
                disable_scale_in=disable_scale_in,
            ),
        )
    return target


def _predefined(metric: TrackedMetric) -> autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty:
    return _policy.PredefinedMetricSpecificationProperty(predefined_metric_type=metric.name)


def _customized(metric: TrackedMetric) -> autoscaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty:
    return _policy.CustomizedMetricSpecificationProperty(
        metric_name=metric.name,
        namespace=metric.namespace,
        statistic="Average",
        dimensions=[
            _policy.MetricDimensionProperty(name=name, value=value) for name, value in metric.dimensions.items()
        ],
    )


def _scheduled_action(each: ScheduledCapacity) -> autoscaling.CfnScalableTarget.ScheduledActionProperty:
    return _target.ScheduledActionProperty(
        scheduled_action_name=each.name,
        schedule=each.schedule,
        timezone=each.timezone,
        scalable_target_action=_target.ScalableTargetActionProperty(min_capacity=each.min, max_capacity=each.max),
    )
