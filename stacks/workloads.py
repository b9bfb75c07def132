"""The workloads of the settings as charts; imported only when there are some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cdk8s_charts.workload_notices import compilation_notices, workload_notices
from cdk8s_charts.write import write_charts
from constructs_lib.serving.notices import Notice
from constructs_lib.serving.problems import InvalidValueError, Problem
from stacks.extras import needs_extra
from stacks.settings import Settings


def write_workloads(directory: Path, settings: Settings) -> list[Path]:
    """Write the workloads and compilations of settings as YAML, one folder each.

    Raises
    ------
    InvalidValueError
        When the settings have none, or one cannot run in the cluster.
    ForeignFilesError, OSError
        As `write_charts`.
    MissingExtraError
        When cdk8s is not installed.
    """
    workloads, compilations = list(settings.workloads.values()), list(settings.neuron_compilations.values())
    if not workloads and not compilations:
        raise InvalidValueError("workloads", [Problem("", "is missing; give the models that are to be served")])
    with needs_extra("charts", "workloads"):
        return write_charts(
            directory,
            workloads,
            compilations=compilations,
            node_groups=settings.node_groups,
            region=settings.region,
        )


def cluster_notices(settings: Settings) -> list[Notice]:
    """Give the warnings about workloads and compilations, each once, without those that are acknowledged."""
    found = dict.fromkeys(_notices(settings))
    return [notice for notice in found if notice.id not in settings.acknowledged_warnings]


def _notices(settings: Settings) -> Iterator[Notice]:
    groups, region = settings.node_groups, settings.region
    for workload in settings.workloads.values():
        yield from workload_notices(workload, groups, region=region)
    for compilation in settings.neuron_compilations.values():
        yield from compilation_notices(compilation, groups, region=region)
