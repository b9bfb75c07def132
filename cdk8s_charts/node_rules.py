"""Whether the nodes of a group have what a workload asks for, and what to choose where they have not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cdk8s_charts.container import ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.resources import cpu_millis, mebibytes
from cdk8s_charts.workload import Workload
from constructs_lib.serving.images import Device
from constructs_lib.serving.instances import ec2_instance_type
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem

# Instance types to suggest, the smallest first.
_EXAMPLES = {
    Device.CPU: ("g5.xlarge",),
    Device.GPU: ("g5.xlarge", "g5.12xlarge", "g5.48xlarge"),
    Device.NEURON: ("inf1.xlarge", "inf1.6xlarge", "inf1.24xlarge"),
    Device.NEURONX: ("inf2.xlarge", "inf2.24xlarge", "inf2.48xlarge", "trn1.32xlarge"),
}
# The kubelet ends pods when less than a tenth of the disk is left, and so offers no more than the rest.
_DISK_FOR_PODS = 0.9
_NAMES = {Device.GPU: "GPUs", Device.NEURON: "Inferentia (Inf1)", Device.NEURONX: "Inferentia2 or Trainium"}


def group_problems(workload: Workload, placement: Placement, groups: Sequence[NodeGroup]) -> Iterator[Problem]:
    """Check that the node group is one of the cluster's, and that its nodes have the accelerators."""
    name, wanted = workload.node_group, placement
    if groups and name is not None and wanted.group is None:
        there = ", ".join(f"'{group.name}'" for group in groups)
        yield Problem("node_group", f"'{name}' is not a node group of the cluster; it has {there}")
        return
    if wanted.device is Device.CPU:
        if wanted.group and workload.accelerators:
            yield Problem("accelerators", _no_such_nodes(wanted, workload.accelerators, groups, workload.accelerator))
        return
    offered = wanted.group.accelerator if wanted.group else None
    if (wanted.group or groups) and (offered is None or offered.kind != wanted.device):
        field = "node_group" if wanted.group else "accelerator"
        yield Problem(field, _no_such_nodes(wanted, wanted.accelerators, groups, wanted.device.value))
    elif wanted.group and wanted.accelerators > wanted.group.accelerators_per_pod:
        there = f"a pod on '{name}' may have {wanted.group.accelerators_per_pod}"
        fitting = _fitting(wanted.device.value, wanted.accelerators, groups)
        yield Problem("accelerators", f"is {wanted.accelerators}, but {there}; {_choose(fitting, wanted)}")


def _no_such_nodes(placement: Placement, count: int, groups: Sequence[NodeGroup], kind: str | None) -> str:
    what = _NAMES[Device(kind)] if kind else "accelerators"
    fitting = _fitting(kind, count, groups)
    if placement.group is None:
        return f"asks for {what}, but no node group is named; {_choose(fitting, placement)}"
    return f"'{placement.group.name}' has nodes without {what}; {_choose(fitting, placement)}"


def _fitting(kind: str | None, count: int, groups: Sequence[NodeGroup]) -> list[str]:
    return [
        group.name
        for group in groups
        if group.accelerator and kind in (None, group.accelerator.kind) and group.accelerators_per_pod >= count
    ]


def _choose(fitting: list[str], placement: Placement) -> str:
    if fitting:
        return f"set 'node_group' to {' or '.join(repr(name) for name in fitting)}"
    counts = {name: _devices(name) for name in _EXAMPLES[placement.device]}
    example = next((name for name, count in counts.items() if count >= placement.accelerators), None)
    if example is None:
        return f"no node has so many: ask for at most {max(counts.values())}"
    return f"no node group of the cluster fits: add one, such as of '{example}', or ask for less"


def _devices(instance: str) -> int:
    found = ec2_instance_type(instance).accelerator
    return found.count if found else 0


def capacity_problems(workload: Workload, placement: Placement, container: ServerContainer) -> Iterator[Problem]:
    """Check that a node of the group has the disk, the CPUs and the memory for one pod."""
    group, asked = placement.group, workload.resources
    if group is None:
        return
    name, capacity = group.name, group.capacity
    disk = group.volume_size_gib * _DISK_FOR_PODS
    if asked.ephemeral_storage and mebibytes(asked.ephemeral_storage) > disk * 1024:
        offer = f"a node of '{name}' offers about {int(disk)}Gi of its disk to pods"
        wrong = f"is {asked.ephemeral_storage}, but {offer}; ask for less, or raise the group's 'volume_gib'"
        yield Problem("resources.ephemeral_storage", wrong)
    if capacity is None:
        return
    if cpu_millis(asked.cpu) > capacity.cpu_millis:
        offer = f"a node of '{name}' offers {capacity.cpu_millis}m to pods"
        yield Problem("resources.cpu", f"is {asked.cpu}, but {offer}; ask for less, or choose larger instances")
    memory = asked.memory or container.memory
    if mebibytes(memory) > capacity.memory_mib:
        offer = f"a node of '{name}' offers about {capacity.memory_mib}Mi to pods"
        given = f"is {memory}" if asked.memory else f"is {memory}, which the server commonly needs"
        yield Problem("resources.memory", f"{given}, but {offer}; ask for less, or choose larger instances")
