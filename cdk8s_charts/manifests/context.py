"""What all objects of one chart share: the workload, its nodes, its server's container, names and labels."""

from __future__ import annotations

from dataclasses import dataclass

from cdk8s_charts.container import ServerContainer
from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.placement import Placement
from cdk8s_charts.workload import Workload

_COMPONENT = "inference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the objects of one chart share.

    Attributes
    ----------
    workload, placement, container
        What is served, where, and by which container.
    """

    workload: Workload
    placement: Placement
    container: ServerContainer

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which Services, policies and autoscalers find the pods; they never change."""
        return {"app.kubernetes.io/name": self.workload.name, "app.kubernetes.io/component": _COMPONENT}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of all objects and pods."""
        return {**self.workload.labels, **self.selector, "app.kubernetes.io/managed-by": "inference-constructs"}

    @property
    def label_selector(self) -> k8s.LabelSelector:
        """The selector as Kubernetes has it."""
        return k8s.LabelSelector(match_labels=self.selector)

    def metadata(self, suffix: str = "", *, annotations: dict[str, str] | None = None) -> k8s.ObjectMeta:
        """Name and label an object of the workload's namespace."""
        return k8s.ObjectMeta(
            name=f"{self.workload.name}{suffix}",
            namespace=self.workload.namespace,
            labels=self.labels,
            annotations=annotations or None,
        )
