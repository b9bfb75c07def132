"""The book's rows that no other test deploys: their examples in one deployment by the real CDK, each called."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_clients import client
from botocore.exceptions import ClientError
from real_cdk import CDK, ROOT, bootstrap

from constructs_lib.serving.models import PyTorchModel
from constructs_lib.tools.package import package
from local_aws.process import LocalAws
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings

EXAMPLES = ROOT / "examples"
INFERENCE = ROOT / ".venv" / "bin" / "inference"
BUCKET = "amzn-s3-demo-bucket"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(state=tmp_path_factory.mktemp("chapter")) as running:
        yield running


@pytest.fixture(scope="module")
def environment(aws: LocalAws) -> dict[str, str]:
    return {**os.environ, **aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"}


@pytest.fixture(scope="module", autouse=True)
def deployed(aws: LocalAws, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("chapter-app")
    put_models(aws, directory)
    app = cdk.App(outdir=str(directory / "cdk.out"), analytics_reporting=False)
    for name in (
        "autoscaling/inference",
        "container/inference",
        "multi-model/book",
        "onnx/inference",
        "triton/inference",
    ):
        settings = load_settings(EXAMPLES / f"{name}.yaml")
        InferenceStack(app, name.replace("/", "-"), settings=settings)
    runpy.run_path(str(EXAMPLES / "python-app" / "double_app.py"))["DoubleStack"](app, "DoubleStack")
    app.synth()
    bootstrap(aws)
    done = subprocess.run(
        [CDK, "deploy", "--all", "--require-approval", "never", "--app", str(directory / "cdk.out"), "--no-notices"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def put_models(aws: LocalAws, directory: Path) -> None:
    """Make and upload the archives of many models, as the README says."""
    s3, example = client(aws, "s3"), EXAMPLES / "multi-model"
    s3.create_bucket(Bucket=BUCKET)
    for name in ("churn", "fraud"):
        model = PyTorchModel(
            artifact=str(example / "models" / name), source_dir=str(example / "handler"), entry_point="linear.py"
        )
        archive = package(model, output=directory / f"{name}.tar.gz").path
        s3.upload_file(str(archive), BUCKET, f"models/{name}.tar.gz")


def predictions(aws: LocalAws, endpoint: str, **target: str) -> Any:
    answer = client(aws, "sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=b'{"instances": [[1.0, 2.0]]}', ContentType="application/json", **target
    )
    return json.loads(answer["Body"].read())["predictions"]


def test_the_python_app_is_called_with_json_csv_and_an_array(environment: dict[str, str]) -> None:
    command = [sys.executable, str(EXAMPLES / "python-app" / "call.py")]

    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert said.splitlines() == [
        "JSON  {'predictions': [[2.0, 4.0, 10.0]]}",
        "CSV   2.0,4.0,10.0",
        "array [[ 2.  4. 10.]]",
    ]


def test_the_role_of_the_python_app_may_call_its_endpoint_and_no_other(aws: LocalAws) -> None:
    (stack,) = client(aws, "cloudformation").describe_stacks(StackName="DoubleStack")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assumed = client(aws, "sts").assume_role(RoleArn=outputs["CallerRoleArn"], RoleSessionName="caller")["Credentials"]
    caller = boto3.client(
        "sagemaker-runtime",
        region_name=aws.region,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )
    rows: dict[str, Any] = {"Body": b'{"instances": [[1.0, 2.0, 5.0]]}', "ContentType": "application/json"}

    answer = caller.invoke_endpoint(EndpointName="double-in-python", **rows)

    assert json.loads(answer["Body"].read()) == {"predictions": [[2.0, 4.0, 10.0]]}
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:InvokeEndpoint"):
        caller.invoke_endpoint(EndpointName="scores-from-image", **rows)


def test_a_bare_onnx_file_answers(aws: LocalAws) -> None:
    assert predictions(aws, "double") == [[2.0, 4.0]]


def test_the_same_file_on_triton_is_called_by_the_tool(environment: dict[str, str]) -> None:
    request = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [[1, 2, 5]]}]}
    command = [str(INFERENCE), "invoke", "-", "--endpoint", "double-on-triton", "--show", "json"]

    said = subprocess.run(
        command, input=json.dumps(request), env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert json.loads(said) == {
        "model_name": "double",
        "model_version": "1",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 3], "data": [2.0, 4.0, 10.0]}],
    }


def test_an_image_of_ones_own_serves_its_archive(aws: LocalAws) -> None:
    assert predictions(aws, "scores-from-image") == [4.5]


def test_models_under_a_prefix_are_named_by_each_request(aws: LocalAws) -> None:
    assert predictions(aws, "scores-in-s3", TargetModel="fraud.tar.gz") == [3.0]
    assert predictions(aws, "scores-in-s3", TargetModel="churn.tar.gz") == [pytest.approx(0.1)]


def test_every_field_of_the_consoles_scaling_page_is_set(aws: LocalAws) -> None:
    scaling = client(aws, "application-autoscaling")
    variant = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/digits-scaled/variant/AllTraffic"}

    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[variant["ResourceId"]])[
        "ScalableTargets"
    ]
    (policy,) = scaling.describe_scaling_policies(**variant)["ScalingPolicies"]

    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 600.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 60,
        "DisableScaleIn": False,
    }


def test_what_the_page_does_not_have_is_there_too(aws: LocalAws) -> None:
    scaling = client(aws, "application-autoscaling")
    variant = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/digits-prepared/variant/AllTraffic"}

    policies = scaling.describe_scaling_policies(**variant)["ScalingPolicies"]
    actions = scaling.describe_scheduled_actions(**variant)["ScheduledActions"]

    assert {policy["PolicyType"] for policy in policies} == {"TargetTrackingScaling", "StepScaling"}
    assert {action["ScheduledActionName"]: action["ScalableTargetAction"]["MinCapacity"] for action in actions} == {
        "Morning": 3,
        "Evening": 1,
    }
