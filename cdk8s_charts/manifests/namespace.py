"""The namespace of a workload, where the chart makes it.

Source: AWS Load Balancer Controller, "Pod readiness gate".
"""

from __future__ import annotations

from constructs import Construct

from cdk8s_charts.k8s import objects as k8s

# A pod behind a load balancer is ready when the balancer calls it healthy, so that a rollout waits for that. Without a
# balancer, or without the controller, it says nothing.
_READY_BY_BALANCER = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


def namespace(scope: Construct, name: str) -> None:
    """Define a namespace."""
    k8s.KubeNamespace(scope, "Namespace", metadata=k8s.ObjectMeta(name=name, labels=_READY_BY_BALANCER))
