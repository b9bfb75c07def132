"""What scales a workload: a HorizontalPodAutoscaler, or KEDA's ScaledObject.

Sources: Kubernetes, autoscaling/v2; KEDA, reference/scaledobject-spec.
"""

from __future__ import annotations

from typing import Any

import cdk8s
from constructs import Construct

from cdk8s_charts.autoscaling import PodAutoscaling, ScalingRule
from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.k8s import quantity
from cdk8s_charts.manifests.context import Context


def autoscaler(scope: Construct, context: Context) -> None:
    """Define what scales the workload, if anything does."""
    asked = context.workload.autoscaling
    if asked is not None:
        _ENGINES[asked.engine](scope, context, asked)


def _horizontal_pod_autoscaler(scope: Construct, context: Context, asked: PodAutoscaling) -> None:
    behavior = None
    if asked.scale_up or asked.scale_down:
        behavior = k8s.HorizontalPodAutoscalerBehaviorV2(
            scale_up=_rules(asked.scale_up), scale_down=_rules(asked.scale_down)
        )
    k8s.KubeHorizontalPodAutoscalerV2(
        scope,
        "Autoscaler",
        metadata=context.metadata(),
        spec=k8s.HorizontalPodAutoscalerSpecV2(
            scale_target_ref=k8s.CrossVersionObjectReferenceV2(
                api_version="apps/v1", kind="Deployment", name=context.workload.name
            ),
            min_replicas=asked.min,
            max_replicas=asked.max,
            metrics=_metrics(asked),
            behavior=behavior,
        ),
    )


def _metrics(asked: PodAutoscaling) -> list[k8s.MetricSpecV2]:
    followed = {"cpu": asked.cpu_target, "memory": asked.memory_utilization}
    metrics = [
        k8s.MetricSpecV2(
            type="Resource",
            resource=k8s.ResourceMetricSourceV2(
                name=name, target=k8s.MetricTargetV2(type="Utilization", average_utilization=percent)
            ),
        )
        for name, percent in followed.items()
        if percent is not None
    ]
    for name, target in asked.pod_metrics.items():
        source = k8s.PodsMetricSourceV2(metric=k8s.MetricIdentifierV2(name=name), target=_average(target))
        metrics.append(k8s.MetricSpecV2(type="Pods", pods=source))
    for name, target in asked.external_metrics.items():
        outside = k8s.ExternalMetricSourceV2(metric=k8s.MetricIdentifierV2(name=name), target=_average(target))
        metrics.append(k8s.MetricSpecV2(type="External", external=outside))
    return metrics


def _average(target: str) -> k8s.MetricTargetV2:
    return k8s.MetricTargetV2(type="AverageValue", average_value=quantity(target))


def _rules(rule: ScalingRule | None) -> k8s.HpaScalingRulesV2 | None:
    if rule is None:
        return None
    policies = [
        k8s.HpaScalingPolicyV2(type=kind, value=value, period_seconds=rule.period_seconds)
        for kind, value in (("Pods", rule.pods), ("Percent", rule.percent))
        if value is not None
    ]
    return k8s.HpaScalingRulesV2(stabilization_window_seconds=rule.stabilization_seconds, policies=policies or None)


def _scaled_object(scope: Construct, context: Context, asked: PodAutoscaling) -> None:
    followed = {"cpu": asked.cpu_target, "memory": asked.memory_utilization}
    triggers: list[dict[str, Any]] = [
        {"type": name, "metricType": "Utilization", "metadata": {"value": str(percent)}}
        for name, percent in followed.items()
        if percent is not None
    ]
    for trigger in asked.triggers:
        reference = {"authenticationRef": {"name": trigger.authentication}} if trigger.authentication else {}
        triggers.append({"type": trigger.type, "metadata": dict(trigger.metadata), **reference})
    directions = {"scaleUp": asked.scale_up, "scaleDown": asked.scale_down}
    behavior = {name: _behavior(rule) for name, rule in directions.items() if rule}
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": context.workload.name},
        "minReplicaCount": asked.min,
        "maxReplicaCount": asked.max,
        "cooldownPeriod": asked.cooldown_seconds,
        "triggers": triggers,
    }
    if behavior:
        spec["advanced"] = {"horizontalPodAutoscalerConfig": {"behavior": behavior}}
    keda = cdk8s.ApiObject(
        scope,
        "Autoscaler",
        api_version="keda.sh/v1alpha1",
        kind="ScaledObject",
        metadata=cdk8s.ApiObjectMetadata(
            name=context.workload.name, namespace=context.workload.namespace, labels=context.labels
        ),
    )
    keda.add_json_patch(cdk8s.JsonPatch.add("/spec", spec))


def _behavior(rule: ScalingRule) -> dict[str, Any]:
    policies = [
        {"type": kind, "value": value, "periodSeconds": rule.period_seconds}
        for kind, value in (("Pods", rule.pods), ("Percent", rule.percent))
        if value is not None
    ]
    window = rule.stabilization_seconds
    return {
        **({"stabilizationWindowSeconds": window} if window is not None else {}),
        **({"policies": policies} if policies else {}),
    }


_ENGINES = {"hpa": _horizontal_pod_autoscaler, "keda": _scaled_object}
