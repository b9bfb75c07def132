"""Application Auto Scaling for one production variant of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.async_inference import BacklogScaling
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.scaling_rules import ScheduledCapacity
from constructs_lib.sagemaker.serverless import ProvisionedConcurrencyScaling

VariantScaling = Autoscaling | ProvisionedConcurrencyScaling | BacklogScaling

_COUNT = "sagemaker:variant:DesiredInstanceCount"
_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
_INVOCATIONS = "SageMakerVariantInvocationsPerInstance"

_policy = autoscaling.CfnScalingPolicy


class _Target(NamedTuple):
    """One metric to follow; those that Application Auto Scaling knows by name have no namespace."""

    id: str
    metric: str
    value: float
    namespace: str | None = None
    variant: str | None = None


def scale_variant(
    scope: Construct, endpoint_name: str, variant_name: str, limits: VariantScaling, *, policy_suffix: str = ""
) -> autoscaling.CfnScalableTarget:
    """Let the instance count of a variant, or its provisioned concurrency, follow its traffic.

    Parameters
    ----------
    scope
        The construct that the scalable target and its policies stand under.
    endpoint_name
        Name of the endpoint, as a token of the endpoint itself: Application Auto Scaling takes no target that is not
        in service yet.
    variant_name
        Name of the variant.
    limits
        Range, targets and cool-downs.
    policy_suffix
        End of every policy's name. Default: none.

    Returns
    -------
    autoscaling.CfnScalableTarget
        The scalable target.
    """
    schedules = limits.schedules if isinstance(limits, Autoscaling) else ()
    target = autoscaling.CfnScalableTarget(
        scope,
        f"{variant_name}ScalableTarget",
        service_namespace="sagemaker",
        scalable_dimension=_CONCURRENCY if isinstance(limits, ProvisionedConcurrencyScaling) else _COUNT,
        resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
        min_capacity=limits.min,
        max_capacity=limits.max,
        scheduled_actions=[scheduled_action(each) for each in schedules] or None,
    )
    for followed in _targets(variant_name, limits):
        _policy(
            scope,
            f"{variant_name}{followed.id}ScalingPolicy",
            policy_name=f"{followed.metric}{policy_suffix}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=_tracking(followed, endpoint_name, limits),
        )
    if isinstance(limits, BacklogScaling) and limits.min == 0:
        from constructs_lib.sagemaker.step_scaling import wake_up  # CloudWatch's module, which others need not load

        wake_up(scope, endpoint_name, variant_name, target, policy_suffix)
    for step in limits.steps if isinstance(limits, Autoscaling) else ():
        from constructs_lib.sagemaker.step_scaling import scale_in_steps

        dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name}
        scale_in_steps(scope, target, step, dimensions=dimensions, id_prefix=variant_name, policy_suffix=policy_suffix)
    return target


def _targets(variant: str, limits: VariantScaling) -> Iterator[_Target]:
    match limits:
        case ProvisionedConcurrencyScaling():
            yield _Target("", "SageMakerVariantProvisionedConcurrencyUtilization", limits.utilization)
        case BacklogScaling():
            yield _Target("", "ApproximateBacklogSizePerInstance", limits.backlog_per_instance, "AWS/SageMaker")
        case Autoscaling():
            yield from _instance_targets(variant, limits)


def _instance_targets(variant: str, limits: Autoscaling) -> Iterator[_Target]:
    if limits.target_invocations is not None:
        yield _Target("", _INVOCATIONS, limits.target_invocations)
    if limits.concurrent_requests_per_model is not None:
        metric = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        yield _Target("ConcurrentRequests", metric, limits.concurrent_requests_per_model)
    instances = "/aws/sagemaker/Endpoints"
    if limits.cpu_utilization is not None:
        yield _Target("CpuUtilization", "CPUUtilization", limits.cpu_utilization, instances, variant)
    if limits.gpu_utilization is not None:
        yield _Target("GpuUtilization", "GPUUtilization", limits.gpu_utilization, instances, variant)


def _tracking(
    followed: _Target, endpoint_name: str, limits: VariantScaling
) -> autoscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty:
    return _policy.TargetTrackingScalingPolicyConfigurationProperty(
        target_value=followed.value,
        predefined_metric_specification=None if followed.namespace else _predefined(followed),
        customized_metric_specification=_customized(followed, endpoint_name) if followed.namespace else None,
        scale_in_cooldown=limits.scale_in_cooldown,
        scale_out_cooldown=limits.scale_out_cooldown,
        disable_scale_in=limits.disable_scale_in if isinstance(limits, Autoscaling) else False,
    )


def _predefined(followed: _Target) -> autoscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty:
    return _policy.PredefinedMetricSpecificationProperty(predefined_metric_type=followed.metric)


def _customized(
    followed: _Target, endpoint_name: str
) -> autoscaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty:
    dimensions = {"EndpointName": endpoint_name, "VariantName": followed.variant}
    return _policy.CustomizedMetricSpecificationProperty(
        metric_name=followed.metric,
        namespace=followed.namespace,
        statistic="Average",
        dimensions=[
            _policy.MetricDimensionProperty(name=name, value=value) for name, value in dimensions.items() if value
        ],
    )


def scheduled_action(each: ScheduledCapacity) -> autoscaling.CfnScalableTarget.ScheduledActionProperty:
    """Give a time at which a range changes as a property of the scalable target."""
    target = autoscaling.CfnScalableTarget
    return target.ScheduledActionProperty(
        scheduled_action_name=each.name,
        schedule=each.schedule,
        timezone=each.timezone,
        scalable_target_action=target.ScalableTargetActionProperty(min_capacity=each.min, max_capacity=each.max),
    )
