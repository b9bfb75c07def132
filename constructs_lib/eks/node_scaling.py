"""Who adds and removes a cluster's nodes, and what that asks of its node groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem

NodeScaling = Literal["ClusterAutoscaler", "Karpenter", "AutoMode", "Fixed"]


def is_managed(scaling: NodeScaling, group: NodeGroup) -> bool:
    """Tell whether EKS keeps a group as a managed node group; Karpenter and Auto Mode keep others as a NodePool."""
    return scaling != "AutoMode" and not (scaling == "Karpenter" and group.min_size == 0)


def scaling_problems(scaling: NodeScaling, groups: Sequence[NodeGroup]) -> Iterator[Problem]:
    """Check that the cluster's own pods have a node, and that whoever scales a group can do what it says."""
    if scaling == "AutoMode":
        yield from _auto_mode_problems(groups)
    elif not any(group.min_size and not group.node_taints for group in groups):
        yield Problem(
            "node_groups",
            "have no node for the cluster's own pods (DNS, metrics, scaling): give a group without accelerators and "
            "taints, such as {name: system, instance_types: [m7i.large], min_size: 1, max_size: 3}",
        )
    if scaling == "Karpenter":
        yield from _karpenter_problems(groups)
    for index, group in enumerate(groups):
        managed = is_managed(scaling, group)
        if group.desired_size and not managed:
            yield Problem(
                f"node_groups.{index}.desired_size",
                f"is not possible with {scaling}, which starts nodes when pods ask for them; leave it out",
            )
        # EC2 User Guide, "Launch instances into an existing Capacity Reservation".
        if managed and group.capacity_reservation_id and len(group.instance_types) > 1:
            yield Problem(
                f"node_groups.{index}.instance_types",
                "must be one: a reservation is of a single instance type, and nodes of another do not start in it",
            )


def _auto_mode_problems(groups: Sequence[NodeGroup]) -> Iterator[Problem]:
    for index, group in enumerate(groups):
        if group.min_size:
            yield Problem(
                f"node_groups.{index}.min_size", "must be 0 with AutoMode, which has no minimum; leave it out"
            )
        if group.gpu_sharing:
            yield Problem(f"node_groups.{index}.gpu_sharing", "is not possible with AutoMode, which has its own plugin")
        if group.metadata_hop_limit != 1:
            yield Problem(f"node_groups.{index}.metadata_hop_limit", "must be 1 with AutoMode, which has no other")


def _karpenter_problems(groups: Sequence[NodeGroup]) -> Iterator[Problem]:
    for index, group in enumerate(groups):
        if group.gpu_sharing and not is_managed("Karpenter", group):
            yield Problem(
                f"node_groups.{index}.gpu_sharing",
                "is not possible with Karpenter, which plans with whole GPUs: set 'min_size' to 1 or more, or "
                "'node_scaling' to ClusterAutoscaler",
            )
