"""Models of several containers: in a row, or named by each request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_clients import IMAGE, Aws, refusal, unique


def make_model(aws: Aws, containers: list[dict[str, Any]], **more: Any) -> str:
    name = unique("m")
    artifact = aws.make_artifact()
    definitions: Any = [{"Image": IMAGE, "ModelDataUrl": artifact, **item} for item in containers]
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=aws.make_role(), Containers=definitions, **more)
    return name


def make_endpoint(aws: Aws, containers: list[dict[str, Any]], **more: Any) -> str:
    name = make_model(aws, containers, **more)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    return name


def metric_names(aws: Aws, endpoint: str, container: str) -> set[str]:
    dimensions: Any = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "ContainerName", "Value": container}]
    found = aws.cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)["Metrics"]
    return {metric["MetricName"] for metric in found}


DIRECT: Any = {"InferenceExecutionConfig": {"Mode": "Direct"}}
FIRST = {"ContainerHostname": "first", "Environment": {"WHO": "1"}}
SECOND = {"ContainerHostname": "second", "Environment": {"WHO": "2"}}


def test_each_request_names_its_container_with_direct_invocation(aws: Aws) -> None:
    name = make_endpoint(aws, [FIRST, SECOND], **DIRECT)

    assert aws.invoke(name, TargetContainerHostname="first")["environment"]["WHO"] == "1"
    assert aws.invoke(name, TargetContainerHostname="second")["environment"]["WHO"] == "2"
    assert metric_names(aws, name, "second") == {
        "Invocations",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "ContainerLatency",
    }
    streams = aws.logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["logStreams"]
    assert {stream["logStreamName"].rpartition("/")[2] for stream in streams} == {"first", "second"}


def test_fails_without_a_container_or_for_one_that_is_not_there(aws: Aws) -> None:
    direct = make_endpoint(aws, [FIRST, SECOND], **DIRECT)
    serial = make_endpoint(aws, [FIRST, SECOND])

    def refused(endpoint: str, **more: str) -> str:
        return refusal(aws.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"x", **more)

    assert refused(direct) == (
        f"ValidationError: Endpoint {direct} is configured for direct invocation and requires target container "
        "hostname header: one of first, second."
    )
    assert refused(direct, TargetContainerHostname="third") == (
        f"ValidationError: Target container hostname third not found in endpoint {direct}: it has first, second."
    )
    assert refused(serial, TargetContainerHostname="first") == (
        f"ValidationError: Endpoint {serial} is not configured for direct invocation and does not support target "
        "container hostname header."
    )
    assert refused(serial, TargetModel="a.tar.gz") == (
        f"ValidationError: Endpoint {serial} is not a multi-model endpoint and does not support target model header."
    )


def test_the_output_of_a_container_is_the_input_of_the_next_one(aws: Aws) -> None:
    name = make_endpoint(aws, [{"Environment": {"WHO": "1"}}, {"Environment": {"WHO": "2"}}])

    answer = aws.runtime.invoke_endpoint(EndpointName=name, Body=b"1,2", ContentType="text/csv", Accept="text/csv")
    seen = json.loads(answer["Body"].read())

    assert seen["environment"]["WHO"] == "2"
    assert seen["body"] > 100  # the first one's whole answer
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["accept"] == "text/csv"
    assert "ContainerLatency" in metric_names(aws, name, "container-1")


def test_a_container_that_refuses_ends_the_pipeline_and_is_named(aws: Aws) -> None:
    name = make_endpoint(aws, [{"ContainerHostname": "clean", "Environment": {"STATUS": "500"}}, SECOND])

    message = refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"x")

    assert message.startswith('ModelError: Received server error (500) from clean with message "ValueError: no such')
    assert metric_names(aws, name, "second") == set()


def test_one_container_that_does_not_start_fails_the_endpoint(aws: Aws) -> None:
    name = make_endpoint(aws, [FIRST, {"Environment": {"FAIL": "no weights"}}])
    assert aws.sagemaker.describe_endpoint(EndpointName=name)["FailureReason"] == "no weights"


@pytest.mark.parametrize(
    ("containers", "message"),
    [
        ([FIRST], "InferenceExecutionConfig mode Direct requires more than one container in Containers."),
        (
            [FIRST, {}],
            "ContainerHostname is required for each container with InferenceExecutionConfig mode Direct.",
        ),
        ([FIRST, FIRST], "ContainerHostname must be unique among the containers of a model."),
        (
            [FIRST | {"MultiModelConfig": {"ModelCacheSetting": "Enabled"}}, SECOND],
            "MultiModelConfig can be specified for a container in MultiModel mode only.",
        ),
        (
            [FIRST | {"Mode": "MultiModel"}, SECOND | {"Mode": "MultiModel"}],
            "At most one container of a model can be in MultiModel mode.",
        ),
    ],
)
def test_fails_to_create_a_model_with(aws: Aws, containers: list[dict[str, Any]], message: str) -> None:
    artifact = aws.make_artifact()
    parameters: Any = {
        "ModelName": unique("m"),
        "ExecutionRoleArn": aws.make_role(),
        "Containers": [{"Image": IMAGE, "ModelDataUrl": artifact, **item} for item in containers],
    }
    assert refusal(aws.sagemaker.create_model, **parameters, **DIRECT) == f"ValidationException: {message}"
