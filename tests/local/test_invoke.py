"""`inference invoke` against local AWS: real-time, one of many models, asynchronous, by variant, and refusals."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, unique

from local_aws.process import LocalAws

BUCKET = "invoked"
HANDLER = b"""
def model_fn(model_dir):
    return 2
def predict_fn(data, model):
    return data * model
"""


@pytest.fixture(scope="module")
def aws(local_aws: LocalAws) -> Aws:
    made = Aws(local_aws)
    made.s3.create_bucket(Bucket=BUCKET)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(HANDLER)
        archive.addfile(member, io.BytesIO(HANDLER))
    made.s3.put_object(Bucket=BUCKET, Key="models/double.tar.gz", Body=packed.getvalue())
    return made


def make_endpoint(aws: Aws, *, container: dict[str, Any], **config: Any) -> str:
    """Deploy a model that doubles."""
    name = unique("invoked")
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": "*"},
    ]
    role = aws.make_role_of(statements)
    primary: Any = {"Image": IMAGE, **container}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **config)
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"
    return name


@pytest.fixture(scope="module")
def double(aws: Aws) -> str:
    return make_endpoint(aws, container={"ModelDataUrl": f"s3://{BUCKET}/models/double.tar.gz"})


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.json"
    path.write_text("[10, 11]", encoding="utf-8")
    return path


def invoke(aws: Aws, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, from a shell that local AWS has set up."""
    entry_point = "from constructs_lib.tools.command import main; main()"
    command = [sys.executable, "-c", entry_point, "invoke", *map(str, arguments)]
    environment = {**os.environ, **aws.server.environment()}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_an_endpoint_answers_with_a_table(aws: Aws, double: str, rows: Path) -> None:
    answered = invoke(aws, rows, "--endpoint", double, "--target-variant", "main")

    assert (answered.returncode, answered.stdout) == (0, "   prediction\n0          20\n1          22\n"), (
        answered.stderr
    )


def test_repeated_calls_print_their_latency(aws: Aws, double: str, rows: Path) -> None:
    answered = invoke(aws, rows, "--endpoint", double, "--repeat", "6", "--concurrency", "2")

    assert answered.stdout.startswith("6 answers, 0 errors in "), answered.stderr


def test_one_of_many_models_answers(aws: Aws, rows: Path) -> None:
    many = {"Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/models/"}
    name = make_endpoint(aws, container=many)

    answered = invoke(aws, rows, "--endpoint", name, "--target-model", "double.tar.gz", "--show", "raw")

    assert json.loads(answered.stdout) == [20, 22], answered.stderr


@pytest.mark.parametrize("upload", [[], ["--upload", f"s3://{BUCKET}/requests/"]], ids=["sent along", "uploaded"])
def test_an_asynchronous_endpoint_is_waited_for(upload: list[str], aws: Aws, rows: Path) -> None:
    name = make_endpoint(
        aws,
        container={"ModelDataUrl": f"s3://{BUCKET}/models/double.tar.gz"},
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/answers/"}},
    )

    answered = invoke(aws, rows, "--endpoint", name, "--async", *upload, "--show", "raw")

    assert json.loads(answered.stdout) == [20, 22], answered.stderr


def test_an_endpoint_that_is_not_there_is_told_in_one_line(aws: Aws, rows: Path) -> None:
    answered = invoke(aws, rows, "--endpoint", "nowhere")

    assert answered.returncode == 1
    assert answered.stderr.startswith("inference invoke: 'nowhere': AWS answers ValidationError to InvokeEndpoint: ")
    assert len(answered.stderr.splitlines()) == 1


def test_a_model_that_fails_is_told_in_one_line(aws: Aws, double: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")

    answered = invoke(aws, broken, "--endpoint", double)

    assert answered.returncode == 1
    assert answered.stderr.startswith(f"inference invoke: '{double}': the model answers 500: ")
    assert answered.stderr.endswith(f"; more in its log group, /aws/sagemaker/Endpoints/{double}\n")
    assert len(answered.stderr.splitlines()) == 1
