"""What a workload uses that is not looked after any more, or not for long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.neuron_compilation_rules import compilation_image, compilation_placement
from cdk8s_charts.workload import Workload
from cdk8s_charts.workload_rules import placement_of
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.notices import Notice, notices


def workload_notices(
    workload: Workload, node_groups: Iterable[NodeGroup] = (), *, region: str | None = None
) -> Iterator[Notice]:
    """Give the warnings about a workload, which `workload_problems` finds nothing wrong with.

    Parameters
    ----------
    workload
        What is served.
    node_groups, region
        The cluster's.
    """
    placement = placement_of(workload, node_groups, region=region)
    yield from workload.served_by.notices(placement)
    container = workload.served_by.container(workload.name, workload.model, placement)
    yield from notices(container.image, placement.instance)


def compilation_notices(
    compilation: NeuronCompilation, node_groups: Iterable[NodeGroup] = (), *, region: str | None = None
) -> Iterator[Notice]:
    """Give the warnings about a compilation, which `compilation_problems` finds nothing wrong with."""
    placement = compilation_placement(compilation, node_groups, region=region)
    yield from notices(compilation_image(compilation, placement), placement.instance)
