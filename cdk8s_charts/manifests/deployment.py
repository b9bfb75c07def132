"""The Deployment of a workload, and what it needs besides: its files of configuration, its disruption budget."""

from __future__ import annotations

from constructs import Construct

from cdk8s_charts.k8s import int_or_string
from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.manifests.context import Context
from cdk8s_charts.manifests.pod import pod_template

# Beyond starting up: scheduling, a new node, pulling an image of 10 GB.
_SCHEDULING_SECONDS = 1200
_REVISIONS = 3


def deployment(scope: Construct, context: Context) -> None:
    """Define the Deployment; one that is scaled says nothing of its replicas."""
    workload = context.workload
    start_up = workload.start_up_seconds or context.container.start_up_seconds
    k8s.KubeDeployment(
        scope,
        "Deployment",
        metadata=context.metadata(),
        spec=k8s.DeploymentSpec(
            replicas=None if workload.autoscaling else 1 if workload.replicas is None else workload.replicas,
            selector=context.label_selector,
            strategy=_strategy(context),
            progress_deadline_seconds=start_up + _SCHEDULING_SECONDS,
            revision_history_limit=_REVISIONS,
            template=pod_template(context),
        ),
    )


def config_map(scope: Construct, context: Context) -> None:
    """Define the ConfigMap with the server's files, if it has any."""
    if context.container.config:
        k8s.KubeConfigMap(scope, "Config", metadata=context.metadata("-config"), data=dict(context.container.config))


def disruption_budget(scope: Construct, context: Context) -> None:
    """Define the PodDisruptionBudget: nodes are drained one pod at a time, and a pod that is broken holds up none."""
    k8s.KubePodDisruptionBudget(
        scope,
        "DisruptionBudget",
        metadata=context.metadata(),
        spec=k8s.PodDisruptionBudgetSpec(
            max_unavailable=int_or_string(1),
            selector=context.label_selector,
            unhealthy_pod_eviction_policy="AlwaysAllow",
        ),
    )


def _strategy(context: Context) -> k8s.DeploymentStrategy:
    workload = context.workload
    in_place = (workload.rollout or ("in-place" if context.placement.accelerators else "surge")) == "in-place"
    return k8s.DeploymentStrategy(
        type="RollingUpdate",
        rolling_update=k8s.RollingUpdateDeployment(
            max_surge=int_or_string(0 if in_place else 1),
            max_unavailable=int_or_string(1 if in_place else 0),
        ),
    )
