"""Alarms and dashboards in templates: what CloudWatch is asked for, held against its own service model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import (
    Autoscaling,
    Endpoint,
    EndpointMonitoring,
    InferenceDashboard,
    InferenceEndpoint,
    InstanceVariant,
    Monitoring,
)
from constructs_lib.sagemaker.async_inference import AsyncInference, BacklogScaling
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.serving.models import ContainerModel
from constructs_lib.serving.problems import InvalidValueError
from local_aws.validation import check, service_model
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import ROOT, Json, new_app, only
from tests.snapshot.lint_findings import lint_findings

ALARM, DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
EXAMPLE = ROOT / "examples" / "monitoring" / "settings.yaml"


def served(stack: cdk.Stack, id_: str = "Digits", **choices: Any) -> InferenceEndpoint:
    return InferenceEndpoint(
        stack, id_, model=ContainerModel(image="example/mine:1"), **{"instance_type": "ml.g5.xlarge", **choices}
    )


def alarms(template: Template) -> dict[str, Json]:
    """Give the alarms of the only endpoint of a template, by subject."""
    found = template.find_resources(ALARM).items()
    return {key.split("AllTraffic")[1][:-8]: dict(each["Properties"]) for key, each in found}


def deployed(value: Any) -> Any:
    """Put in the place of every intrinsic function a value that it may have at deployment."""
    if isinstance(value, dict):
        if "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            return separator.join(map(deployed, parts))
        if len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
            ((function, argument),) = value.items()
            return "us-east-1" if argument == "AWS::Region" else f"{function}-{json.dumps(argument)[2:9]}"
        return {key: deployed(each) for key, each in value.items()}
    return [deployed(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The example, in whatever account and region it is deployed to."""
    app = new_app(tmp_path_factory.mktemp("example"))
    return Template.from_stack(InferenceStack(app, "InferenceStack", settings=load_settings(EXAMPLE)))


