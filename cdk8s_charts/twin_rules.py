"""What workloads of one cluster cannot have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.workload import Workload
from constructs_lib.serving.problems import Problem


def twin_problems(workloads: Sequence[Workload | NeuronCompilation]) -> Iterator[Problem]:
    """Check that no two workloads have one name, make the same namespace, or take the same port of the nodes.

    Yields
    ------
    Problem
        Its field is the index of the later one, and one of its fields.
    """
    names: set[str] = set()
    makers: dict[str, str] = {}
    takers: dict[int, str] = {}
    for index, workload in enumerate(workloads):
        if workload.name in names:
            yield Problem(f"{index}.name", f"is '{workload.name}', as is another's; choose another name")
        names.add(workload.name)
        namespace = workload.namespace
        if workload.create_namespace and makers.setdefault(namespace, workload.name) != workload.name:
            yield Problem(
                f"{index}.create_namespace",
                f"makes the namespace '{namespace}', as does '{makers[namespace]}'; let one of them make it",
            )
        port = workload.service.node_port if isinstance(workload, Workload) else None
        if port is not None and takers.setdefault(port, workload.name) != workload.name:
            yield Problem(f"{index}.service.node_port", f"is {port}, as is that of '{takers[port]}'; choose another")
