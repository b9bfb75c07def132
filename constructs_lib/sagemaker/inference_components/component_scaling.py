"""Application Auto Scaling for the copies of one inference component."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling
from constructs_lib.sagemaker.metrics import COPIES
from constructs_lib.sagemaker.scalable_target import TrackedMetric, define_scalable_target


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
    dimensions = {"InferenceComponentName": component_name}
    target = define_scalable_target(
        scope,
        scaling,
        scalable_dimension="sagemaker:inference-component:DesiredCopyCount",
        resource_id=f"inference-component/{component_name}",
        metrics=_metrics(dimensions, scaling),
        schedules=scaling.schedules,
        disable_scale_in=scaling.disable_scale_in,
    )
    for step in scaling.steps:
        from constructs_lib.sagemaker.step_scaling import scale_by_steps  # CloudWatch, where it is needed

        scale_by_steps(scope, target, step, dimensions=dimensions, utilization=COPIES)
    if scaling.can_be_empty:
        from constructs_lib.sagemaker.step_scaling import wake_up_component  # CloudWatch, where it is needed

        wake_up_component(scope, target, component_name)
    return target


def _metrics(dimensions: dict[str, str], scaling: CopyScaling) -> Iterator[TrackedMetric]:
    predefined = {
        "InvocationsPerCopy": scaling.target_invocations,
        "ConcurrentRequestsPerCopyHighResolution": scaling.concurrent_requests_per_copy,
    }
    for name, value in predefined.items():
        if value is not None:
            yield TrackedMetric(name, f"SageMakerInferenceComponent{name}", value)
    customized = {
        "CPUUtilizationNormalized": scaling.cpu_utilization,
        "GPUUtilizationNormalized": scaling.gpu_utilization,
    }
    for name, value in customized.items():
        if value is not None:
            yield TrackedMetric(name, name, value, COPIES, dimensions)