class TestAlarms:
    def test_an_endpoint_has_none_unless_asked(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack)

        synthesized = template()
        synthesized.resource_count_is(ALARM, 0)
        synthesized.resource_count_is(DASHBOARD, 0)

    def test_every_alarm_reads_the_metrics_of_its_variant_and_waits_for_the_endpoint(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        served(stack, monitoring=Monitoring())

        synthesized = template()
        endpoint_id, _ = only(synthesized, "AWS::SageMaker::Endpoint")
        found = alarms(synthesized)
        assert sorted(found) == ["Cpu", "Errors", "Gpu", "Latency", "Memory", "Silence"]
        for alarm in found.values():
            assert alarm["Dimensions"] == [
                {"Name": "EndpointName", "Value": {"Fn::GetAtt": [endpoint_id, "EndpointName"]}},
                {"Name": "VariantName", "Value": "AllTraffic"},
            ]
            assert "AlarmName" not in alarm

    def test_logical_ids_are_part_of_the_contract(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, monitoring=Monitoring())

        synthesized = template()
        assert sorted(each[:-8] for each in synthesized.find_resources(ALARM)) == [
            f"DigitsMonitoringAllTraffic{name}" for name in ("Cpu", "Errors", "Gpu", "Latency", "Memory", "Silence")
        ]
        assert only(synthesized, DASHBOARD)[0][:-8] == "DigitsMonitoringDashboard"

    def test_a_percentile_is_an_extended_statistic(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, monitoring=Monitoring(latency_p99_ms=200))

        assert alarms(template())["Latency"] == {
            "AlarmDescription": "AllTraffic: The model took more than 200 ms for 1 of 100 invocations",
            "ComparisonOperator": "GreaterThanThreshold",
            "DatapointsToAlarm": 3,
            "Dimensions": alarms(template())["Errors"]["Dimensions"],
            "EvaluationPeriods": 5,
            "ExtendedStatistic": "p99",
            "MetricName": "ModelLatency",
            "Namespace": "AWS/SageMaker",
            "Period": 60,
            "Threshold": 200_000,
            "TreatMissingData": "notBreaching",
        }

    def test_the_alarm_at_the_most_instances_is_metric_math(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        served(stack, autoscaling=Autoscaling(max=4, invocations_per_instance=60), monitoring=Monitoring())

        alarm = alarms(template())["AtMaxInstances"]
        assert alarm.keys().isdisjoint({"MetricName", "Namespace", "Period", "Statistic", "Dimensions"})
        assert [each["ReturnData"] for each in alarm["Metrics"]] == [True, False, False]
        assert alarm["Threshold"] == 3.5

    def test_a_topic_of_the_same_app_is_told_of_both_ends(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        topic = sns.Topic(stack, "Ops")
        served(stack, monitoring=Monitoring(alarm_topics=(topic.topic_arn,)))

        synthesized = template()
        topic_id, _ = only(synthesized, "AWS::SNS::Topic")
        found = alarms(synthesized)
        assert len(found) == 6
        for alarm in found.values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic_id}]

    def test_each_variant_of_an_imported_endpoint_has_its_own(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        variants = [InstanceVariant(name=name, instance_type="ml.m5.large") for name in ("blue", "green")]
        endpoint = Endpoint.from_endpoint_name(stack, "ranking")
        EndpointMonitoring(stack, "Watch", endpoint=endpoint, variants=variants)

        found = template().find_resources(ALARM)
        assert {alarm["Properties"]["Dimensions"][0]["Value"] for alarm in found.values()} == {"ranking"}
        per_variant = [alarm["Properties"]["Dimensions"][1]["Value"] for alarm in found.values()]
        assert (per_variant.count("blue"), per_variant.count("green")) == (5, 5)

    def test_a_serverless_endpoint_has_the_alarms_that_its_metrics_allow(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        served(stack, instance_type=None, serverless=ServerlessVariant(), monitoring=Monitoring())

        assert sorted(alarms(template())) == ["Errors", "Latency", "Memory"]

    def test_an_asynchronous_endpoint_that_scales_from_zero_may_be_silent(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        waiting = AsyncInference(output="s3://answers/", autoscaling=BacklogScaling(max=3))
        served(stack, async_inference=waiting, endpoint_name="later", monitoring=Monitoring())

        found = alarms(template())
        assert "Silence" not in found
        assert found["AtMaxInstances"]["Threshold"] == 2.5

    def test_names_of_variants_and_subjects_do_not_run_into_each_other(self, stack: cdk.Stack) -> None:
        variants = [InstanceVariant(name=name, instance_type="ml.g5.xlarge") for name in ("a", "a-Gpu", "aGpu")]
        endpoint = Endpoint.from_endpoint_name(stack, "ranking")
        choices = Monitoring(gpu_memory_percent=90)

        watch = EndpointMonitoring(stack, "Watch", endpoint=endpoint, variants=variants, monitoring=choices)

        assert {"a-GpuMemory", "a-Gpu-Memory", "aGpu-Memory"} <= set(watch.alarms)

    @pytest.mark.parametrize(
        ("variants", "text"),
        [
            ([], "EndpointMonitoring: 'variants' is empty; give those of the endpoint"),
            (["a", "a"], "EndpointMonitoring: 'variants' must each have a name of its own, got 'a' 2 times"),
        ],
    )
    def test_fails_before_anything_is_built(self, variants: list[str], text: str, stack: cdk.Stack) -> None:
        endpoint = Endpoint.from_endpoint_name(stack, "ranking")
        made = [InstanceVariant(name=name, instance_type="ml.m5.large") for name in variants]

        with pytest.raises(InvalidValueError) as raised:
            EndpointMonitoring(stack, "Watch", endpoint=endpoint, variants=made)

        assert str(raised.value) == text
        assert stack.node.try_find_child("Watch") is None


class TestDashboards:
    def test_an_endpoint_can_go_without(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, monitoring=Monitoring(dashboard=False))

        template().resource_count_is(DASHBOARD, 0)

    def test_a_dashboard_has_no_name_and_shows_the_region_that_it_is_deployed_to(self, example: Template) -> None:
        found = example.find_resources(DASHBOARD)
        assert len(found) == 3
        for dashboard in found.values():
            assert list(dashboard["Properties"]) == ["DashboardBody"]
            assert {"Ref": "AWS::Region"} in dashboard["Properties"]["DashboardBody"]["Fn::Join"][1]
            assert "Token" not in json.dumps(dashboard)

    def test_a_dashboard_of_a_stack_shows_endpoints_with_and_without_alarms(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        watched = served(stack, "Watched", monitoring=Monitoring(dashboard=False))
        plain = served(stack, "Plain")
        InferenceDashboard(stack, "All", endpoints=[watched, plain])

        _, dashboard = only(template(), DASHBOARD)
        body = json.loads(deployed(dashboard["Properties"]["DashboardBody"]))
        shown = {widget["properties"]["title"]: widget["properties"] for widget in body["widgets"]}
        assert [row[-1]["label"] for row in shown["Invocations per minute"]["metrics"]] == ["Watched", "Plain"]
        assert len(shown["Alarms"]["alarms"]) == 6
        assert shown["Invocations per minute"]["region"] == "us-east-1"

    def test_fails_without_an_endpoint(self, stack: cdk.Stack) -> None:
        with pytest.raises(InvalidValueError, match=r"^InferenceDashboard: 'endpoints' is empty; give at least one$"):
            InferenceDashboard(stack, "All", endpoints=[])


class TestExample:
    def test_cloudwatch_takes_every_alarm_and_dashboard(self, example: Template) -> None:
        model = service_model("cloudwatch")
        wanted = {ALARM: ("PutMetricAlarm", "AlarmName", 11), DASHBOARD: ("PutDashboard", "DashboardName", 3)}

        for kind, (operation, name, count) in wanted.items():
            found = example.find_resources(kind)
            assert len(found) == count
            shape = model.operation_model(operation).input_shape
            assert shape is not None
            for logical_id, resource in found.items():
                check(shape, {name: logical_id, **deployed(resource["Properties"])})

    def test_a_threshold_of_the_settings_reaches_its_alarm(self, example: Template) -> None:
        latency = {
            key.removeprefix("Endpoints").split("Monitoring")[0]: alarm["Properties"]["Threshold"]
            for key, alarm in example.find_resources(ALARM, {"Properties": {"MetricName": "ModelLatency"}}).items()
        }

        assert latency == {"digits": 200_000, "digitsquiet": 30_000_000}

    def test_neither_the_cdk_nor_cfn_lint_finds_anything(self, tmp_path: Path) -> None:
        context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"] | {"settings": str(EXAMPLE)}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CDK_")}

        finished = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**environment, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": json.dumps(context)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert finished.returncode == 0, finished.stderr
        report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
        found = [each for plugin in report["pluginReports"] for each in plugin.get("violations", [])]
        assert [each for each in found if "inference:image-end-of-patch" not in json.dumps(each)] == []
        template = (tmp_path / "InferenceStack.template.json").read_text(encoding="utf-8")
        assert lint_findings(template) == []
