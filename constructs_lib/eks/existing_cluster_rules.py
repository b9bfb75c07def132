"""What is said of a cluster that exists already, checked without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_lib.eks.cluster_options import name_problems, twin_problems
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem


def existing_cluster_problems(
    cluster_name: str, *, has_vpc: bool, security_group_id: str | None, node_groups: Sequence[NodeGroup]
) -> Iterator[Problem]:
    """Check that the name can be one, that there is a whole way in or none, and that no node group is given twice."""
    yield from name_problems("cluster_name", cluster_name)
    if has_vpc != (security_group_id is not None):
        missing = "security_group_id" if has_vpc else "vpc"
        yield Problem(missing, "is required: give 'vpc' and 'security_group_id' together, or neither")
    yield from twin_problems("node_groups", [group.name for group in node_groups])
