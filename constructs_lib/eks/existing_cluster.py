"""A cluster that exists already: charts are applied to it, and pods in it are given identities."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from constructs_lib.eks.cluster_access import ADMIN_POLICY, access_entry
from constructs_lib.eks.cluster_base import ClusterBase
from constructs_lib.eks.cluster_vpc import vpc_of
from constructs_lib.eks.control_plane import PRIVATE_SUBNETS, kubectl_layer
from constructs_lib.eks.existing_cluster_rules import existing_cluster_problems
from constructs_lib.eks.network import ClusterVpc
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problems


class ExistingCluster(ClusterBase):
    """Imports an EKS cluster of the stack's account and region.

    It has the add-on eks-pod-identity-agent, the authentication mode ``API`` or ``API_AND_CONFIG_MAP``, and the device
    plugins of its nodes. The function that applies charts becomes an administrator of it.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    cluster_name
        Its name.
    vpc, security_group_id
        Its VPC, and a security group that reaches its API server, such as the cluster's own: for an API server that is
        reached from inside alone. None: it is reached from anywhere.
    node_groups
        The kinds of node that it has, for workloads that are put on them. Each node has the label
        ``inference/node-group`` with the name of its group.

    Raises
    ------
    InvalidValueError
        When the name can be none, when there is a VPC without a security group, or the other way round, and when a
        node group is given twice.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        cluster_name: str,
        vpc: ClusterVpc | ec2.IVpc | None = None,
        security_group_id: str | None = None,
        node_groups: Sequence[NodeGroup] = (),
    ) -> None:
        problems = Problems("ExistingCluster")
        problems.extend(
            existing_cluster_problems(
                cluster_name, has_vpc=vpc is not None, security_group_id=security_group_id, node_groups=node_groups
            )
        )
        problems.raise_any()
        super().__init__(scope, id)
        self.node_groups = tuple(node_groups)
        self.cluster_name = cluster_name
        inside = None if vpc is None else vpc_of(self, vpc)
        bare = eks.Cluster.from_cluster_attributes(self, "Bare", cluster_name=cluster_name, vpc=inside)
        self.cluster_arn = bare.cluster_arn
        group = security_group_id and ec2.SecurityGroup.from_security_group_id(self, "Reaches", security_group_id)
        provider = eks.KubectlProvider(
            self,
            "KubectlProvider",
            cluster=bare,
            kubectl_layer=kubectl_layer(self),
            private_subnets=inside.select_subnets(subnet_type=PRIVATE_SUBNETS).subnets if inside else None,
            security_groups=[group] if group else None,
        )
        self.cluster = eks.Cluster.from_cluster_attributes(
            self, "Cluster", cluster_name=cluster_name, vpc=inside, kubectl_provider=provider
        )
        role = provider.role
        assert role is not None  # noqa: S101  that of the function
        self.before_charts(
            access_entry(
                self,
                "KubectlAccess",
                cluster_name=cluster_name,
                partition=cdk.Stack.of(self).partition,
                policy=ADMIN_POLICY,
                principal_arn=role.role_arn,
            )
        )
