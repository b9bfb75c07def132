"""SageMaker's runtime, over real HTTP and plain boto3."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_clients import Aws, refusal, unique
from gate import Gate
from patience import eventually

from local_aws.services.sagemaker.containers import RunningContainer


def test_an_invocation_reaches_the_container_and_comes_back(aws: Aws) -> None:
    name = aws.make_endpoint()

    answer = aws.runtime.invoke_endpoint(
        EndpointName=name, Body=b"1,2", ContentType="text/csv", Accept="application/json", CustomAttributes="trace=1"
    )

    seen = json.loads(answer["Body"].read())
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "main"
    assert answer["CustomAttributes"] == "from-model"
    assert seen["headers"]["content-type"] == "text/csv"
    assert seen["headers"]["accept"] == "application/json"
    assert seen["headers"]["x-amzn-sagemaker-custom-attributes"] == "trace=1"


def test_a_body_of_six_megabytes_is_taken_and_one_byte_more_refused(aws: Aws) -> None:
    name = aws.make_endpoint()

    assert aws.invoke(name, b"x" * 6_291_456)["body"] == 6_291_456
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"x" * 6_291_457) == (
        "ValidationError: 1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have "
        "length less than or equal to 6291456"
    )


@pytest.mark.parametrize(("status", "side"), [("500", "server"), ("415", "client")])
def test_a_model_that_refuses_answers_as_a_model_error(aws: Aws, status: str, side: str) -> None:
    name = aws.make_endpoint({"STATUS": status})

    with pytest.raises(aws.runtime.exceptions.ModelError) as caught:
        aws.runtime.invoke_endpoint(EndpointName=name, Body=b"x")

    answer: Any = caught.value.response
    group = f"/aws/sagemaker/Endpoints/{name}"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == int(status)
    assert answer["OriginalMessage"] == "ValueError: no such digit"
    assert answer["LogStreamArn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    assert answer["Error"]["Message"] == (
        f'Received {side} error ({status}) from primary with message "ValueError: no such digit". See '
        f"https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group={group} in "
        "account 000000000000 for more information."
    )


def test_invocations_do_not_wait_for_each_other_nor_hold_up_other_services(aws: Aws, gate: Gate) -> None:
    name = aws.make_endpoint({"GATE": str(gate.directory)})

    with ThreadPoolExecutor(32) as pool, gate:
        answers = [pool.submit(aws.invoke, name) for _ in range(32)]
        assert eventually(lambda: gate.waiting == 32)
        assert aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
        assert not any(answer.done() for answer in answers)
        gate.open()
        assert [answer.result()["body"] for answer in answers] == [1] * 32


def test_a_model_that_takes_too_long_is_a_model_error_of_status_zero() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host: Any = SimpleNamespace(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        unused: Any = None
        container = RunningContainer(
            name="primary", definition={}, role=unused, place=unused, workdir=Path(), host=host
        )

        said = container.ask(b"x", {}, timeout=0.05)

    assert said == (
        "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
        "each container in Amazon CloudWatch, resolve the issue, and try again."
    )


def test_traffic_is_shared_by_weight_and_a_variant_can_be_named(aws: Aws) -> None:
    name = unique("endpoint")
    models = {"a": aws.make_config({"VERSION": "a"}), "b": aws.make_config({"VERSION": "b"})}
    variants: Any = [
        {
            "VariantName": variant,
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": {"a": 1, "b": 0}[variant],
        }
        for variant, model in models.items()
    ]
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)

    assert {aws.invoke(name)["environment"]["VERSION"] for _ in range(10)} == {"a"}
    assert aws.invoke(name, TargetVariant="b")["environment"]["VERSION"] == "b"
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"", TargetVariant="c") == (
        f"ValidationError: Variant c not found in endpoint {name}."
    )


def test_an_endpoint_is_invoked_by_its_name_in_its_own_case(aws: Aws) -> None:
    name = aws.make_endpoint()

    assert refusal(aws.runtime.invoke_endpoint, EndpointName=name.upper(), Body=b"") == (
        f"ValidationError: Endpoint {name.upper()} of account 000000000000 not found."
    )


def test_log_lines_and_metrics_reach_cloudwatch(aws: Aws) -> None:
    name = aws.make_endpoint()
    aws.invoke(name, b"abc")

    group = f"/aws/sagemaker/Endpoints/{name}"
    stream = aws.logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    events = aws.logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    metrics = aws.cloudwatch.list_metrics(
        Namespace="AWS/SageMaker", Dimensions=[{"Name": "EndpointName", "Value": name}]
    )["Metrics"]

    assert stream.startswith("main/i-")
    assert [event["message"] for event in events] == ["starting", "invoked with 3 bytes"]
    assert {metric["MetricName"] for metric in metrics} == {
        "Invocations",
        "InvocationsPerInstance",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ModelLatency",
        "OverheadLatency",
    }
    assert metrics[0]["Dimensions"] == [
        {"Name": "EndpointName", "Value": name},
        {"Name": "VariantName", "Value": "main"},
    ]
