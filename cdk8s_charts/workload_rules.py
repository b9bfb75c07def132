"""What fits together: a workload, its server, the nodes that it runs on, the region, and other workloads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from cdk8s_charts.container import Form, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.resources import cpu_millis, mebibytes
from cdk8s_charts.servers.server import form_of
from cdk8s_charts.workload import Workload
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.compatibility import image_device
from constructs_lib.serving.images import Device, ImageNotFoundError, RegionError, image_at
from constructs_lib.serving.instances import ec2_instance_type
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem

_ECR_REGION = re.compile(r"\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.")
# Instance types to suggest, the smallest first.
_EXAMPLES = {
    Device.CPU: ("g5.xlarge",),
    Device.GPU: ("g5.xlarge", "g5.12xlarge", "g5.48xlarge"),
    Device.NEURON: ("inf1.xlarge", "inf1.6xlarge", "inf1.24xlarge"),
    Device.NEURONX: ("inf2.xlarge", "inf2.24xlarge", "inf2.48xlarge", "trn1.32xlarge"),
}
_NAMES = {Device.GPU: "GPUs", Device.NEURON: "Inferentia (Inf1)", Device.NEURONX: "Inferentia2 or Trainium"}


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def create_namespace(self) -> bool: ...


def placement_of(workload: Workload, node_groups: Iterable[NodeGroup] = (), *, region: str | None = None) -> Placement:
    """Tell where a workload's pods run. Its node group is one of those, or unknown.

    Parameters
    ----------
    workload
        The workload.
    node_groups
        The cluster's node groups.
    region
        The cluster's region. None: that of the workload, if it has one.
    """
    group = next((group for group in node_groups if group.name == workload.node_group), None)
    found = group.accelerator if group else None
    kind = workload.accelerator or (found.kind if found else None)
    count = workload.accelerators if workload.accelerators is not None else int(kind is not None)
    return Placement(
        device=Device(kind) if kind and count else Device.CPU,
        accelerators=count if kind else 0,
        architecture=group.architecture if group else "x86_64",
        group=group,
        region=region or workload.region,
    )


def workload_problems(
    workload: Workload, node_groups: Sequence[NodeGroup] = (), *, region: str | None = None
) -> list[Problem]:
    """Find what keeps a workload from running in a cluster.

    Parameters
    ----------
    workload
        The workload.
    node_groups
        The cluster's node groups; empty for a cluster that is not known.
    region
        The cluster's region. None: it is not known.

    Returns
    -------
    list of Problem
        Each names a field of the workload.
    """
    placement = placement_of(workload, node_groups, region=region)
    found = [
        *_region_problems(workload, region),
        *_group_problems(workload, placement, node_groups),
        *workload.served_by.problems(workload.model, placement),
        *_image_problems(workload, placement),
        *_access_problems(workload),
    ]
    return found or list(_container_problems(workload, placement))


def twin_problems(workloads: Sequence[_Named]) -> Iterator[Problem]:
    """Hold that no two workloads make the same object, or have one name.

    Yields
    ------
    Problem
        Its field is the index of the later one, and one of its fields.
    """
    names: dict[str, int] = {}
    namespaces: dict[str, int] = {}
    for index, workload in enumerate(workloads):
        if names.setdefault(workload.name, index) != index:
            yield Problem(f"{index}.name", f"is '{workload.name}', as is another's; choose another name")
        if workload.create_namespace and namespaces.setdefault(workload.namespace, index) != index:
            other = workloads[namespaces[workload.namespace]].name
            yield Problem(
                f"{index}.create_namespace",
                f"makes the namespace '{workload.namespace}', as does '{other}'; let one of them make it",
            )


def _region_problems(workload: Workload, region: str | None) -> Iterator[Problem]:
    if workload.region and region and workload.region != region:
        yield Problem("region", f"is '{workload.region}', but the cluster is in '{region}'; leave it out")
    match = _ECR_REGION.search(workload.model.image or "")
    cluster = region or workload.region
    if match and cluster and match[1] != cluster:
        yield Problem(
            "model.image",
            f"is in the registry of '{match[1]}', but the cluster is in '{cluster}'; replicate the image there",
        )


def _group_problems(workload: Workload, placement: Placement, groups: Sequence[NodeGroup]) -> Iterator[Problem]:
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


def _image_problems(workload: Workload, placement: Placement) -> Iterator[Problem]:
    image = workload.model.image
    if image is None:
        return
    known = image_at(image)
    built_for = known.device if known else image_device(image)
    if built_for is not None and built_for is not placement.device:
        yield Problem(
            "model.image",
            f"'{image}' is built for {built_for}, but the pods run on {placement.device}; leave 'image' out to get "
            f"the image for {placement.device}, or choose other nodes",
        )
    if known and known.architecture != placement.architecture:
        yield Problem(
            "model.image", f"'{image}' is built for {known.architecture}, but the nodes are {placement.architecture}"
        )


def _access_problems(workload: Workload) -> Iterator[Problem]:
    if workload.artifact_access == "download":
        return
    location = workload.model.location
    if not isinstance(location, S3Artifact):
        yield Problem("artifact_access", "is mountpoint, but the model has no 'artifact' in S3")
    elif form_of(location) is Form.ARCHIVE:
        yield Problem(
            "artifact_access",
            f"is mountpoint, which shows '{location.uri}' as the archive that it is; give a prefix of files, or set it "
            "to download",
        )


def _container_problems(workload: Workload, placement: Placement) -> Iterator[Problem]:
    try:
        container = workload.served_by.container(workload.name, workload.model, placement)
    except ImageNotFoundError as error:
        yield Problem("model.version" if error.alternatives else "model.image", str(error))
        return
    except RegionError as error:
        yield Problem(
            "region",
            "is missing: the model's image is not in the public gallery" if not placement.region else str(error),
        )
        return
    if container.model_directory and workload.model.location is None:
        yield Problem("model.artifact", f"is missing; {workload.served_by.label} needs the address of the model in S3")
    yield from _port_problems(workload, container)
    yield from _memory_problems(workload, container)
    yield from _capacity_problems(workload, placement, container)


def _port_problems(workload: Workload, container: ServerContainer) -> Iterator[Problem]:
    public = {port.name: port.number for port in container.ports if port.public}
    service = workload.service
    if service.grpc_port is not None and "grpc" not in public:
        yield Problem(
            "service.grpc_port", f"is for gRPC, which {workload.served_by.label} does not speak; leave it out"
        )
    elif "grpc" in public and (service.http_port or public["http"]) == (service.grpc_port or public["grpc"]):
        port = service.http_port or public["http"]
        yield Problem("service.http_port", f"is {port}, as is the port for gRPC; give each a port of its own")


def _memory_problems(workload: Workload, container: ServerContainer) -> Iterator[Problem]:
    asked = workload.resources
    if asked.memory is None and asked.memory_limit and mebibytes(asked.memory_limit) < mebibytes(container.memory):
        yield Problem(
            "resources.memory_limit",
            f"is {asked.memory_limit}, less than what the server commonly needs ({container.memory}); give 'memory'",
        )
        return
    shared = asked.shared_memory or container.shared_memory
    limit = asked.memory_limit or asked.memory or container.memory
    if shared and mebibytes(shared) >= mebibytes(limit):
        yield Problem("resources.shared_memory", f"is {shared}, a part of the memory, of which there is {limit}")


def _capacity_problems(workload: Workload, placement: Placement, container: ServerContainer) -> Iterator[Problem]:
    capacity = placement.group.capacity if placement.group else None
    if placement.group is None or capacity is None:
        return
    name = placement.group.name
    asked = workload.resources
    if cpu_millis(asked.cpu) > capacity.cpu_millis:
        offer = f"a node of '{name}' offers {capacity.cpu_millis}m to pods"
        yield Problem("resources.cpu", f"is {asked.cpu}, but {offer}; ask for less, or choose larger instances")
    memory = asked.memory or container.memory
    if mebibytes(memory) > capacity.memory_mib:
        offer = f"a node of '{name}' offers about {capacity.memory_mib}Mi to pods"
        given = f"is {memory}" if asked.memory else f"is {memory}, which the server commonly needs"
        yield Problem("resources.memory", f"{given}, but {offer}; ask for less, or choose larger instances")
