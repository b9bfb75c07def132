"""The bodies of dashboards, as CloudWatch's "Dashboard Body Structure and Syntax" has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.sagemaker.monitoring.dashboard import endpoint_body, stack_body
from constructs_lib.sagemaker.monitoring.watched_component import WatchedComponent
from constructs_lib.sagemaker.monitoring.watched_endpoint import WatchedEndpoint
from constructs_lib.sagemaker.monitoring.watched_variant import WatchedVariant

Json = dict[str, Any]

CPU = WatchedVariant(name="AllTraffic", vcpus=8)
GPU = WatchedVariant(name="Large", vcpus=48, gpus=4)
HOST = WatchedVariant(name="AllTraffic", vcpus=48, gpus=4, hosts_components=True)
COMPONENTS = tuple(WatchedComponent(name=f"m{number}", has_accelerators=number == 1) for number in range(60))
REGION = "${Token[AWS.Region.1]}"


def endpoint(*variants: WatchedVariant, **choices: Any) -> WatchedEndpoint:
    return WatchedEndpoint(**{"label": "digits", "endpoint_name": "digits", "variants": variants or (CPU,), **choices})


def widgets(body: str, kind: str = "metric") -> list[Json]:
    return [widget for widget in json.loads(body)["widgets"] if widget["type"] == kind]


def graph(body: str, title: str) -> Json:
    (found,) = [each["properties"] for each in widgets(body) if each["properties"]["title"] == title]
    return dict(found)


def labels(graph: Json) -> list[str]:
    return [row[-1]["label"] for row in graph["metrics"] if "label" in row[-1]]


def many(count: int) -> list[WatchedEndpoint]:
    return [
        endpoint(label=f"e{n}", endpoint_name=f"e{n}", alarm_arns=tuple(f"arn:{n}:{m}" for m in range(6)))
        for n in range(count)
    ]


BODIES = {
    "one": endpoint_body(endpoint(alarm_arns=("arn:1",), latency_p99_ms=200), region=REGION),
    "two variants": endpoint_body(endpoint(CPU, GPU), region=REGION),
    "ten variants": endpoint_body(
        endpoint(*(WatchedVariant(name=f"v{n}", vcpus=48, gpus=4) for n in range(10))), region=REGION
    ),
    "components": endpoint_body(endpoint(HOST, components=COMPONENTS[:2], alarm_arns=("arn:1",)), region=REGION),
    "many components": endpoint_body(endpoint(HOST, components=COMPONENTS), region=REGION),
    "stack with components": stack_body(
        [*many(2), endpoint(HOST, label="fleet", components=COMPONENTS)], region=REGION
    ),
    "serverless": endpoint_body(endpoint(WatchedVariant(name="AllTraffic")), region=REGION),
    "stack": stack_body(many(3), region=REGION),
    "large stack": stack_body(many(120), region=REGION),
}


@pytest.fixture(params=list(BODIES))
def body(request: pytest.FixtureRequest) -> str:
    return BODIES[request.param]


def test_widgets_stand_inside_of_the_grid_and_not_on_each_other(body: str) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in json.loads(body)["widgets"]:
        x, y, width, height = (widget[key] for key in ("x", "y", "width", "height"))
        cells = {(column, row) for column in range(x, x + width) for row in range(y, y + height)}
        assert x + width <= 24
        assert not cells & taken
        taken |= cells


def test_every_graph_is_of_the_region_that_was_given(body: str) -> None:
    assert {widget["properties"]["region"] for widget in widgets(body)} == {REGION}


def test_no_widget_has_more_than_cloudwatch_shows(body: str) -> None:
    assert 1 <= len(json.loads(body)["widgets"]) <= 500
    assert all(1 <= len(widget["properties"]["metrics"]) <= 100 for widget in widgets(body))
    assert all(1 <= len(widget["properties"]["alarms"]) <= 100 for widget in widgets(body, "alarm"))


def test_ids_of_a_graph_are_unique_and_every_expression_finds_its_metrics(body: str) -> None:
    for widget in widgets(body):
        options = [row[-1] for row in widget["properties"]["metrics"]]
        ids = [option["id"] for option in options if "id" in option]
        assert len(ids) == len(set(ids))
        for option in options:
            used = {word for word in option.get("expression", "").split() if word.startswith("m")}
            assert used <= set(ids)


def test_the_graphs_of_an_endpoint() -> None:
    assert [widget["properties"]["title"] for widget in widgets(BODIES["one"])] == [
        "Invocations per minute",
        "Errors per minute",
        "Latency (ms)",
        "Use of the instances (%)",
        "Invocations per instance and minute",
        "Instances in service",
    ]


def test_the_graphs_of_inference_components_are_theirs_and_those_of_the_instances_the_variants() -> None:
    body = BODIES["components"]

    assert [widget["properties"]["title"] for widget in widgets(body)] == [
        "Invocations per minute",
        "Errors per minute",
        "Latency (ms)",
        "Use of the copies (%)",
        "Invocations per copy and minute",
        "Copies in service",
        "Use of the instances (%)",
        "Instances in service",
    ]
    assert graph(body, "Invocations per minute")["metrics"] == [
        [
            "AWS/SageMaker",
            "Invocations",
            "InferenceComponentName",
            name,
            {"stat": "Sum", "label": f"{name} Invocations"},
        ]
        for name in ("m0", "m1")
    ]
    assert graph(body, "Copies in service")["metrics"][0] == [
        "/aws/sagemaker/InferenceComponents", "CPUUtilizationNormalized", "InferenceComponentName", "m0",
        {"stat": "SampleCount", "label": "m0 Copies"},
    ]  # fmt: skip
    used = [(row[1], row[3]) for row in graph(body, "Use of the copies (%)")["metrics"]]
    assert used == [
        ("CPUUtilizationNormalized", "m0"),
        ("MemoryUtilizationNormalized", "m0"),
        ("CPUUtilizationNormalized", "m1"),
        ("MemoryUtilizationNormalized", "m1"),
        ("GPUUtilizationNormalized", "m1"),
        ("GPUMemoryUtilizationNormalized", "m1"),
    ]
    assert graph(body, "Instances in service")["metrics"] == [
        ["/aws/sagemaker/Endpoints", "CPUUtilizationNormalized", "EndpointName", "digits", "VariantName", "AllTraffic",
         {"stat": "SampleCount", "label": "Instances"}],
    ]  # fmt: skip


def test_the_dashboard_of_a_stack_has_a_line_for_each_component_and_its_instances() -> None:
    body = BODIES["stack with components"]

    drawn = [
        row
        for each in widgets(body)
        if each["properties"]["title"] == "Invocations per minute"
        for row in each["properties"]["metrics"]
    ]
    assert [row[3] for row in drawn if row[2] == "InferenceComponentName"] == [each.name for each in COMPONENTS]
    assert drawn[2][-1]["label"] == "fleet m0"
    assert [row[3] for row in drawn if row[2] == "EndpointName"] == [each.endpoint_name for each in many(2)]
    cpu = graph(body, "CPU of the instances (%)")["metrics"]
    assert "fleet" in [row[0]["label"] for row in cpu if len(row) == 1]


def test_latency_is_shown_in_milliseconds_with_the_limit_of_its_alarm() -> None:
    latency = graph(BODIES["one"], "Latency (ms)")

    assert latency["metrics"][2:4] == [
        [{"expression": "m1 * 0.001", "label": "Model, p99", "id": "m1e"}],
        ["AWS/SageMaker", "ModelLatency", "EndpointName", "digits", "VariantName", "AllTraffic",
         {"stat": "p99", "id": "m1", "visible": False}],
    ]  # fmt: skip
    assert latency["annotations"] == {"horizontal": [{"label": "Alarm", "value": 200}]}
    assert "annotations" not in graph(BODIES["two variants"], "Latency (ms)")


def test_use_is_shown_of_the_whole_instance() -> None:
    use = graph(BODIES["two variants"], "Use of the instances (%)")

    assert labels(use) == [
        "AllTraffic CPU", "AllTraffic Memory", "AllTraffic Disk",
        "Large CPU", "Large Memory", "Large Disk", "Large GPU", "Large GPU memory",
    ]  # fmt: skip
    expressions = {row[0]["label"]: row[0]["expression"] for row in use["metrics"] if len(row) == 1}
    assert expressions["AllTraffic CPU"] == "m0 * 0.125"
    assert expressions["Large GPU"].endswith("* 0.25")
    assert use["yAxis"]["left"]["max"] == 100


def test_a_serverless_variant_has_no_graph_of_instances() -> None:
    titles = [widget["properties"]["title"] for widget in widgets(BODIES["serverless"])]

    assert "Instances in service" not in titles
    assert labels(graph(BODIES["serverless"], "Use of the instances (%)")) == ["Memory"]


def test_an_endpoint_without_alarms_shows_none() -> None:
    assert widgets(BODIES["two variants"], "alarm") == []


def test_a_stack_shows_its_endpoints_side_by_side() -> None:
    assert labels(graph(BODIES["stack"], "Invocations per minute")) == ["e0", "e1", "e2"]
    (alarms,) = widgets(BODIES["stack"], "alarm")
    assert len(alarms["properties"]["alarms"]) == 18


def test_a_stack_of_many_endpoints_shows_each_of_them() -> None:
    shown = [
        label
        for widget in widgets(BODIES["large stack"])
        if widget["properties"]["title"] == "Latency of the model, p99 (ms)"
        for label in labels(widget["properties"])
    ]

    assert shown == [f"e{n}" for n in range(120)]


def test_a_body_is_the_same_every_time() -> None:
    assert stack_body(many(3), region=REGION) == BODIES["stack"]
