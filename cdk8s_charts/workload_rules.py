"""What fits together: a workload, its server, the nodes that it runs on, and the region."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from cdk8s_charts.container import Form, ServerContainer
from cdk8s_charts.image_rules import image_problems
from cdk8s_charts.node_rules import capacity_problems, group_problems
from cdk8s_charts.placement import Placement
from cdk8s_charts.resources import mebibytes
from cdk8s_charts.servers.server import form_of
from cdk8s_charts.workload import Workload
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.images import Device, ImageNotFoundError, RegionError
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem

_ECR_REGION = re.compile(r"\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.")


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
        *group_problems(workload, placement, node_groups),
        *workload.served_by.problems(workload.model, placement),
        *image_problems(workload, placement),
        *_access_problems(workload),
    ]
    return found or list(_container_problems(workload, placement))


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
        missing = "is missing: the model's image is not in the public gallery; give the region of the cluster"
        yield Problem("region", str(error) if placement.region else missing)
        return
    if container.model_directory and workload.model.location is None:
        yield Problem("model.artifact", f"is missing; {workload.served_by.label} needs the address of the model in S3")
    yield from _port_problems(workload, container)
    yield from _memory_problems(workload, container)
    yield from capacity_problems(workload, placement, container)


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
