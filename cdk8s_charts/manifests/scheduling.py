"""On which nodes pods run."""

from __future__ import annotations

from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.placement import Placement
from constructs_lib.serving.kubernetes_names import ARCHITECTURES
from constructs_lib.serving.node_group import NODE_GROUP_LABEL


def node_affinity(node_group: str | None, architecture: str | None) -> k8s.Affinity | None:
    """Keep pods on the nodes of a group, or else on those of an architecture; None: they run on any."""
    if node_group is not None:
        key, value = NODE_GROUP_LABEL, node_group
    elif architecture is not None:
        key, value = "kubernetes.io/arch", ARCHITECTURES[architecture]
    else:
        return None
    there = k8s.NodeSelectorRequirement(key=key, operator="In", values=[value])
    required = k8s.NodeSelector(node_selector_terms=[k8s.NodeSelectorTerm(match_expressions=[there])])
    return k8s.Affinity(node_affinity=k8s.NodeAffinity(required_during_scheduling_ignored_during_execution=required))


def tolerations(placement: Placement) -> list[k8s.Toleration] | None:
    """Let pods onto the nodes of their group, or else onto any with a taint named for the accelerator, as is common."""
    if placement.group:
        return [
            k8s.Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
            for taint in placement.group.node_taints
        ] or None
    if placement.resource:
        return [k8s.Toleration(key=placement.resource, operator="Exists", effect="NoSchedule")]
    return None
