"""What a node offers to pods: what the instance has, less what the node keeps for itself."""

from __future__ import annotations

from dataclasses import dataclass

from constructs_lib.serving.instances import InstanceType

# What the node keeps of each CPU, in thousandths: of the first, the second, the two after, all others.
# Source: awslabs/amazon-eks-ami nodeadm, internal/kubelet (reserved CPU and memory); Bottlerocket reserves the same.
_CPU_FIRST, _CPU_SECOND, _CPU_THIRD_AND_FOURTH, _CPU_OTHER = 60, 10, 5, 2.5
_MEMORY_MIB = 255
_MEMORY_MIB_PER_POD = 11
_EVICTION_MIB = 100
# The most pods that EKS lets managed nodes have, for instances below 30 vCPUs and for others (EKS User Guide, "Choose
# an optimal Amazon EC2 node instance type"). A node that takes fewer keeps less memory: this is the cautious side.
_LARGE_VCPUS = 30
_PODS_SMALL, _PODS_LARGE = 110, 250
# The operating system shows less memory than EC2 does; Karpenter plans with the same share
# (VM_MEMORY_OVERHEAD_PERCENT).
_VM_OVERHEAD = 0.075


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCapacity:
    """What one node offers to pods, add-ons' pods included.

    Attributes
    ----------
    cpu_millis
        Thousandths of a CPU.
    memory_mib
        Memory; an estimate on the cautious side.
    accelerators
        How many of the accelerator's resource (`NodeGroup.accelerator_resource`); 0 where it has none.
    """

    cpu_millis: int
    memory_mib: int
    accelerators: int = 0


def node_capacity(instance: InstanceType, *, per_device: int = 1) -> NodeCapacity | None:
    """Tell what a node of an instance type offers.

    Parameters
    ----------
    instance
        The EC2 instance type.
    per_device
        As how many each accelerator counts; more than one where GPUs are shared.

    Returns
    -------
    NodeCapacity or None
        None when the instance's CPUs or memory are not known.
    """
    if instance.vcpus is None or instance.memory_gib is None:
        return None
    reserved = _CPU_FIRST + _CPU_OTHER * max(instance.vcpus - 4, 0)
    reserved += _CPU_SECOND * (instance.vcpus >= 2)
    reserved += _CPU_THIRD_AND_FOURTH * min(max(instance.vcpus - 2, 0), 2)
    pods = _PODS_SMALL if instance.vcpus < _LARGE_VCPUS else _PODS_LARGE
    memory = instance.memory_gib * 1024 * (1 - _VM_OVERHEAD) - _MEMORY_MIB - _MEMORY_MIB_PER_POD * pods - _EVICTION_MIB
    return NodeCapacity(
        cpu_millis=int(instance.vcpus * 1000 - reserved),
        memory_mib=max(int(memory), 0),
        accelerators=instance.accelerator.count * per_device if instance.accelerator else 0,
    )
