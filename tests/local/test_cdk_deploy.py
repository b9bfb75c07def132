"""The whole way, as a user goes it: the real CDK, local AWS, the digits model, plain boto3."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aws_clients import client as make_client
from botocore.exceptions import ClientError
from real_cdk import ROOT, run_cdk

from examples.digits.predict import accuracy, predict, read_rows
from local_aws.process import LocalAws

SETTINGS = """\
endpoints:
  digits:
    model: {framework: onnx, artifact: model, entry_point: inference.py}
    instance_type: ml.c6i.large
    autoscaling: {min: 1, max: 4, invocations_per_instance: 600, scale_in_cooldown: 60, disable_scale_in: true}
"""
BROKEN_HANDLER = "def model_fn(model_dir):\n    raise RuntimeError('the weights are for another network')\n"

Cdk = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    with LocalAws.start(state=tmp_path / "aws") as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "digits" / "model", directory / "model")
    (directory / "inference.yaml").write_text(SETTINGS)
    return directory


@pytest.fixture
def cdk(aws: LocalAws, project: Path) -> Cdk:
    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run_cdk(aws, project / "inference.yaml", project / "cdk.out", *arguments, check=check)

    return run


@pytest.fixture
def client(aws: LocalAws) -> Callable[[str], Any]:
    return partial(make_client, aws)


def test_the_digits_are_deployed_called_updated_rolled_back_and_destroyed(
    cdk: Cdk, project: Path, client: Callable[[str], Any], aws: LocalAws
) -> None:
    runtime = client("sagemaker-runtime")
    handler = project / "model" / "code" / "inference.py"
    written = handler.read_text()

    cdk("bootstrap", f"aws://{aws.account}/{aws.region}")
    cdk("deploy", "InferenceStack")
    assert client("sagemaker").describe_endpoint(EndpointName="digits")["EndpointStatus"] == "InService"
    assert accuracy(predict("digits", runtime, read_rows())) > 0.98
    assert_scaling(client("application-autoscaling"))
    first_policies = model_policies(client("iam"))

    handler.write_text(written.replace('CSV = "text/csv"', 'CSV = "text/csv"\nprint("second version")'))
    cdk("deploy", "InferenceStack")
    assert accuracy(predict("digits", runtime, read_rows(limit=20))) > 0.9
    assert "second version" in log_text(client("logs"))
    second_policies = model_policies(client("iam"))
    assert len(first_policies) == len(second_policies) == 1
    assert first_policies != second_policies

    handler.write_text(BROKEN_HANDLER)
    failed = cdk("deploy", "InferenceStack", check=False)
    assert failed.returncode != 0
    assert "the weights are for another network" in failed.stdout + failed.stderr
    stack = client("cloudformation").describe_stacks(StackName="InferenceStack")["Stacks"][0]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert accuracy(predict("digits", runtime, read_rows(limit=20))) > 0.9
    assert model_policies(client("iam")) == second_policies

    cdk("destroy", "InferenceStack", "--force")
    assert client("sagemaker").list_endpoints()["Endpoints"] == []
    assert client("sagemaker").list_endpoint_configs()["EndpointConfigs"] == []
    assert client("sagemaker").list_models()["Models"] == []
    assert model_policies(client("iam")) == []
    with pytest.raises(ClientError, match="Endpoint digits of account 000000000000 not found"):
        runtime.invoke_endpoint(EndpointName="digits", Body=b"")


def assert_scaling(autoscaling: Any) -> None:
    (target,) = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["ResourceId"] == "endpoint/digits/variant/AllTraffic"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    (policy,) = autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 600.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 60,
        "ScaleOutCooldown": 300,
        "DisableScaleIn": True,
    }


def model_policies(iam: Any) -> list[str]:
    """Give the names of the inline policies of the model's execution role, wherever it is."""
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"] if "ModelExecutionRole" in role["RoleName"]]
    return [name for role in roles for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]


def log_text(logs: Any) -> str:
    return json.dumps(logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/digits")["events"])
