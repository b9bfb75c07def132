"""Node groups as Karpenter and EKS Auto Mode keep them: a NodePool, and the class of its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from constructs_lib.eks.manifests import Manifest
from constructs_lib.serving.kubernetes_names import ARCHITECTURES
from constructs_lib.serving.node_group import NodeGroup

_CAPACITY_TYPES = {"ON_DEMAND": "on-demand", "SPOT": "spot", "CAPACITY_BLOCK": "reserved"}
_ALIASES = {"AL2023": "al2023@latest", "Bottlerocket": "bottlerocket@latest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlace:
    """Where nodes are, and what they are to AWS; tokens are possible.

    Attributes
    ----------
    subnet_ids, security_group_id
        Where their network interfaces are.
    identity
        Karpenter: the name of an instance profile. Auto Mode: the name of a role.
    """

    subnet_ids: Sequence[str]
    security_group_id: str
    identity: str


def karpenter_node_pool(group: NodeGroup, place: NodePlace) -> list[Manifest]:
    """Give a group as Karpenter keeps it (``karpenter.sh/v1``, ``karpenter.k8s.aws/v1``)."""
    volume = {
        "volumeSize": f"{group.volume_size_gib}Gi",
        "volumeType": "gp3",
        "encrypted": True,
        "deleteOnTermination": True,
    }
    node_class = {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": group.name},
        "spec": {
            "amiSelectorTerms": [{"alias": _ALIASES[group.ami]}],
            "instanceProfile": place.identity,
            **_selectors(group, place),
            "blockDeviceMappings": [{"deviceName": group.volume_device, "ebs": volume}],
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": group.metadata_hop_limit},
            "tags": {"Name": group.name},
        },
    }
    return [node_class, _node_pool(group, class_group="karpenter.k8s.aws", class_kind="EC2NodeClass")]


def auto_mode_node_pool(group: NodeGroup, place: NodePlace) -> list[Manifest]:
    """Give a group as EKS Auto Mode keeps it (``karpenter.sh/v1``, ``eks.amazonaws.com/v1``).

    Auto Mode chooses the image, and brings the device plugins.
    """
    node_class = {
        "apiVersion": "eks.amazonaws.com/v1",
        "kind": "NodeClass",
        "metadata": {"name": group.name},
        "spec": {
            "role": place.identity,
            **_selectors(group, place),
            "ephemeralStorage": {"size": f"{group.volume_size_gib}Gi"},
            # Pods that no NetworkPolicy selects are open; the others are held to theirs.
            "networkPolicy": "DefaultAllow",
        },
    }
    return [node_class, _node_pool(group, class_group="eks.amazonaws.com", class_kind="NodeClass")]


def _selectors(group: NodeGroup, place: NodePlace) -> Manifest:
    selectors: Manifest = {
        "subnetSelectorTerms": [{"id": subnet} for subnet in place.subnet_ids],
        "securityGroupSelectorTerms": [{"id": place.security_group_id}],
    }
    if group.capacity_reservation_id:
        selectors["capacityReservationSelectorTerms"] = [{"id": group.capacity_reservation_id}]
    return selectors


def _node_pool(group: NodeGroup, *, class_group: str, class_kind: str) -> Manifest:
    capacity = _CAPACITY_TYPES[group.capacity_type]
    reserved = group.capacity_reservation_id and capacity == "on-demand"
    requirements = {
        "node.kubernetes.io/instance-type": list(group.instance_types),
        "kubernetes.io/arch": [ARCHITECTURES[group.architecture]],
        "karpenter.sh/capacity-type": ["reserved", capacity] if reserved else [capacity],
    }
    if group.availability_zones:
        requirements["topology.kubernetes.io/zone"] = list(group.availability_zones)
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": group.name},
        "spec": {
            "limits": _limits(group),
            # A model takes minutes to load: a node that serves is not taken away to save a part of another.
            "disruption": {
                "consolidationPolicy": "WhenEmpty" if group.accelerator else "WhenEmptyOrUnderutilized",
                "consolidateAfter": "10m",
            },
            "template": {
                "metadata": {"labels": group.node_labels},
                "spec": {
                    "nodeClassRef": {"group": class_group, "kind": class_kind, "name": group.name},
                    "requirements": [
                        {"key": key, "operator": "In", "values": values} for key, values in requirements.items()
                    ],
                    "taints": [
                        {"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in group.node_taints
                    ],
                },
            },
        },
    }


def _limits(group: NodeGroup) -> dict[str, str]:
    """Give the resources of as many nodes as the group may have, since a pool is not limited in nodes."""
    if group.accelerator_resource:
        return {group.accelerator_resource: str(group.max_size * group.accelerators_per_node)}
    return {"cpu": str(group.max_size * min(instance.vcpus or 0 for instance in group.instances))}
