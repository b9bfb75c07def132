"""On which nodes pods run."""

from __future__ import annotations

from cdk8s_charts.k8s import objects as k8s
from constructs_lib.serving.node_group import NODE_GROUP_LABEL
from constructs_lib.serving.taint import Taint


def node_affinity(node_group: str | None) -> k8s.Affinity | None:
    """Keep pods on the nodes of a group; None: they run on any."""
    if node_group is None:
        return None
    in_group = k8s.NodeSelectorRequirement(key=NODE_GROUP_LABEL, operator="In", values=[node_group])
    required = k8s.NodeSelector(node_selector_terms=[k8s.NodeSelectorTerm(match_expressions=[in_group])])
    return k8s.Affinity(node_affinity=k8s.NodeAffinity(required_during_scheduling_ignored_during_execution=required))


def toleration(taint: Taint) -> k8s.Toleration:
    """Let pods onto nodes with a taint."""
    return k8s.Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
