"""The body of a CloudWatch dashboard, in plain Python: of one endpoint, and of all endpoints of a stack.

Format: CloudWatch, "Dashboard Body Structure and Syntax". Names and ARNs may be CDK tokens, which JSON leaves alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from constructs_lib.sagemaker.metrics import COPIES, INSTANCES, INVOCATIONS
from constructs_lib.sagemaker.monitoring.watched_component import WatchedComponent
from constructs_lib.sagemaker.monitoring.watched_endpoint import Watched, WatchedEndpoint
from constructs_lib.sagemaker.monitoring.watched_variant import WatchedVariant

_GRID = 24
_GRAPH_WIDTH = 12
_GRAPH_HEIGHT = 6
_MINUTE = 60
_LINES_MAX = 50  # of at most 100 rows of a metrics array: a computed line takes two
_ALARMS_MAX = 100  # "Dashboard Body Structure and Syntax", alarm status widget
_ALARMS_PER_ROW = 4


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a graph: one metric times ``factor``, or its quotient by another."""

    label: str
    metric: tuple[str, str]
    statistic: str
    factor: float = 1
    divisor: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graph:
    title: str
    lines: tuple[tuple[tuple[str, ...], _Line], ...]  # whose: dimensions and their values in turn; what of it
    top: float | None = None
    limit: float | None = None


def endpoint_body(endpoint: WatchedEndpoint, *, region: str) -> str:
    """Give the dashboard of one endpoint: its alarms, its traffic, errors and latency, and its instances.

    Parameters
    ----------
    endpoint
        What to show.
    region
        Where its metrics are; the stack's own, or its token.
    """

    def graph(
        title: str, watched: Sequence[Watched], lines: Callable[[Any], list[_Line]], **choices: float | None
    ) -> list[_Graph]:
        named = len(watched) > 1
        drawn = [
            (_whose(each, endpoint), replace(line, label=f"{each.name} {line.label}") if named else line)
            for each in watched
            for line in lines(each)
        ]
        return _graphs(title, drawn, **choices)

    asked, components, variants = endpoint.asked, endpoint.components, endpoint.variants
    graphs = [
        *graph("Invocations per minute", asked, lambda _: [_INVOCATIONS]),
        *graph("Errors per minute", asked, lambda _: [_SERVER_ERRORS, _CLIENT_ERRORS, _MODEL_ERRORS]),
        *graph("Latency (ms)", asked, lambda _: [_MEDIAN, _SLOWEST, _OVERHEAD], limit=endpoint.latency_p99_ms),
        *graph("Use of the copies (%)", components, _copy_uses, top=100),
        *graph("Invocations per copy and minute", components, lambda _: [_PER_COPY]),
        *graph("Copies in service", components, lambda _: [_COPY_COUNT]),
        *graph("Use of the instances (%)", variants, _uses, top=100),
        *graph("Invocations per instance and minute", variants, _per_instance),
        *graph("Instances in service", variants, _instance_count),
    ]
    return _body(endpoint.alarm_arns, graphs, region)


def stack_body(endpoints: Sequence[WatchedEndpoint], *, region: str) -> str:
    """Give the dashboard of a stack: all alarms, and the endpoints' traffic, errors, latency and CPU side by side.

    Parameters
    ----------
    endpoints
        What to show.
    region
        Where their metrics are; the stack's own, or its token.
    """

    def graph(
        title: str,
        draw: Callable[[Any], list[_Line]],
        watched: Callable[[WatchedEndpoint], Sequence[Watched]] = lambda endpoint: endpoint.asked,
        *,
        top: float | None = None,
    ) -> list[_Graph]:
        lines = [
            (_whose(each, endpoint), replace(line, label=_of(endpoint, each, watched(endpoint))))
            for endpoint in endpoints
            for each in watched(endpoint)
            for line in draw(each)
        ]
        return _graphs(title, lines, top=top)

    graphs = [
        *graph("Invocations per minute", lambda _: [_INVOCATIONS]),
        *graph("5xx errors per minute", lambda _: [_SERVER_ERRORS]),
        *graph("Latency of the model, p99 (ms)", lambda _: [_SLOWEST]),
        *graph("CPU of the instances (%)", _cpu, lambda endpoint: endpoint.variants, top=100),
    ]
    return _body([arn for endpoint in endpoints for arn in endpoint.alarm_arns], graphs, region)


_INVOCATIONS = _Line("Invocations", (INVOCATIONS, "Invocations"), "Sum")
_PER_INSTANCE = _Line("Invocations per instance", (INVOCATIONS, "InvocationsPerInstance"), "Sum")
_SERVER_ERRORS = _Line("5xx", (INVOCATIONS, "Invocation5XXErrors"), "Sum")
_CLIENT_ERRORS = _Line("4xx", (INVOCATIONS, "Invocation4XXErrors"), "Sum")
_MODEL_ERRORS = _Line("Of the model", (INVOCATIONS, "InvocationModelErrors"), "Sum")
_MEDIAN = _Line("Model, p50", (INVOCATIONS, "ModelLatency"), "p50", 0.001)  # SageMaker counts microseconds
_SLOWEST = _Line("Model, p99", (INVOCATIONS, "ModelLatency"), "p99", 0.001)
_OVERHEAD = _Line("SageMaker, p99", (INVOCATIONS, "OverheadLatency"), "p99", 0.001)
_INSTANCE_COUNT = _Line(
    "Instances", (INVOCATIONS, "Invocations"), "Sum", divisor=(INVOCATIONS, "InvocationsPerInstance")
)
# Where there are inference components each instance, and each copy, sends this once a minute.
_REPORTED = "CPUUtilizationNormalized"
_REPORTING_INSTANCES = _Line("Instances", (INSTANCES, _REPORTED), "SampleCount")
_PER_COPY = _Line("Invocations per copy", (INVOCATIONS, "InvocationsPerCopy"), "Sum")
_COPY_COUNT = _Line("Copies", (COPIES, _REPORTED), "SampleCount")


