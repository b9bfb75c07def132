"""Serverless endpoints: served, limited, and refused what they exclude."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_clients import IMAGE, Aws, refusal, unique
from gate import Gate
from patience import eventually

SMALL = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}


def make_model(aws: Aws, environment: dict[str, str] | None = None, **more: Any) -> str:
    name = unique("m")
    container: Any = {"Image": IMAGE, "ModelDataUrl": aws.make_artifact(), "Environment": environment or {}}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=aws.make_role(), PrimaryContainer=container, **more)
    return name


def make_endpoint(aws: Aws, environment: dict[str, str] | None = None) -> str:
    name = make_model(aws, environment)
    variant: Any = {"VariantName": "main", "ModelName": name, "ServerlessConfig": SMALL}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    return name


def test_a_serverless_endpoint_serves(aws: Aws) -> None:
    name = make_endpoint(aws)

    (described,) = aws.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]

    assert aws.invoke(name, b"x" * 4_194_304)["body"] == 4_194_304
    assert described["CurrentServerlessConfig"] == SMALL
    assert "CurrentInstanceCount" not in described
    assert refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"x" * 4_194_305) == (
        "ValidationError: The request body has 4194305 bytes; serverless endpoints take at most 4194304."
    )


def test_a_request_beyond_the_concurrency_is_throttled(aws: Aws, gate: Gate) -> None:
    name = make_endpoint(aws, {"GATE": str(gate.directory)})
    with ThreadPoolExecutor(1) as pool, gate:
        first = pool.submit(aws.invoke, name)
        assert eventually(lambda: gate.waiting == 1)

        assert refusal(aws.runtime.invoke_endpoint, EndpointName=name, Body=b"x") == (
            "ThrottlingException: Rate exceeded: variant main has its MaxConcurrency of 1 requests under way."
        )
        gate.open()
        assert first.result()["body"] == 1
    assert aws.invoke(name)["body"] == 1


@pytest.mark.parametrize(
    ("model", "config", "settings", "message"),
    [
        ({"EnableNetworkIsolation": True}, {}, {}, "Serverless inference does not support network isolation."),
        (
            {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}},
            {
                "DataCaptureConfig": {
                    "InitialSamplingPercentage": 1,
                    "DestinationS3Uri": "s3://b/c",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            {},
            "Serverless inference does not support data capture, VPC configuration.",
        ),
        (
            {},
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/c"}}},
            {},
            "Serverless inference does not support asynchronous inference.",
        ),
        (
            {},
            {},
            {"MemorySizeInMB": 1500},
            "Invalid MemorySizeInMB 1500 for production variant main: it must be one of 1024, 2048, 3072, 4096, 5120, "
            "6144.",
        ),
        (
            {},
            {},
            {"ProvisionedConcurrency": 2},
            "ProvisionedConcurrency 2 for production variant main must be less than or equal to its MaxConcurrency 1.",
        ),
    ],
)
def test_fails_to_configure(
    aws: Aws, model: dict[str, Any], config: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    variant = {"VariantName": "main", "ModelName": make_model(aws, **model), "ServerlessConfig": SMALL | settings}
    request: Any = {"EndpointConfigName": unique("c"), "ProductionVariants": [variant], **config}
    assert refusal(aws.sagemaker.create_endpoint_config, **request) == f"ValidationException: {message}"


def test_fails_to_turn_instances_into_a_serverless_endpoint(aws: Aws) -> None:
    name, serverless = aws.make_endpoint(), make_endpoint(aws)
    config = aws.sagemaker.describe_endpoint(EndpointName=serverless)["EndpointConfigName"]
    assert refusal(aws.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config) == (
        "ValidationException: An instance-based endpoint cannot be converted to a serverless endpoint."
    )
