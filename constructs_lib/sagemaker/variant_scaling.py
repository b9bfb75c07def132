"""Application Auto Scaling for one production variant of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.async_inference import BacklogScaling
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.metrics import INSTANCES, INVOCATIONS
from constructs_lib.sagemaker.scalable_target import TrackedMetric, define_scalable_target
from constructs_lib.sagemaker.serverless import ProvisionedConcurrencyScaling

VariantScaling = Autoscaling | ProvisionedConcurrencyScaling | BacklogScaling

_COUNT = "sagemaker:variant:DesiredInstanceCount"
_CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"


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
    by_targets = limits if isinstance(limits, Autoscaling) else None
    target = define_scalable_target(
        scope,
        limits,
        scalable_dimension=_CONCURRENCY if isinstance(limits, ProvisionedConcurrencyScaling) else _COUNT,
        resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
        metrics=_metrics(endpoint_name, variant_name, limits),
        schedules=by_targets.schedules if by_targets else (),
        disable_scale_in=by_targets is not None and by_targets.disable_scale_in,
        id_prefix=variant_name,
        policy_suffix=policy_suffix,
    )
    if isinstance(limits, BacklogScaling) and limits.min == 0:
        from constructs_lib.sagemaker.step_scaling import wake_up_variant  # CloudWatch, where it is needed

        wake_up_variant(scope, target, endpoint_name, variant_name, policy_suffix=policy_suffix)
    for step in by_targets.steps if by_targets else ():
        from constructs_lib.sagemaker.step_scaling import scale_by_steps  # CloudWatch, where it is needed

        dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name}
        scale_by_steps(scope, target, step, dimensions=dimensions, id_prefix=variant_name, policy_suffix=policy_suffix)
    return target


def _metrics(endpoint_name: str, variant_name: str, limits: VariantScaling) -> Iterator[TrackedMetric]:
    match limits:
        case ProvisionedConcurrencyScaling():
            yield TrackedMetric("", "SageMakerVariantProvisionedConcurrencyUtilization", limits.utilization)
        case BacklogScaling():
            backlog = "ApproximateBacklogSizePerInstance"
            dimensions = {"EndpointName": endpoint_name}
            yield TrackedMetric("", backlog, limits.backlog_per_instance, INVOCATIONS, dimensions)
        case Autoscaling():
            yield from _instance_metrics({"EndpointName": endpoint_name, "VariantName": variant_name}, limits)


def _instance_metrics(dimensions: dict[str, str], limits: Autoscaling) -> Iterator[TrackedMetric]:
    if limits.target_invocations is not None:
        yield TrackedMetric("", "SageMakerVariantInvocationsPerInstance", limits.target_invocations)
    if limits.concurrent_requests_per_model is not None:
        metric = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        yield TrackedMetric("ConcurrentRequests", metric, limits.concurrent_requests_per_model)
    if limits.cpu_utilization is not None:
        yield TrackedMetric("CpuUtilization", "CPUUtilization", limits.cpu_utilization, INSTANCES, dimensions)
    if limits.gpu_utilization is not None:
        yield TrackedMetric("GpuUtilization", "GPUUtilization", limits.gpu_utilization, INSTANCES, dimensions)