def _per_instance(variant: WatchedVariant) -> list[_Line]:
    return [] if variant.hosts_components else [_PER_INSTANCE]


def _instance_count(variant: WatchedVariant) -> list[_Line]:
    if variant.hosts_components:
        return [_REPORTING_INSTANCES]
    return [_INSTANCE_COUNT] if variant.has_instances else []


def _copy_uses(component: WatchedComponent) -> list[_Line]:
    """For copies SageMaker's own 100 is all that they have to themselves."""
    kinds = ["CPU", "Memory", *(["GPU", "GPUMemory"] if component.has_accelerators else [])]
    labels = {"GPUMemory": "GPU memory"}
    return [_Line(labels.get(kind, kind), (COPIES, f"{kind}UtilizationNormalized"), "Average") for kind in kinds]


def _cpu(variant: WatchedVariant) -> list[_Line]:
    if variant.vcpus is None:
        return []
    return [_Line("CPU", (INSTANCES, "CPUUtilization"), "Average", 1 / variant.vcpus)]


def _uses(variant: WatchedVariant) -> list[_Line]:
    """SageMaker sums what vCPUs and GPUs do over an instance; here 100 is all of them."""
    lines = [*_cpu(variant), _Line("Memory", (INSTANCES, "MemoryUtilization"), "Average")]
    if variant.has_instances:
        lines.append(_Line("Disk", (INSTANCES, "DiskUtilization"), "Average"))
    if variant.gpus:
        lines += [
            _Line("GPU", (INSTANCES, "GPUUtilization"), "Average", 1 / variant.gpus),
            _Line("GPU memory", (INSTANCES, "GPUMemoryUtilization"), "Average", 1 / variant.gpus),
        ]
    return lines


def _of(endpoint: WatchedEndpoint, one: Watched, among: Sequence[Watched]) -> str:
    return endpoint.label if len(among) == 1 else f"{endpoint.label} {one.name}"


def _whose(watched: Watched, endpoint: WatchedEndpoint) -> tuple[str, ...]:
    return tuple(part for pair in watched.dimensions(endpoint.endpoint_name).items() for part in pair)


def _graphs(title: str, lines: Sequence[tuple[tuple[str, ...], _Line]], **choices: float | None) -> list[_Graph]:
    """Draw lines in one graph, or in as many as CloudWatch needs for them."""
    return [_Graph(title=title, lines=tuple(part), **choices) for part in _parts(lines, _LINES_MAX)]


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    yield from (items[start : start + size] for start in range(0, len(items), size))


def _body(alarm_arns: Sequence[str], graphs: Sequence[_Graph], region: str) -> str:
    widgets: list[dict[str, Any]] = []
    y = 0
    for part in _parts(alarm_arns, _ALARMS_MAX):
        height = 1 + -(-len(part) // _ALARMS_PER_ROW)
        properties = {"title": "Alarms", "alarms": list(part)}
        widgets.append({"type": "alarm", "x": 0, "y": y, "width": _GRID, "height": height, "properties": properties})
        y += height
    per_row = _GRID // _GRAPH_WIDTH
    for index, graph in enumerate(graphs):
        place = {"x": index % per_row * _GRAPH_WIDTH, "y": y + index // per_row * _GRAPH_HEIGHT}
        size = {"width": _GRAPH_WIDTH, "height": _GRAPH_HEIGHT}
        widgets.append({"type": "metric", **place, **size, "properties": _properties(graph, region)})
    return json.dumps({"periodOverride": "inherit", "widgets": widgets})


def _properties(graph: _Graph, region: str) -> dict[str, Any]:
    axis = {"min": 0, "showUnits": False} | ({} if graph.top is None else {"max": graph.top})
    properties: dict[str, Any] = {
        "title": graph.title,
        "region": region,
        "view": "timeSeries",
        "period": _MINUTE,
        "yAxis": {"left": axis},
        "metrics": [row for index, (whose, line) in enumerate(graph.lines) for row in _rows(f"m{index}", whose, line)],
    }
    if graph.limit is not None:
        properties["annotations"] = {"horizontal": [{"label": "Alarm", "value": graph.limit}]}
    return properties


def _rows(key: str, whose: tuple[str, ...], line: _Line) -> list[list[Any]]:
    """Write a line as rows of a metrics array: the metric, and before it what is computed of it."""

    def metric(name: tuple[str, str], **options: object) -> list[Any]:
        return [*name, *whose, {"stat": line.statistic, **options}]

    if line.divisor is not None:
        expression = {"expression": f"{key} / {key}d", "label": line.label, "id": f"{key}e"}
        hidden = [metric(line.metric, id=key, visible=False), metric(line.divisor, id=f"{key}d", visible=False)]
        return [[expression], *hidden]
    if line.factor != 1:
        expression = {"expression": f"{key} * {line.factor!r}", "label": line.label, "id": f"{key}e"}
        return [[expression], metric(line.metric, id=key, visible=False)]
    return [metric(line.metric, label=line.label)]
