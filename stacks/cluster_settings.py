"""The cluster of the settings: one that is made, or one that exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.eks.cluster_options import ClusterOptions
from constructs_lib.eks.existing_cluster_rules import existing_cluster_problems
from constructs_lib.eks.network import ClusterVpc
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem, Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingClusterSettings:
    """An EKS cluster that exists already, of the same account and region.

    It has the add-on eks-pod-identity-agent, the authentication mode ``API`` or ``API_AND_CONFIG_MAP``, and the device
    plugins of its nodes.

    Attributes
    ----------
    cluster_name
        Its name.
    vpc
        Its VPC, for an API server that is reached from inside alone. Left out: it is reached from anywhere.
    security_group_id
        A security group that reaches the API server, such as the cluster's own. Required with ``vpc``.
    node_groups
        The kinds of node that it has. Each node has the label ``inference/node-group`` with the name of its group.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    cluster_name: str
    vpc: ClusterVpc | None = None
    security_group_id: str | None = None
    node_groups: tuple[NodeGroup, ...] = ()

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(
            existing_cluster_problems(
                self.cluster_name,
                has_vpc=self.vpc is not None,
                security_group_id=self.security_group_id,
                node_groups=self.node_groups,
            )
        )
        problems.raise_any()


def cluster_choice_problems(
    cluster: ClusterOptions | None, existing: ExistingClusterSettings | None
) -> Iterator[Problem]:
    """Check that the workloads have one cluster to run in."""
    if cluster is not None and existing is not None:
        yield Problem("existing_cluster", "is a second cluster beside 'cluster'; leave one of them out")
