"""What runs in a cluster before any workload: device plugins, and who adds and removes nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib.eks.cluster_autoscaler import NAME as AUTOSCALER
from constructs_lib.eks.cluster_autoscaler import cluster_autoscaler, cluster_autoscaler_policy
from constructs_lib.eks.cluster_base import ClusterBase
from constructs_lib.eks.cluster_options import ClusterOptions
from constructs_lib.eks.manifests import SYSTEM_NAMESPACE, Manifest, metadata
from constructs_lib.eks.neuron_device_plugin import neuron_device_plugin, neuron_scheduler
from constructs_lib.eks.node_pools import NodePlace, auto_mode_node_pool, karpenter_node_pool
from constructs_lib.eks.node_scaling import is_managed
from constructs_lib.eks.nvidia_device_plugin import nvidia_device_plugin
from constructs_lib.eks.pod_identity import PodIdentity

# EKS User Guide, "Use Network Policies with EKS Auto Mode": without it, they are objects that nobody heeds.
_NETWORK_POLICIES: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": metadata("amazon-vpc-cni"),
    "data": {"enable-network-policy-controller": "true"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPlace:
    """Where a cluster is; tokens are possible.

    Attributes
    ----------
    partition, region, account
        Of its stack.
    subnet_ids, security_group_id
        Of its nodes.
    """

    partition: str
    region: str
    account: str
    subnet_ids: Sequence[str]
    security_group_id: str


def define_system(cluster: ClusterBase, *, options: ClusterOptions, node_role: iam.CfnRole, place: SystemPlace) -> None:
    """Define what runs in a cluster before any workload, and have the workloads wait for it.

    Parameters
    ----------
    cluster
        The cluster, with its nodes and add-ons.
    options
        What it is.
    node_role
        The role of its nodes.
    place
        Where it is.
    """
    objects: list[Manifest] = []
    if options.auto_mode:
        objects.append(_NETWORK_POLICIES)
    else:
        objects += nvidia_device_plugin(options.node_groups)
        objects += neuron_device_plugin(options.node_groups)
    if options.neuron_scheduler:
        objects += neuron_scheduler(options.version)
    if options.node_scaling == "ClusterAutoscaler":
        _identify_autoscaler(cluster, place)
        objects += cluster_autoscaler(options.version, cluster_name=cluster.cluster_name, region=place.region)
    if objects:
        _add_system_chart(cluster, "System", objects)
    pools = [group for group in options.node_groups if not is_managed(options.node_scaling, group)]
    if options.node_scaling == "Karpenter":
        profile = _install_karpenter(cluster, options, node_role, place)
        nodes = NodePlace(subnet_ids=place.subnet_ids, security_group_id=place.security_group_id, identity=profile)
        render = karpenter_node_pool
    else:
        nodes = NodePlace(
            subnet_ids=place.subnet_ids, security_group_id=place.security_group_id, identity=node_role.ref
        )
        render = auto_mode_node_pool
    if pools:
        _add_system_chart(cluster, "NodePools", [manifest for group in pools for manifest in render(group, nodes)])


def _add_system_chart(cluster: ClusterBase, name: str, objects: Sequence[Manifest]) -> None:
    resource = cluster.add_chart(name, objects).nested_stack_resource
    assert isinstance(resource, cdk.CfnResource)  # noqa: S101  of a nested stack there always is one
    cluster.charts_follow(resource)


def _identify_autoscaler(cluster: ClusterBase, place: SystemPlace) -> None:
    node_groups = f"arn:{place.partition}:eks:{place.region}:{place.account}:nodegroup/{cluster.cluster_name}/*"
    identity = PodIdentity(
        cluster,
        "Autoscaler",
        cluster_name=cluster.cluster_name,
        cluster_arn=cluster.cluster_arn,
        namespace=SYSTEM_NAMESPACE,
        service_account=AUTOSCALER,
        statements=cluster_autoscaler_policy(
            cluster_name=cluster.cluster_name, partition=place.partition, node_group_arns=node_groups
        ),
    )
    cluster.before_charts(identity.resource)


def _install_karpenter(
    cluster: ClusterBase, options: ClusterOptions, node_role: iam.CfnRole, place: SystemPlace
) -> str:
    from constructs_lib.eks.karpenter import Karpenter  # SQS and EventBridge, for who wants it

    always = sum(group.min_size for group in options.node_groups if not group.node_taints)
    made = Karpenter(
        cluster,
        "Karpenter",
        cluster=cluster.cluster,
        node_role=node_role,
        partition=place.partition,
        region=place.region,
        replicas=min(always, 2),
    )
    for resource in cluster.needed_by_charts:
        made.ready.add_resource_dependency(resource)
    cluster.charts_follow(made.ready)
    return made.instance_profile_name
