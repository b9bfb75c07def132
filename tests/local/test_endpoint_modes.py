"""Serverless, asynchronous, shadowed and rolled-out endpoints on local AWS: deployed by the real CDK, and called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from aws_clients import client
from patience import looks
from real_cdk import ROOT, bootstrap, run_cdk

from examples.digits.predict import accuracy, predict, read_rows
from local_aws.process import LocalAws

BUCKET = "their-bucket"
MODEL = "    model: {framework: onnx, artifact: model, entry_point: inference.py}\n"
SETTINGS = f"""\
endpoints:
  digits-serverless:
{MODEL}
    serverless: {{max_concurrency: 10, autoscaling: {{min: 1, max: 5}}}}
  digits-async:
{MODEL}
    instance_type: ml.c6i.large
    async_inference:
      input: s3://{BUCKET}/requests/
      output: s3://{BUCKET}/answers/
      autoscaling: {{max: 3}}
  digits-canary:
{MODEL}
    instance_type: ml.c6i.large
    rollout: {{strategy: canary, wait: 0}}
    shadow: {{name: Next, instance_type: ml.m6i.large}}
    data_capture: {{destination: 's3://{BUCKET}/captured/', json_content_types: [application/json]}}
    tags: {{team: vision}}
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(state=tmp_path_factory.mktemp("modes")) as running:
        yield running


@pytest.fixture(scope="module")
def deployed(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> LocalAws:
    project = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "examples" / "digits" / "model", project / "model")
    settings = project / "inference.yaml"
    settings.write_text(SETTINGS)
    client(aws, "s3").create_bucket(Bucket=BUCKET)
    bootstrap(aws)
    run_cdk(aws, settings, project / "cdk.out", "deploy", "InferenceStack")
    return aws


def test_a_serverless_endpoint_answers_and_scales_its_concurrency(deployed: LocalAws) -> None:
    assert accuracy(predict("digits-serverless", client(deployed, "sagemaker-runtime"), read_rows(limit=20))) > 0.9
    targets = client(deployed, "application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    dimensions = {target["ResourceId"]: target["ScalableDimension"] for target in targets["ScalableTargets"]}
    assert dimensions == {
        "endpoint/digits-serverless/variant/AllTraffic": "sagemaker:variant:DesiredProvisionedConcurrency",
        "endpoint/digits-async/variant/AllTraffic": "sagemaker:variant:DesiredInstanceCount",
    }


def test_an_asynchronous_endpoint_answers_into_s3_by_its_own_rights(deployed: LocalAws) -> None:
    s3 = client(deployed, "s3")
    (row,) = read_rows(limit=1)
    square = [row.pixels[start : start + 8] for start in range(0, 64, 8)]
    s3.put_object(Bucket=BUCKET, Key="requests/1.json", Body=json.dumps({"instances": [square]}).encode())

    accepted = client(deployed, "sagemaker-runtime").invoke_endpoint_async(
        EndpointName="digits-async", InputLocation=f"s3://{BUCKET}/requests/1.json", ContentType="application/json"
    )

    (prediction,) = json.loads(awaited(s3, accepted["OutputLocation"].partition(f"{BUCKET}/")[2]))["predictions"]
    assert prediction["digit"] == row.label


def test_an_endpoint_with_a_shadow_captures_its_traffic(deployed: LocalAws) -> None:
    predict("digits-canary", client(deployed, "sagemaker-runtime"), read_rows(limit=1))

    described = client(deployed, "sagemaker").describe_endpoint(EndpointName="digits-canary")
    assert [each["VariantName"] for each in described["ShadowProductionVariants"]] == ["Next"]
    assert described["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://{BUCKET}/captured/"
    captured = awaited(client(deployed, "s3"), "captured/")
    assert "predictions" in captured


def test_the_alarms_of_a_rollout_are_there(deployed: LocalAws) -> None:
    alarms = client(deployed, "cloudwatch").describe_alarms()["MetricAlarms"]
    metrics = {alarm["MetricName"] for alarm in alarms if "Rollback" in alarm["AlarmName"]}
    assert metrics == {"Invocation5XXErrors", "ModelLatency"}


def awaited(s3: Any, prefix: str) -> str:
    """Read the first object under a prefix, as soon as there is one."""
    for _ in looks():
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        if found:
            return str(s3.get_object(Bucket=BUCKET, Key=found[0]["Key"])["Body"].read().decode())
    raise AssertionError(f"nothing came under '{prefix}'")
