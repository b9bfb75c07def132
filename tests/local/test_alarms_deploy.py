"""Alarms and dashboards on local AWS: what CloudWatch knows of them once the stack is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import pytest
from aws_clients import Aws, unique
from botocore.exceptions import ClientError
from patience import eventually

from constructs_lib.sagemaker import Autoscaling, InferenceEndpoint, Monitoring
from constructs_lib.sagemaker.monitoring.endpoint_monitoring import InferenceDashboard
from constructs_lib.serving.models import PyTorchModel

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef

NAME = "watched"
DIMENSIONS: list[DimensionTypeDef] = [
    {"Name": "EndpointName", "Value": NAME},
    {"Name": "VariantName", "Value": "AllTraffic"},
]
TOPIC = "arn:aws:sns:us-east-1:000000000000:ops"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A watched endpoint in whatever region it is deployed to, with a dashboard of its stack."""
    directory = tmp_path_factory.mktemp("cdk.out")
    app = cdk.App(outdir=str(directory), analytics_reporting=False)
    stack = cdk.Stack(app, "Watched", synthesizer=cdk.LegacyStackSynthesizer())
    endpoint = InferenceEndpoint(
        stack,
        "Digits",
        endpoint_name=NAME,
        model=PyTorchModel(artifact=f"s3://{Aws.bucket}/{Aws.key}", environment={"STATUS": "500"}),
        instance_type="ml.c6i.xlarge",
        autoscaling=Autoscaling(min=1, max=3, invocations_per_instance=600),
        # Alarms of local AWS look at all endpoints together: one failure among the thousands of other tests is enough.
        monitoring=Monitoring(latency_p99_ms=200, error_percent=0.001, alarm_topics=(TOPIC,)),
    )
    InferenceDashboard(stack, "Dashboard", endpoints=[endpoint])
    app.synth()
    return (directory / "Watched.template.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def resources(aws: Aws, template: str) -> Iterator[dict[str, str]]:
    """Physical ids of the deployed stack's resources, by their place in the construct tree."""
    aws.make_artifact()
    name = unique("watched")
    assert aws.put_stack(name, json.loads(template))["StackStatus"] == "CREATE_COMPLETE"
    found = aws.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    yield {resource["LogicalResourceId"][:-8]: resource["PhysicalResourceId"] for resource in found}
    aws.cloudformation.delete_stack(StackName=name)


def alarm(aws: Aws, resources: dict[str, str], subject: str) -> dict[str, Any]:
    name = resources[f"DigitsMonitoringAllTraffic{subject}"]
    (found,) = aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def test_the_alarms_exist_with_the_dimensions_of_the_variant(aws: Aws, resources: dict[str, str]) -> None:
    latency = alarm(aws, resources, "Latency")

    assert {each["Name"]: each["Value"] for each in latency["Dimensions"]} == {
        "EndpointName": NAME,
        "VariantName": "AllTraffic",
    }
    assert (latency["Namespace"], latency["MetricName"]) == ("AWS/SageMaker", "ModelLatency")
    assert (latency["ExtendedStatistic"], latency["Threshold"], latency["Period"]) == ("p99", 200_000, 60)
    assert latency["AlarmActions"] == latency["OKActions"] == [TOPIC]
    assert alarm(aws, resources, "Cpu")["Threshold"] == 360


def test_an_alarm_on_metric_math_keeps_its_metrics(aws: Aws, resources: dict[str, str]) -> None:
    metrics = {each["Id"]: each for each in alarm(aws, resources, "AtMaxInstances")["Metrics"]}

    assert metrics["compared"]["Expression"] == "requests / shares"
    read = metrics["shares"]["MetricStat"]["Metric"]
    assert read["Dimensions"][0] == {"Name": "EndpointName", "Value": NAME}


def test_the_dashboards_show_the_region_that_the_stack_is_in(aws: Aws, resources: dict[str, str]) -> None:
    names = [resources["DigitsMonitoringDashboard"], resources["Dashboard"]]
    bodies = [json.loads(aws.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]) for name in names]

    for body in bodies:
        regions = {each["properties"]["region"] for each in body["widgets"] if each["type"] == "metric"}
        alarms = [arn for each in body["widgets"] if each["type"] == "alarm" for arn in each["properties"]["alarms"]]
        assert regions == {aws.server.region}
        assert alarm(aws, resources, "Errors")["AlarmArn"] in alarms


