"""The examples of jobs, as their READMEs tell them: deployed by the real CDK onto local AWS, updated, destroyed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_clients import client as make_client
from botocore.exceptions import ClientError
from patience import looks
from real_cdk import ROOT, bootstrap, run_cdk

from examples.digits.predict import accuracy, predict, read_rows
from local_aws.process import LocalAws

DOUBLED = '{"predictions": [[2.0, 4.0, 10.0]]}'
INCOMING = "amzn-s3-demo-bucket"  # as nightly.yaml has it

Cdk = Callable[..., None]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    directory = tmp_path_factory.mktemp("aws")
    with LocalAws.start(state=directory) as running:
        bootstrap(running)
        yield running


@pytest.fixture
def client(aws: LocalAws) -> Callable[[str], Any]:
    return partial(make_client, aws)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the examples, which a test may change."""
    for name in ("digits", "onnx", "training", "batch-transform", "neo"):
        shutil.copytree(ROOT / "examples" / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def cdk(aws: LocalAws, project: Path) -> Cdk:
    def run(command: str, settings: str, *options: str) -> None:
        run_cdk(aws, project / settings, project / "cdk.out", command, "InferenceStack", *options)

    return run


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def outputs(client: Callable[[str], Any]) -> dict[str, str]:
    (stack,) = client("cloudformation").describe_stacks(StackName="InferenceStack")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_the_digits_are_trained_deployed_and_trained_anew(
    cdk: Cdk, project: Path, client: Callable[[str], Any]
) -> None:
    example = "training/inference.yaml"
    sagemaker, runtime = client("sagemaker"), client("sagemaker-runtime")

    cdk("deploy", example)
    first = outputs(client)
    (trained,) = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    assert trained["TrainingJobName"] == first["digitsTrainingJobName"]
    assert accuracy(predict("trained-digits", runtime, read_rows())) > 0.97

    change(project / example, 'hidden: "64"', 'hidden: "96"')
    cdk("deploy", example)
    second = outputs(client)
    assert second["digitsTrainingJobArtifact"] != first["digitsTrainingJobArtifact"]
    assert accuracy(predict("trained-digits", runtime, read_rows())) > 0.97

    # A training that fails says why, and what serves goes on serving.
    change(project / "training" / "src" / "train.py", "pixels, labels = read(given.train)", "raise OSError('no data')")
    with pytest.raises(AssertionError, match="no data"):
        cdk("deploy", example)
    assert outputs(client) == second
    assert accuracy(predict("trained-digits", runtime, read_rows())) > 0.97

    cdk("destroy", example, "--force")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_models()["Models"] == []


def test_the_digits_are_transformed_in_bulk_anew_when_an_option_changes_and_object_by_object(
    cdk: Cdk, project: Path, client: Callable[[str], Any], aws: LocalAws
) -> None:
    example = "batch-transform/inference.yaml"
    sagemaker, s3 = client("sagemaker"), client("s3")

    cdk("deploy", example)
    said = subprocess.run(
        [sys.executable, project / "batch-transform" / "accuracy.py"],
        env={**os.environ, **aws.environment()},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith("accuracy 99.1%: 446 of 450 images, answers under s3://")

    s3.create_bucket(Bucket=INCOMING)
    s3.put_bucket_notification_configuration(
        Bucket=INCOMING, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    change(project / example, "output_filter: $[0,-1]", "output_filter: $[-1]")
    for other in ("nightly", "book"):
        add_transforms(project / example, project / "batch-transform" / f"{other}.yaml")
    cdk("deploy", example)
    assert len(sagemaker.list_transform_jobs()["TransformJobSummaries"]) == 3
    for name in ("digits", "digitsbook"):
        bucket, _, prefix = outputs(client)[f"{name}BatchTransformOutput"].removeprefix("s3://").partition("/")
        assert_digits(read(s3, bucket, f"{prefix}/monday.csv.out"))

    images = project / "batch-transform" / "images" / "monday.csv"
    pixels = "".join(line.partition(",")[2] for line in images.read_text().splitlines(keepends=True))
    s3.put_object(Bucket=INCOMING, Key="incoming/2026/monday.csv", Body=pixels.encode())
    assert_digits(awaited(s3, INCOMING, "answers/2026/monday.csv.out"))

    cdk("destroy", example, "--force")
    assert sagemaker.list_models()["Models"] == []
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 4  # the answers stay


def test_a_model_is_compiled_served_and_compiled_anew(
    cdk: Cdk, project: Path, client: Callable[[str], Any], aws: LocalAws
) -> None:
    example = "neo/inference.yaml"
    sagemaker, runtime = client("sagemaker"), client("sagemaker-runtime")

    def jobs() -> list[str]:
        found = sagemaker.list_compilation_jobs(NameContains="inferencestack")["CompilationJobSummaries"]
        return sorted(job["CompilationJobStatus"] for job in found)

    def answer() -> str:
        body = b'{"instances": [[1.0, 2.0, 5.0]]}'
        said = runtime.invoke_endpoint(EndpointName="compiled-double", ContentType="application/json", Body=body)
        return str(said["Body"].read().decode())

    cdk("deploy", example)
    assert jobs() == ["COMPLETED"]
    assert answer() == DOUBLED

    change(project / example, "ml_c5 #", "ml_m5 #")
    change(project / example, "ml.c5.large", "ml.m5.large")
    cdk("deploy", example)
    assert jobs() == ["COMPLETED", "COMPLETED"]
    assert answer() == DOUBLED

    # A compilation that fails says why, and what serves goes on serving.
    assets = f"cdk-hnb659fds-assets-{aws.account}-{aws.region}"
    change(project / example, "../onnx/model", f"s3://{assets}/no-such-model.tar.gz")
    change(project / example, "      source_dir: handler\n", "")
    with pytest.raises(AssertionError) as failed:
        cdk("deploy", example)
    reason = "ended as FAILED: ClientError: InputConfiguration: S3 object does not exist"
    assert reason in " ".join(str(failed.value).split())
    assert jobs() == ["COMPLETED", "COMPLETED", "FAILED"]
    assert answer() == DOUBLED

    cdk("destroy", example, "--force")
    assert sagemaker.list_models()["Models"] == []


def add_transforms(settings: Path, other: Path) -> None:
    """Put the batch transforms of another example into a settings file."""
    both = yaml.safe_load(settings.read_text())
    both["batch_transforms"] |= yaml.safe_load(other.read_text())["batch_transforms"]
    settings.write_text(yaml.safe_dump(both))


def assert_digits(answers: str) -> None:
    assert len(answers.split()) == 225
    assert {int(float(answer)) for answer in answers.split()} <= set(range(10))


def read(s3: Any, bucket: str, key: str) -> str:
    return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def awaited(s3: Any, bucket: str, key: str) -> str:
    """Read an object, as soon as there is one."""
    for _ in looks():
        with contextlib.suppress(ClientError):
            return read(s3, bucket, key)
    raise AssertionError(f"nothing came to {key}")
