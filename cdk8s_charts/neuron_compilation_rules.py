"""What a compilation needs of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.placement import Placement
from cdk8s_charts.resources import cpu_millis, mebibytes
from constructs_lib.serving.images import Device, ImageNotFoundError, RegionError
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem


def compilation_placement(
    compilation: NeuronCompilation, node_groups: Iterable[NodeGroup] = (), *, region: str | None = None
) -> Placement:
    """Tell where a compilation runs. Its node group is one of those, or unknown."""
    device = Device.NEURON if compilation.target == "inf1" else Device.NEURONX
    group = next((group for group in node_groups if group.name == compilation.node_group), None)
    # The compiler of the first generation needs no device; those of the second run the model once.
    needed = device is Device.NEURONX or bool(group and group.accelerator)
    return Placement(device=device, accelerators=int(needed), group=group, region=region or compilation.region)


def compilation_problems(
    compilation: NeuronCompilation, node_groups: Sequence[NodeGroup] = (), *, region: str | None = None
) -> list[Problem]:
    """Find what keeps a compilation from running in a cluster; each problem names a field of it."""
    placement = compilation_placement(compilation, node_groups, region=region)
    return [*_group_problems(compilation, placement, node_groups), *_image_problems(compilation, placement, region)]


def _group_problems(
    compilation: NeuronCompilation, placement: Placement, groups: Sequence[NodeGroup]
) -> Iterator[Problem]:
    name, group = compilation.node_group, placement.group
    if groups and name is not None and group is None:
        there = ", ".join(f"'{each.name}'" for each in groups)
        yield Problem("node_group", f"'{name}' is not a node group of the cluster; it has {there}")
    if group is None:
        return
    kind = group.accelerator.kind if group.accelerator else None
    if kind != placement.device and not (compilation.target == "inf1" and kind is None):
        yield Problem("node_group", f"'{name}' has no nodes that compile for {compilation.target}; name one that has")
    if group.architecture != "x86_64":
        yield Problem("node_group", f"'{name}' is {group.architecture}; the Neuron compiler is built for x86_64")
    asked, capacity = compilation.resources, group.capacity
    if capacity and (
        cpu_millis(asked.cpu) > capacity.cpu_millis or mebibytes(asked.memory or "0") > capacity.memory_mib
    ):
        offer = f"{capacity.cpu_millis}m CPU and about {capacity.memory_mib}Mi"
        yield Problem("resources", f"are {asked.cpu} CPU and {asked.memory}, but a node of '{name}' offers {offer}")


def _image_problems(compilation: NeuronCompilation, placement: Placement, region: str | None) -> Iterator[Problem]:
    if compilation.region and region and compilation.region != region:
        yield Problem("region", f"is '{compilation.region}', but the cluster is in '{region}'; leave it out")
    try:
        compilation_image(compilation, placement)
    except ImageNotFoundError as error:
        yield Problem("version", str(error))
    except RegionError as error:
        missing = "is missing: the image is not in the public gallery; give the region of the cluster"
        yield Problem("region", str(error) if placement.region else missing)


def compilation_image(compilation: NeuronCompilation, placement: Placement) -> str:
    """Choose the image that compiles: the serving images have the compiler in them.

    Raises
    ------
    ImageNotFoundError, RegionError
        When AWS has none there.
    """
    return compilation.image or placement.image(compilation.framework, compilation.version)