def test_the_instances_report_what_they_use_without_any_traffic(aws: Aws, resources: dict[str, str]) -> None:
    def maximum(metric: str) -> list[float]:
        now = datetime.now(UTC)
        found = aws.cloudwatch.get_metric_statistics(
            Namespace="/aws/sagemaker/Endpoints",
            MetricName=metric,
            Dimensions=DIMENSIONS,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Maximum"],
        )
        return [point["Maximum"] for point in found["Datapoints"]]

    assert eventually(lambda: bool(maximum("DiskUtilization")))
    assert 0 < maximum("CPUUtilization")[0] < 100 * 1024
    assert 0 < maximum("MemoryUtilization")[0] < 100
    assert 0 < maximum("DiskUtilization")[0] <= 100


def test_failing_invocations_set_the_alarm_off(aws: Aws, resources: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="no such digit"):
        aws.runtime.invoke_endpoint(EndpointName=NAME, Body=b"{}")

    assert eventually(lambda: alarm(aws, resources, "Errors")["StateValue"] == "ALARM")
    assert alarm(aws, resources, "Errors")["StateReason"].startswith("Threshold Crossed: Average ")


def test_an_alarm_on_a_list_of_one_metric_is_evaluated(aws: Aws) -> None:
    metric = {"Namespace": "Rollouts", "MetricName": "Failures"}
    query = {"Id": "v0", "ReturnData": True, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    properties = {"Threshold": 1, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    resource = {"Type": "AWS::CloudWatch::Alarm", "Properties": {**properties, "Metrics": [query]}}
    name = unique("rollback")
    aws.cloudwatch.put_metric_data(Namespace="Rollouts", MetricData=[{"MetricName": "Failures", "Value": 3.0}])

    assert aws.put_stack(name, {"Resources": {"Alarm": resource}})["StackStatus"] == "CREATE_COMPLETE"

    (made,) = aws.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    (found,) = aws.cloudwatch.describe_alarms(AlarmNames=[made["PhysicalResourceId"]])["MetricAlarms"]
    assert (found["MetricName"], found["Statistic"], found["StateValue"]) == ("Failures", "Sum", "ALARM")


def test_alarms_are_found_by_what_they_call(aws: Aws) -> None:
    names = [unique("calls"), unique("calls")]
    for name in names:
        aws.cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Own",
            MetricName="Errors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            OKActions=[f"{TOPIC}-{name}"],
        )

    found = [aws.cloudwatch.describe_alarms(ActionPrefix=f"{TOPIC}-{name}")["MetricAlarms"] for name in names]
    none = aws.cloudwatch.describe_alarms(ActionPrefix=f"{TOPIC}-{unique('none')}")["MetricAlarms"]

    assert [[alarm["AlarmName"] for alarm in alarms] for alarms in found] == [[name] for name in names]
    assert none == []
    aws.cloudwatch.delete_alarms(AlarmNames=names)


def test_an_alarm_sees_its_own_dimensions(aws: Aws) -> None:
    namespace, endpoints = unique("Own"), ("a", "b")
    for name in endpoints:
        aws.cloudwatch.put_metric_alarm(
            AlarmName=f"{namespace}-{name}",
            Namespace=namespace,
            MetricName="Errors",
            Dimensions=[{"Name": "EndpointName", "Value": name}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
        )

    point: Any = {"MetricName": "Errors", "Dimensions": [{"Name": "EndpointName", "Value": "a"}], "Value": 1}
    aws.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[point])

    alarms = aws.cloudwatch.describe_alarms(AlarmNamePrefix=namespace)["MetricAlarms"]
    states = {alarm["AlarmName"].removeprefix(f"{namespace}-"): alarm["StateValue"] for alarm in alarms}
    assert states["a"] == "ALARM"
    assert states["b"] != "ALARM"
    aws.cloudwatch.delete_alarms(AlarmNames=[f"{namespace}-{name}" for name in endpoints])
