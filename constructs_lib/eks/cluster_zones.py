"""Which Availability Zones a cluster and its nodes can be in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_lib.eks.node_scaling import NodeScaling, is_managed
from constructs_lib.serving.availability_zones import is_known_zone, zone_problems
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem

_UNKNOWN = "give the cluster's own 'availability_zones', two or more, with this one among them"


def cluster_zone_problems(zones: Sequence[str], *, has_vpc: bool) -> Iterator[Problem]:
    """Check that a VPC can be made in these zones."""
    yield from zone_problems("availability_zones", zones)
    if zones and has_vpc:
        yield Problem("availability_zones", "are for a VPC that is made, and 'vpc' has its own; leave one of them out")
    elif zones and len(set(zones)) < 2 and all(map(is_known_zone, zones)):
        yield Problem("availability_zones", "must be at least two different ones, which EKS asks for")


def node_zone_problems(scaling: NodeScaling, groups: Sequence[NodeGroup], zones: Sequence[str]) -> Iterator[Problem]:
    """Check that node groups are in zones of the cluster, and those of a reservation where that is.

    An Auto Scaling group spreads its nodes over all its zones, and a reservation's exist in one: in the others they
    fail to start (EKS User Guide, "Reserve GPUs with Capacity Blocks for ML"; EC2 User Guide, "Launch instances into an
    existing Capacity Reservation"). Karpenter and Auto Mode look up where a reservation is.

    Parameters
    ----------
    scaling
        Who adds and removes nodes.
    groups
        The node groups.
    zones
        The zones in which the cluster has private subnets; empty when that is seen at deployment only.
    """
    for index, group in enumerate(groups):
        field = f"node_groups.{index}.availability_zones"
        reservation, own = group.capacity_reservation_id, group.availability_zones
        if reservation and len(own) != 1 and is_managed(scaling, group):
            got = f"are {len(own)}" if own else "are missing"
            yield Problem(
                field,
                f"{got}: a reservation is in one zone, and its nodes start nowhere else; give that of '{reservation}', "
                f"which `aws ec2 describe-capacity-reservations` tells{'' if zones else f', and {_UNKNOWN}'}",
            )
        for place, zone in enumerate(own):
            if wrong := _wrong_zone(zone, zones):
                yield Problem(f"{field}.{place}", wrong)


def _wrong_zone(zone: str, zones: Sequence[str]) -> str | None:
    if zone in zones or any(each.startswith("dummy") for each in zones):
        return None
    if not zones:
        return f"is '{zone}', but the zones of the VPC are seen at deployment only; {_UNKNOWN}"
    if not all(map(is_known_zone, zones)):
        return f"is '{zone}', but the zones of the VPC are seen at deployment only; give one as the VPC has it"
    return f"is '{zone}', where the cluster has no private subnet; choose from {', '.join(dict.fromkeys(zones))}"
