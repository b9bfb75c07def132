"""The Cluster Autoscaler: it adds nodes for pods that find no place, and removes nodes that nobody needs.

EKS tags the Auto Scaling group of each managed node group so that it is found. For a group that has no node, it asks
EKS for labels, taints and tags (DescribeNodegroup), and EC2 for CPUs, memory and GPUs; Neuron devices and shared GPUs
it knows by the tags that `scale_from_zero_tags` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from constructs_lib.eks.kubernetes_versions import cluster_autoscaler_version
from constructs_lib.eks.manifests import (
    SYSTEM_NAMESPACE,
    Manifest,
    cluster_role,
    deployment,
    role,
    rule,
    service_account,
)
from constructs_lib.serving.node_group import NEURON_RESOURCE, NodeGroup

NAME = "cluster-autoscaler"
_RESOURCE_TAG = "k8s.io/cluster-autoscaler/node-template/resources/"
_ENABLED_TAG = "k8s.io/cluster-autoscaler/enabled"
_READ = ("get", "list", "watch")


def scale_from_zero_tags(group: NodeGroup) -> dict[str, str]:
    """Give the tags of a node group by which the autoscaler knows what a node would offer that is not there yet."""
    tags = {f"{_RESOURCE_TAG}ephemeral-storage": f"{group.volume_size_gib}Gi"}
    if group.accelerator_resource:
        tags[f"{_RESOURCE_TAG}{group.accelerator_resource}"] = str(group.accelerators_per_node)
    if group.accelerator_resource == NEURON_RESOURCE and group.accelerator and group.accelerator.cores:
        cores = group.accelerator.count * group.accelerator.cores
        tags[f"{_RESOURCE_TAG}aws.amazon.com/neuroncore"] = str(cores)
    return tags


def cluster_autoscaler(version: str, *, cluster_name: str, region: str) -> Iterator[Manifest]:
    """Give the autoscaler of a cluster.

    Parameters
    ----------
    version
        Kubernetes version of the cluster, which decides on that of the autoscaler.
    cluster_name, region
        What it looks for; tokens are possible.
    """
    yield service_account(NAME)
    yield from cluster_role(NAME, _RULES)
    yield from role(
        NAME,
        [
            rule("", ["configmaps"], ["create", "list", "watch"]),
            rule("", ["configmaps"], ["delete", "get", "update", "watch"], [f"{NAME}-status"]),
            rule("coordination.k8s.io", ["leases"], ["create"]),
            rule("coordination.k8s.io", ["leases"], ["get", "update"], [NAME]),
        ],
    )
    container = {
        "image": f"registry.k8s.io/autoscaling/cluster-autoscaler:v{cluster_autoscaler_version(version)}",
        "command": [
            "./cluster-autoscaler",
            "--cloud-provider=aws",
            f"--namespace={SYSTEM_NAMESPACE}",
            f"--node-group-auto-discovery=asg:tag={_ENABLED_TAG},k8s.io/cluster-autoscaler/{cluster_name}",
            "--balance-similar-node-groups",
            "--expander=least-waste",
            # A pod that has downloaded its model to the node's disk can be moved: it downloads it again.
            "--skip-nodes-with-local-storage=false",
        ],
        # Pods do not reach the instance metadata service, which it would otherwise ask.
        "env": [{"name": "AWS_REGION", "value": region}],
        "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    not_root = {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}}
    yield deployment(NAME, container, securityContext=not_root)


def cluster_autoscaler_policy(*, cluster_name: str, partition: str, node_group_arns: str) -> list[Mapping[str, Any]]:
    """Give what the autoscaler may do in AWS: look at groups, and change the size of this cluster's.

    Parameters
    ----------
    cluster_name, partition
        Of the cluster; tokens are possible.
    node_group_arns
        Pattern of the ARNs of the cluster's node groups.
    """
    look = [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeTags",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
    ]
    change = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    return [
        {"Effect": "Allow", "Action": look, "Resource": "*"},
        {"Effect": "Allow", "Action": "eks:DescribeNodegroup", "Resource": node_group_arns},
        {
            "Effect": "Allow",
            "Action": change,
            "Resource": f"arn:{partition}:autoscaling:*:*:autoScalingGroup:*",
            "Condition": {"StringEquals": {"aws:ResourceTag/eks:cluster-name": cluster_name}},
        },
    ]


# kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws/examples, less what is of API versions that are gone.
_RULES = (
    rule("", ["events", "endpoints"], ["create", "patch"]),
    rule("", ["pods/eviction"], ["create"]),
    rule("", ["pods/status"], ["update"]),
    rule("", ["endpoints"], ["get", "update"], [NAME]),
    rule("", ["nodes"], ["get", "list", "update", "watch"]),
    rule(
        "",
        ["namespaces", "pods", "services", "replicationcontrollers", "persistentvolumeclaims", "persistentvolumes"],
        _READ,
    ),
    rule("policy", ["poddisruptionbudgets"], ["list", "watch"]),
    rule("apps", ["statefulsets", "replicasets", "daemonsets"], _READ),
    rule(
        "storage.k8s.io",
        ["storageclasses", "csinodes", "csidrivers", "csistoragecapacities", "volumeattachments"],
        _READ,
    ),
    rule("batch", ["jobs"], ["get", "list", "watch", "patch"]),
    # Dynamic resource allocation, which it reads from Kubernetes 1.34 on.
    rule("resource.k8s.io", ["deviceclasses", "resourceclaims", "resourceslices"], _READ),
)
