"""Which instance types and reservations a group of nodes can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from constructs_lib.serving.instances import InstanceType, InstanceTypeError, ec2_instance_type
from constructs_lib.serving.problems import Problem, is_token

if TYPE_CHECKING:
    from constructs_lib.serving.node_group import NodeGroup

# EKS: CreateNodegroup takes 1 to 20 instance types.
_TYPES_MAX = 20
_RESERVATION = re.compile(r"cr-[0-9a-f]{17}")
# The driver of EKS's AL2023 and Bottlerocket images is newer than NVIDIA's last for Kepler (470).
_TOO_OLD = {"K80": "NVIDIA's driver in today's EKS images does not know the K80 any more; use 'g4dn' or newer"}
_KINDS = {"gpu": "NVIDIA GPU", "neuron": "Inferentia of the first generation", "neuronx": "Neuron", "gaudi": "Gaudi"}
# EKS User Guide, "Use EKS-optimized accelerated AMIs for GPU instances" and "Build a custom Bottlerocket AMI variant":
# its driver is 580, and g7 needs 595; of the arm64 families, its image for GPUs is for g5g alone.
_NOT_ON_BOTTLEROCKET = ("g7", "p6e-gb200")
# Bottlerocket's nvidia-migmanager: the GPUs that it cuts into slices.
_SLICED = ("A100", "H100", "H200")


def instance_problems(group: NodeGroup) -> Iterator[Problem]:
    """Check that all instance types exist, are of one kind, and that EKS has an image for it."""
    names = group.instance_types
    if not 1 <= len(names) <= _TYPES_MAX:
        yield Problem("instance_types", f"must be 1 to {_TYPES_MAX} instance types, got {len(names)}")
    instances: list[InstanceType] = []
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(f"instance_types.{index}", f"is '{name}' again; give each once")
        try:
            instances.append(ec2_instance_type(name))
        except InstanceTypeError as error:
            yield Problem(f"instance_types.{index}", str(error))
    if len(instances) < len(names) or not instances:
        return
    yield from _mixed(instances)
    for index, instance in enumerate(instances):
        if wrong := _no_image(instance, group.ami):
            yield Problem(f"instance_types.{index}", wrong)
    for instance in instances:
        yield from _sharing_problems(group, instance)


def reservation_problems(group: NodeGroup) -> Iterator[Problem]:
    """Check that a reservation fits the capacity type."""
    reservation = group.capacity_reservation_id
    block = group.capacity_type == "CAPACITY_BLOCK"
    if reservation is None:
        if block:
            yield Problem("capacity_reservation_id", "is required with the capacity type CAPACITY_BLOCK")
        return
    if not is_token(reservation) and not _RESERVATION.fullmatch(reservation):
        yield Problem("capacity_reservation_id", f"must look like 'cr-0123456789abcdef0', got '{reservation}'")
    if group.capacity_type == "SPOT":
        yield Problem("capacity_reservation_id", "reserves on-demand capacity: leave it out, or the capacity type SPOT")
    if block and len(group.instance_types) > 1:
        yield Problem("instance_types", "must be one: a capacity block is of a single instance type")


def _mixed(instances: list[InstanceType]) -> Iterator[Problem]:
    architectures = {instance.architecture: instance.name for instance in instances}
    if len(architectures) > 1:
        both = " and ".join(f"{architecture} ('{name}')" for architecture, name in sorted(architectures.items()))
        yield Problem("instance_types", f"mix {both}; nodes of one group run one image: make a group for each")
    kinds = {_kind(instance): instance.name for instance in instances}
    if len(kinds) > 1:
        each = " and ".join(f"{kind} ('{name}')" for kind, name in sorted(kinds.items()))
        yield Problem(
            "instance_types", f"mix {each}; the autoscaler takes all nodes of a group for alike: make a group for each"
        )


def _kind(instance: InstanceType) -> str:
    found = instance.accelerator
    return f"{found.count} {_KINDS[found.kind]}" if found else "no accelerator"


def _no_image(instance: InstanceType, ami: str) -> str | None:
    found = instance.accelerator
    if found and found.kind == "gaudi":
        return f"'{instance.name}' has Gaudi accelerators, for which EKS has no image; use a GPU or a Neuron instance"
    if found and found.model in _TOO_OLD:
        return f"'{instance.name}': {_TOO_OLD[found.model]}"
    if ami == "Bottlerocket" and instance.family in _NOT_ON_BOTTLEROCKET:
        return f"'{instance.name}' does not start with Bottlerocket, which has no driver for it; use the ami AL2023"
    return None


def _sharing_problems(group: NodeGroup, instance: InstanceType) -> Iterator[Problem]:
    sharing, found = group.gpu_sharing, instance.accelerator
    if sharing is None:
        return
    if not found or found.kind != "gpu":
        yield Problem("gpu_sharing", f"needs GPUs, which '{instance.name}' does not have; leave it out")
        return
    if sharing.mig_slices is None:
        return
    if found.model not in _SLICED:
        models = ", ".join(_SLICED)
        yield Problem("gpu_sharing.mig_slices", f"needs one of {models}, got '{instance.name}' ({found.model})")
    if group.ami != "Bottlerocket":
        yield Problem(
            "gpu_sharing.mig_slices", "needs the ami Bottlerocket, which cuts the GPUs at boot; AL2023 does not"
        )
