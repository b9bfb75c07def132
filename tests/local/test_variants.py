"""Several production variants on local AWS: deployed by the real CDK, reached by weight and by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aws_clients import client as make_client
from real_cdk import ROOT, bootstrap, run_cdk

from examples.digits.predict import read_rows
from local_aws.process import LocalAws

SETTINGS = """\
endpoints:
  digits-ab:
    model: {{framework: onnx, artifact: model, entry_point: inference.py}}
    variants:
      - name: Current
        instance_type: ml.c6i.large
        weight: {current}
        autoscaling: {{min: 1, max: 4, max_requests_per_second: 20}}
      - name: Candidate
        instance_type: ml.m6i.large
        weight: {candidate}
        model: {{framework: onnx, artifact: candidate, entry_point: inference.py}}
        container_startup_timeout: 300
"""

Client = Callable[[str], Any]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    with LocalAws.start(state=tmp_path / "aws") as running:
        bootstrap(running)
        yield running


@pytest.fixture
def client(aws: LocalAws) -> Client:
    return partial(make_client, aws)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    for name in ("model", "candidate"):
        shutil.copytree(ROOT / "examples" / "digits" / "model", directory / name)
    handler = directory / "candidate" / "code" / "inference.py"
    handler.write_text(handler.read_text().replace('CSV = "text/csv"', 'CSV = "text/csv"\nprint("the candidate")'))
    return directory


def answered_by(runtime: Any, **options: str) -> str:
    (row,) = read_rows(limit=1)
    square = [row.pixels[start : start + 8] for start in range(0, 64, 8)]
    answer = runtime.invoke_endpoint(
        EndpointName="digits-ab",
        Body=json.dumps({"instances": [square]}).encode(),
        ContentType="application/json",
        **options,
    )
    assert len(json.loads(answer["Body"].read())["predictions"]) == 1
    return str(answer["InvokedProductionVariant"])


def test_traffic_goes_by_weight_unless_the_request_names_a_variant(
    aws: LocalAws, project: Path, client: Client
) -> None:
    runtime, sagemaker = client("sagemaker-runtime"), client("sagemaker")

    (project / "inference.yaml").write_text(SETTINGS.format(current=1, candidate=0))
    run_cdk(aws, project / "inference.yaml", project / "cdk.out", "deploy", "InferenceStack")
    assert {answered_by(runtime) for _ in range(10)} == {"Current"}
    assert answered_by(runtime, TargetVariant="Candidate") == "Candidate"
    assert len(sagemaker.list_models()["Models"]) == 2
    assert "the candidate" in log_text(client("logs"))
    assert_only_current_scales(client("application-autoscaling"))

    (project / "inference.yaml").write_text(SETTINGS.format(current=0, candidate=3))
    run_cdk(aws, project / "inference.yaml", project / "cdk.out", "deploy", "InferenceStack")
    assert {answered_by(runtime) for _ in range(10)} == {"Candidate"}
    described = sagemaker.describe_endpoint(EndpointName="digits-ab")["ProductionVariants"]
    assert {each["VariantName"]: each["CurrentWeight"] for each in described} == {"Current": 0.0, "Candidate": 3.0}

    run_cdk(aws, project / "inference.yaml", project / "cdk.out", "destroy", "InferenceStack", "--force")
    assert sagemaker.list_endpoints()["Endpoints"] == sagemaker.list_models()["Models"] == []


def log_text(logs: Any) -> str:
    return json.dumps(logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/digits-ab")["events"])


def assert_only_current_scales(autoscaling: Any) -> None:
    (target,) = autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["ResourceId"] == "endpoint/digits-ab/variant/Current"
    (policy,) = autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 20 * 60 * 0.5
