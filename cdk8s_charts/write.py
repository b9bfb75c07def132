"""Workloads as plain YAML, for ``kubectl apply``, Argo CD or Flux: one folder a workload, one file an object."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.neuron_compilation_rules import compilation_problems
from cdk8s_charts.twin_rules import twin_problems
from cdk8s_charts.workload import Workload
from cdk8s_charts.workload_rules import workload_problems
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problem, Problems

# `kubectl apply -f FOLDER` goes by the names of files: what others need comes first, and a file keeps its name whatever
# else there is.
_ORDER = (
    "Namespace",
    "ServiceAccount",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ConfigMap",
    "Deployment",
    "Job",
    "Service",
    "Ingress",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "PodDisruptionBudget",
    "NetworkPolicy",
)
_OUR_FILE = re.compile(r"\d\d-[a-z]+\.yaml")


class ForeignFilesError(ValueError):
    """A folder that would be replaced holds files that were not written here."""


def write_charts(
    directory: Path,
    workloads: Sequence[Workload],
    *,
    compilations: Sequence[NeuronCompilation] = (),
    node_groups: Sequence[NodeGroup] = (),
    region: str | None = None,
) -> list[Path]:
    """Write the objects of workloads as YAML.

    Parameters
    ----------
    directory
        Where the folders go, one for each workload, with its name. A folder that was written before is replaced as a
        whole.
    workloads
        What is served.
    compilations
        Jobs that compile models for Neuron. Default: none.
    node_groups
        The node groups of the cluster. Default: they are not known.
    region
        Region of the cluster. None: it is not known.

    Returns
    -------
    list of Path
        The folders, in the order of the workloads, then of the compilations.

    Raises
    ------
    InvalidValueError
        When a workload does not run there; it names all problems of all of them, and nothing is written.
    ForeignFilesError
        When a folder of a workload's name holds other files; nothing is written.
    OSError
        When the directory cannot be written.
    """
    _check(workloads, compilations, node_groups, region)
    folders = [directory / name for name in (*(each.name for each in workloads), *(each.name for each in compilations))]
    for folder in folders:
        _hold_ours(folder)
    manifests = _synthesize(workloads, compilations, node_groups, region)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".charts-") as scratch:
        for folder, files in zip(folders, manifests, strict=True):
            finished = Path(scratch, "new", folder.name)
            finished.mkdir(parents=True)
            for name, text in files.items():
                (finished / name).write_text(text, encoding="utf-8")
        Path(scratch, "old").mkdir()
        for folder in folders:
            if folder.exists():
                shutil.move(folder, Path(scratch, "old", folder.name))
            shutil.move(Path(scratch, "new", folder.name), folder)
    return folders


def _check(
    workloads: Sequence[Workload],
    compilations: Sequence[NeuronCompilation],
    node_groups: Sequence[NodeGroup],
    region: str | None,
) -> None:
    problems = Problems("workloads")
    named: list[Workload | NeuronCompilation] = [*workloads, *compilations]
    for problem in twin_problems(named):
        index, _, field = problem.field.partition(".")
        problems.add(f"{named[int(index)].name}.{field}", problem.message)
    for workload in workloads:
        problems.extend(_named(workload.name, workload_problems(workload, node_groups, region=region)))
    for compilation in compilations:
        problems.extend(_named(compilation.name, compilation_problems(compilation, node_groups, region=region)))
    problems.raise_any()


def _named(name: str, found: Sequence[Problem]) -> list[Problem]:
    return [Problem(f"{name}.{problem.field}", problem.message) for problem in found]


def _hold_ours(folder: Path) -> None:
    if not folder.exists():
        return
    others = sorted(file.name for file in folder.iterdir() if not _OUR_FILE.fullmatch(file.name))
    if others:
        raise ForeignFilesError(
            f"'{folder}' holds '{others[0]}', which was not written here, and the folder would be replaced; move it, "
            "or write into another directory"
        )


def _synthesize(
    workloads: Sequence[Workload],
    compilations: Sequence[NeuronCompilation],
    node_groups: Sequence[NodeGroup],
    region: str | None,
) -> list[dict[str, str]]:
    import cdk8s

    from cdk8s_charts.neuron_compilation_chart import NeuronCompilationChart
    from cdk8s_charts.serving_chart import ServingChart

    app = cdk8s.App()
    charts: list[cdk8s.Chart] = [
        ServingChart(app, workload.name, workload=workload, node_groups=node_groups, region=region)
        for workload in workloads
    ]
    charts += [
        NeuronCompilationChart(app, each.name, compilation=each, node_groups=node_groups, region=region)
        for each in compilations
    ]
    return [
        {_file_name(manifest): cdk8s.Yaml.stringify(manifest) for manifest in sorted(chart.to_json(), key=_file_name)}
        for chart in charts
    ]


def _file_name(manifest: Mapping[str, Any]) -> str:
    kind = manifest["kind"]
    return f"{_ORDER.index(kind):02}-{kind.lower()}.yaml"
