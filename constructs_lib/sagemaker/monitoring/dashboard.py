"""The body of a CloudWatch dashboard, in plain Python: of one endpoint, and of all endpoints of a stack.

Format: CloudWatch, "Dashboard Body Structure and Syntax". Names and ARNs may be CDK tokens, which JSON leaves alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_lib.sagemaker.monitoring.watched_variant import INSTANCES, INVOCATIONS, WatchedVariant

_GRID = 24
_GRAPH_WIDTH = 12
_GRAPH_HEIGHT = 6
_MINUTE = 60
_LINES_MAX = 50  # of at most 100 rows of a metrics array: a computed line takes two
_ALARMS_MAX = 100  # "Dashboard Body Structure and Syntax", alarm status widget
_ALARMS_PER_ROW = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedEndpoint:
    """An endpoint as a dashboard shows it.

    Attributes
    ----------
    label
        What people call it.
    endpoint_name
        Its name, which may be a token.
    variants
        Its production variants.
    alarm_arns
        ARNs of its alarms, which may be tokens.
    latency_p99_ms
        Latency above which an alarm goes off. None: there is no such alarm.
    """

    label: str
    endpoint_name: str
    variants: tuple[WatchedVariant, ...]
    alarm_arns: tuple[str, ...] = ()
    latency_p99_ms: float | None = None


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
    lines: tuple[tuple[str, str, _Line], ...]  # endpoint, variant, what of it
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

    def graph(title: str, lines: Callable[[WatchedVariant], list[_Line]], **choices: float | None) -> _Graph:
        named = len(endpoint.variants) > 1
        drawn = [
            (endpoint.endpoint_name, variant.name, _labelled(line, variant.name if named else ""))
            for variant in endpoint.variants
            for line in lines(variant)
        ]
        return _Graph(title=title, lines=tuple(drawn), **choices)

    graphs = [
        graph("Invocations per minute", lambda _: [_INVOCATIONS]),
        graph("Errors per minute", lambda _: [_SERVER_ERRORS, _CLIENT_ERRORS, _MODEL_ERRORS]),
        graph("Latency (ms)", lambda _: [_MEDIAN, _SLOWEST, _OVERHEAD], limit=endpoint.latency_p99_ms),
        graph("Use of the instances (%)", _uses, top=100),
        graph("Invocations per instance and minute", lambda _: [_PER_INSTANCE]),
        graph("Instances in service", lambda variant: [_INSTANCE_COUNT] if variant.has_instances else []),
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

    def graph(title: str, draw: Callable[[WatchedVariant], list[_Line]], *, top: float | None = None) -> list[_Graph]:
        lines = [
            (endpoint.endpoint_name, variant.name, _Line(_of(endpoint, variant), *_rest(line)))
            for endpoint in endpoints
            for variant in endpoint.variants
            for line in draw(variant)
        ]
        return [_Graph(title=title, lines=tuple(part), top=top) for part in _parts(lines, _LINES_MAX)]

    graphs = [
        *graph("Invocations per minute", lambda _: [_INVOCATIONS]),
        *graph("5xx errors per minute", lambda _: [_SERVER_ERRORS]),
        *graph("Latency of the model, p99 (ms)", lambda _: [_SLOWEST]),
        *graph("CPU of the instances (%)", _cpu, top=100),
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


def _of(endpoint: WatchedEndpoint, variant: WatchedVariant) -> str:
    return endpoint.label if len(endpoint.variants) == 1 else f"{endpoint.label} {variant.name}"


def _labelled(line: _Line, prefix: str) -> _Line:
    return _Line(f"{prefix} {line.label}".strip(), *_rest(line))


def _rest(line: _Line) -> tuple[tuple[str, str], str, float, tuple[str, str] | None]:
    return line.metric, line.statistic, line.factor, line.divisor


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
    for index, graph in enumerate(graph for graph in graphs if graph.lines):
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
        "metrics": [
            row
            for index, (endpoint, variant, line) in enumerate(graph.lines)
            for row in _rows(f"m{index}", endpoint, variant, line)
        ],
    }
    if graph.limit is not None:
        properties["annotations"] = {"horizontal": [{"label": "Alarm", "value": graph.limit}]}
    return properties


def _rows(key: str, endpoint: str, variant: str, line: _Line) -> list[list[Any]]:
    """Write a line as rows of a metrics array: the metric, and before it what is computed of it."""

    def metric(name: tuple[str, str], **options: object) -> list[Any]:
        return [*name, "EndpointName", endpoint, "VariantName", variant, {"stat": line.statistic, **options}]

    if line.divisor is not None:
        expression = {"expression": f"{key} / {key}d", "label": line.label, "id": f"{key}e"}
        hidden = [metric(line.metric, id=key, visible=False), metric(line.divisor, id=f"{key}d", visible=False)]
        return [[expression], *hidden]
    if line.factor != 1:
        expression = {"expression": f"{key} * {line.factor!r}", "label": line.label, "id": f"{key}e"}
        return [[expression], metric(line.metric, id=key, visible=False)]
    return [metric(line.metric, label=line.label)]
