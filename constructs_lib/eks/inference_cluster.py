"""An EKS cluster with everything that inference needs: nodes with accelerators, their plugins, who scales them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar, cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from constructs_lib.eks.add_on import AddOn, add_ons_of_cluster
from constructs_lib.eks.cluster_access import ADMIN_POLICY, VIEW_POLICY, define_access
from constructs_lib.eks.cluster_base import ClusterBase
from constructs_lib.eks.cluster_notices import cluster_notices
from constructs_lib.eks.cluster_options import ALL_LOGS, ClusterOptions, ControlPlaneLog
from constructs_lib.eks.cluster_vpc import vpc_of, zones_for_options
from constructs_lib.eks.control_plane import PRIVATE_SUBNETS, define_control_plane
from constructs_lib.eks.kubernetes_versions import DEFAULT_VERSION
from constructs_lib.eks.managed_nodes import ManagedNodes
from constructs_lib.eks.network import ClusterVpc
from constructs_lib.eks.node_role import define_node_role
from constructs_lib.eks.node_scaling import NodeScaling, is_managed
from constructs_lib.eks.system import SystemPlace, define_system
from constructs_lib.serving.field_types import text_problems
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problems

# What nodes need before they are ready. The others need nodes to run on.
_BEFORE_NODES = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")

_T = TypeVar("_T")


class InferenceCluster(ClusterBase):
    """Defines an EKS cluster for inference.

    Parameters
    ----------
    scope, id
        Where in the construct tree the cluster stands.
    node_groups, name, version, node_scaling, public_access_cidrs, control_plane_logs, secrets_key_arn, admin_arns
        As `ClusterOptions` has them.
    viewer_arns, add_ons, neuron_scheduler
        As `ClusterOptions` has them.
    vpc
        A `ClusterVpc`, or a VPC of the CDK's. None: one is made, with private subnets in two Availability Zones, a NAT
        gateway in each, and a gateway endpoint for S3; if the stack's account is known, the CDK looks up its zones.
    availability_zones
        Those of the VPC that is made, as `ClusterOptions` has them.

    Attributes
    ----------
    cluster
        The cluster of the CDK's.
    vpc
        The VPC that it is in.

    Raises
    ------
    InvalidValueError
        When anything is wrong; with every problem.

    Example
    -------
    ::

        cluster = InferenceCluster(
            stack,
            "Cluster",
            node_groups=(
                NodeGroup(name="system", instance_types=("m7i.large",), min_size=1, max_size=3),
                NodeGroup(name="gpu", instance_types=("g5.xlarge",), max_size=4),
            ),
        )
        cluster.add_chart("Ranking", chart)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        node_groups: Sequence[NodeGroup] = (),
        name: str | None = None,
        version: str = DEFAULT_VERSION,
        vpc: ClusterVpc | ec2.IVpc | None = None,
        availability_zones: Sequence[str] = (),
        node_scaling: NodeScaling = "ClusterAutoscaler",
        public_access_cidrs: Sequence[str] = (),
        control_plane_logs: Sequence[ControlPlaneLog] = ALL_LOGS,
        secrets_key_arn: str | None = None,
        admin_arns: Sequence[str] = (),
        viewer_arns: Sequence[str] = (),
        add_ons: Sequence[AddOn] = (),
        neuron_scheduler: bool = False,
    ) -> None:
        problems = Problems("InferenceCluster")
        problems.extend(text_problems("vpc", vpc, "ec2.Vpc.from_lookup(self, 'Vpc', vpc_id="))
        problems.raise_any()
        options = ClusterOptions(
            node_groups=_tuple(node_groups),
            name=name,
            version=version,
            vpc=vpc if isinstance(vpc, ClusterVpc) else None,
            availability_zones=_tuple(zones_for_options(vpc, availability_zones, node_groups)),
            node_scaling=node_scaling,
            public_access_cidrs=_tuple(public_access_cidrs),
            control_plane_logs=_tuple(control_plane_logs),
            secrets_key_arn=secrets_key_arn,
            admin_arns=_tuple(admin_arns),
            viewer_arns=_tuple(viewer_arns),
            add_ons=_tuple(add_ons),
            neuron_scheduler=neuron_scheduler,
        )
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self._partition = stack.partition
        self.node_groups = options.node_groups
        self.vpc = vpc_of(self, vpc, availability_zones)
        subnets = self.vpc.select_subnets(subnet_type=PRIVATE_SUBNETS)
        subnet_ids = list(subnets.subnet_ids)
        role = define_node_role(
            self, partition=self._partition, dns_suffix=stack.url_suffix, auto_mode=options.auto_mode
        )
        made = define_control_plane(self, options=options, vpc=self.vpc, node_role=role)
        # jsii's classes do not name all that their interfaces do.
        self.cluster = cast("eks.ICluster", made)
        self.cluster_name, self.cluster_arn = made.cluster_name, made.cluster_arn
        self._define_access(options)
        self._define_nodes(options, role.attr_arn, subnets)
        system = SystemPlace(
            partition=self._partition,
            region=stack.region,
            account=stack.account,
            subnet_ids=subnet_ids,
            security_group_id=made.cluster_security_group_id,
        )
        define_system(self, options=options, node_role=role, place=system)
        for notice in cluster_notices(options):
            cdk.Annotations.of(self).add_warning_v2(notice.id, notice.message)

    def _define_access(self, options: ClusterOptions) -> None:
        for policy, arns in ((ADMIN_POLICY, options.admin_arns), (VIEW_POLICY, options.viewer_arns)):
            entries = define_access(
                self, cluster_name=self.cluster_name, partition=self._partition, policy=policy, principal_arns=arns
            )
            self.before_charts(*entries)

    def _define_nodes(self, options: ClusterOptions, role_arn: str, subnets: ec2.SelectedSubnets) -> None:
        add_ons = add_ons_of_cluster(options.add_ons, auto_mode=options.auto_mode)
        first = [self._define_add_on(add_on) for add_on in add_ons if add_on.name in _BEFORE_NODES]
        nodes: list[cdk.CfnResource] = []
        for group in options.node_groups:
            if is_managed(options.node_scaling, group):
                made = ManagedNodes(
                    self,
                    ManagedNodes.id_of(group),
                    group=group,
                    cluster_name=self.cluster_name,
                    version=options.version,
                    node_role_arn=role_arn,
                    subnet_ids=_subnet_ids(subnets, group.availability_zones),
                )
                nodes.append(_after(made.resource, first))
        others = [add_on for add_on in add_ons if add_on.name not in _BEFORE_NODES]
        self.before_charts(*first, *nodes, *(_after(self._define_add_on(add_on), nodes) for add_on in others))

    def _define_add_on(self, add_on: AddOn) -> cdk.CfnResource:
        return eks.CfnAddon(
            self,
            f"AddOn-{add_on.name}",
            cluster_name=self.cluster_name,
            addon_name=add_on.name,
            addon_version=add_on.version,
            configuration_values=json.dumps(add_on.configuration, sort_keys=True) if add_on.configuration else None,
            resolve_conflicts="OVERWRITE",
        )


def _tuple(given: Sequence[_T]) -> tuple[_T, ...]:
    # What is no list is left as it is, for `ClusterOptions` to say so.
    return tuple(given) if isinstance(given, list) else cast("tuple[_T, ...]", given)


def _subnet_ids(subnets: ec2.SelectedSubnets, zones: Sequence[str]) -> list[str]:
    if not zones:
        return list(subnets.subnet_ids)
    return [
        subnet for subnet, zone in zip(subnets.subnet_ids, subnets.availability_zones, strict=True) if zone in zones
    ]


def _after(resource: cdk.CfnResource, needed: Sequence[cdk.CfnResource]) -> cdk.CfnResource:
    for each in needed:
        resource.add_resource_dependency(each)
    return resource
