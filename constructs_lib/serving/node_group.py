"""Nodes of one kind, and everything that follows from the kind: AMI, taint, label, what a pod asks for.

gpus = NodeGroup(name="gpu", instance_types=("g5.xlarge",), min_size=0, max_size=4)
gpus.ami_type               # AL2023_x86_64_NVIDIA
gpus.accelerator_resource   # nvidia.com/gpu
gpus.node_taints            # (nvidia.com/gpu=true:NoSchedule,)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from constructs_lib.serving.availability_zones import zone_problems
from constructs_lib.serving.gpu_sharing import GpuSharing
from constructs_lib.serving.instances import Accelerator, InstanceType, ec2_instance_type
from constructs_lib.serving.kubernetes_names import dns_label_problem, label_problems
from constructs_lib.serving.node_capacity import NodeCapacity, node_capacity
from constructs_lib.serving.node_group_rules import instance_problems, reservation_problems
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import choice_problems, range_problems
from constructs_lib.serving.taint import Taint

NODE_GROUP_LABEL = "inference/node-group"
"""The label that each node of a `NodeGroup` carries, with the group's name."""

CapacityType = Literal["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]
AmiFamily = Literal["AL2023", "Bottlerocket"]

GPU_RESOURCE = "nvidia.com/gpu"
NEURON_RESOURCE = "aws.amazon.com/neuron"
_RESOURCES = {"gpu": GPU_RESOURCE, "neuron": NEURON_RESOURCE, "neuronx": NEURON_RESOURCE}
# EKS makes an Auto Scaling group for it, whose name holds the group's: so the name is kept shorter than a label may be.
_NAME_MAX = 40
# EKS service quotas, "Nodes per managed node group"; an account can have it raised.
_NODES_MAX = 450
# EC2's limit of a gp3 volume.
_VOLUME_GIB_MAX = 65_536
# Images for GPUs and Neuron are 5 to 20 GiB each, unpacked twice that; the operating system has 5 GiB.
_VOLUME_GIB, _VOLUME_GIB_ACCELERATED = 50, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    """A group of nodes of one kind in an EKS cluster.

    Attributes
    ----------
    name
        1 to 40 lower-case letters, digits and hyphens. Each node carries it as the label ``inference/node-group``.
    instance_types
        1 to 20 EC2 instance types of one architecture, with the same accelerators; several help where one type is
        scarce, above all on spot.
    max_size
        Most nodes in the group, 1 to 450.
    min_size
        Fewest nodes in the group. Default: 0.
    desired_size
        Initial number of nodes; after that the autoscaler controls it. None: ``min_size``.
    capacity_type
        ``ON_DEMAND``, ``SPOT`` or ``CAPACITY_BLOCK`` (GPUs reserved for some days). Default: ``ON_DEMAND``.
    capacity_reservation_id
        The reservation to launch into, such as ``cr-0123456789abcdef0``; required with ``CAPACITY_BLOCK``. None: any
        open reservation that matches.
    availability_zones
        The Availability Zones that its nodes are in, such as ``us-east-1c``; of a managed node group with a
        ``capacity_reservation_id``, the one that the reservation is in. Left out: all that the cluster has private
        subnets in. They say nothing of a cluster that exists already.
    ami
        ``AL2023`` or ``Bottlerocket``; EKS's own image for this kind of node. Default: ``AL2023``.
    volume_gib
        Size of the volume that images and logs are on, in GiB, encrypted. None: 50, and 200 with accelerators, since
        their images are large.
    labels
        More labels of each node.
    taints
        The taints of each node. None: none for CPUs, ``nvidia.com/gpu=true:NoSchedule`` for GPUs and
        ``aws.amazon.com/neuron=true:NoSchedule`` for Neuron, so that only pods that need them run there.
    gpu_sharing
        How pods share the GPUs. None: a GPU belongs to one pod.
    metadata_hop_limit
        How many network hops the answer of the instance metadata service (version 2, which is required) may make. 1
        hides it, and thereby the node's credentials, from pods; 2 lets pods reach it. Default: 1.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    instance_types: tuple[str, ...]
    max_size: int
    min_size: int = 0
    desired_size: int | None = None
    capacity_type: CapacityType = "ON_DEMAND"
    capacity_reservation_id: str | None = None
    availability_zones: tuple[str, ...] = ()
    ami: AmiFamily = "AL2023"
    volume_gib: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] | None = None
    gpu_sharing: GpuSharing | None = None
    metadata_hop_limit: int = 1

    def __post_init__(self) -> None:
        problems = Problems.of(self, f"{type(self).__name__} '{self.name}'")
        if wrong := dns_label_problem(self.name, most=_NAME_MAX):
            problems.add("name", wrong)
        problems.extend(self._size_problems())
        problems.extend(choice_problems("capacity_type", self.capacity_type, CapacityType))
        problems.extend(choice_problems("ami", self.ami, AmiFamily))
        problems.extend(range_problems("volume_gib", self.volume_gib, 20, _VOLUME_GIB_MAX, "GiB"))
        problems.extend(range_problems("metadata_hop_limit", self.metadata_hop_limit, 1, 2, "hops"))
        problems.extend(label_problems("labels", self.labels))
        problems.extend(zone_problems("availability_zones", self.availability_zones))
        problems.extend(reservation_problems(self))
        problems.extend(instance_problems(self))
        problems.raise_any()

    @property
    def instances(self) -> tuple[InstanceType, ...]:
        """What is known of each instance type."""
        return tuple(map(ec2_instance_type, self.instance_types))

    @property
    def architecture(self) -> str:
        """``x86_64`` or ``arm64``."""
        return self.instances[0].architecture

    @property
    def accelerator(self) -> Accelerator | None:
        """The accelerators of one node (kind, model, count); None where it has none."""
        return self.instances[0].accelerator

    @property
    def accelerator_resource(self) -> str | None:
        """What a pod asks for: ``nvidia.com/gpu``, ``aws.amazon.com/neuron``; None where there are no accelerators."""
        return _RESOURCES[self.accelerator.kind] if self.accelerator else None

    @property
    def accelerators_per_node(self) -> int:
        """How many of `accelerator_resource` one node offers, which is more than it has where GPUs are shared."""
        if not self.accelerator:
            return 0
        return self.accelerator.count * (self.gpu_sharing.per_gpu if self.gpu_sharing else 1)

    @property
    def accelerators_per_pod(self) -> int:
        """How many of `accelerator_resource` one pod may ask for at most: 1 where GPUs are shared."""
        if self.gpu_sharing and self.gpu_sharing.time_slicing:
            return 1
        return self.accelerators_per_node

    @property
    def ami_type(self) -> str:
        """EKS's name (``AMITypes``) of the image that fits the instance types."""
        arm = self.architecture == "arm64"
        gpu = self.accelerator_resource == GPU_RESOURCE
        if self.ami == "Bottlerocket":
            # Bottlerocket's plain image holds the Neuron driver; EKS has no type of its own for it.
            return f"BOTTLEROCKET_{'ARM_64' if arm else 'x86_64'}{'_NVIDIA' if gpu else ''}"
        neuron = self.accelerator_resource == NEURON_RESOURCE
        return f"AL2023_{'ARM_64' if arm else 'x86_64'}_{'NVIDIA' if gpu else 'NEURON' if neuron else 'STANDARD'}"

    @property
    def brings_device_plugin(self) -> bool:
        """Whether the image itself tells Kubernetes of its accelerators, so that no plugin may be installed."""
        return self.ami == "Bottlerocket" and self.accelerator_resource == GPU_RESOURCE

    @property
    def node_taints(self) -> tuple[Taint, ...]:
        """The taints that each node carries."""
        if self.taints is not None:
            return self.taints
        return (Taint(key=self.accelerator_resource),) if self.accelerator_resource else ()

    @property
    def node_labels(self) -> dict[str, str]:
        """The labels that each node carries, besides those of Kubernetes and EKS."""
        gpu: dict[str, str] = {}
        if self.accelerator_resource == GPU_RESOURCE:
            # The first is what EKS's own AL2023 puts on GPU nodes. By the second the Cluster Autoscaler knows a node
            # whose GPUs are not shown yet, and waits for them; it would wait for those of a Neuron node for ever.
            gpu = {"nvidia.com/gpu.present": "true", "k8s.amazonaws.com/accelerator": "nvidia-gpu"}
        return {**gpu, **self.labels, NODE_GROUP_LABEL: self.name}

    @property
    def volume_size_gib(self) -> int:
        """Size of the volume that images and logs are on."""
        return self.volume_gib or (_VOLUME_GIB_ACCELERATED if self.accelerator else _VOLUME_GIB)

    @property
    def volume_device(self) -> str:
        """The device of that volume; on Bottlerocket the first one holds the operating system."""
        return "/dev/xvdb" if self.ami == "Bottlerocket" else "/dev/xvda"

    @property
    def capacity(self) -> NodeCapacity | None:
        """What the smallest node of the group offers to pods; None when an instance's hardware is not known."""
        each = [
            node_capacity(instance, per_device=self.gpu_sharing.per_gpu if self.gpu_sharing else 1)
            for instance in self.instances
        ]
        known = [capacity for capacity in each if capacity]
        if len(known) < len(each):
            return None
        return NodeCapacity(
            cpu_millis=min(capacity.cpu_millis for capacity in known),
            memory_mib=min(capacity.memory_mib for capacity in known),
            accelerators=min(capacity.accelerators for capacity in known),
        )

    def _size_problems(self) -> Iterator[Problem]:
        yield from range_problems("min_size", self.min_size, 0, _NODES_MAX, "nodes")
        yield from range_problems("max_size", self.max_size, 1, _NODES_MAX, "nodes")
        if self.min_size > self.max_size:
            yield Problem("min_size", f"is {self.min_size}, more than 'max_size' ({self.max_size}); swap or raise it")
        desired = self.desired_size
        if desired is not None and not self.min_size <= desired <= self.max_size:
            yield Problem("desired_size", f"must be {self.min_size} to {self.max_size}, got {desired}")
