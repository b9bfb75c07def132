"""Training jobs on local AWS that fail, are stopped or are refused."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from aws_clients import Aws, refusal, unique
from patience import PATIENCE, eventually
from training_jobs import (
    BUCKET,
    DUMP,
    IMAGE,
    channel,
    job_request,
    log_lines,
    make_role,
    read_archive,
    settled,
    start,
    train,
)

from local_aws.process import LocalAws

OWN_IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/our-trainer:1"

# --- A job that fails -------------------------------------------------------------------------------------------------


def test_the_failure_reason_is_the_scripts_own_error(training_aws: Aws) -> None:
    described = train(training_aws, "def fit():\n    raise ValueError('no rows')\n\nfit()\n")

    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Failed"
    assert described["FailureReason"] == (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no rows (train.py, line 2)"\n'
        'Command "python train.py", exit code: 1'
    )


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import os, pathlib; p = pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR']).parent / 'failure'; "
         "p.write_text('bad data'); raise SystemExit(3)", 'ExitCode 3\nErrorMessage "bad data"'),
        ("import os, signal; print('big'); os.kill(os.getpid(), signal.SIGKILL)", "exit code: 137"),
        ("def broken(:\n", 'ErrorMessage "SyntaxError: '),
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("import sys; sys.exit('give me data')", 'ErrorMessage "give me data"'),
    ],
)  # fmt: skip
def test_however_a_script_fails_the_reason_says_it(training_aws: Aws, script: str, reason: str) -> None:
    described = train(training_aws, script)

    assert described["TrainingJobStatus"] == "Failed"
    assert reason in described["FailureReason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"HyperParameters": {"sagemaker_program": "other.py"}}, "the entry point other.py (sagemaker_program) is not in"),
        (
            {"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"},
             "InputDataConfig": [channel()]},
            "ClientError: local AWS has no pipes for channel train: use input mode File or FastFile",
        ),
        (
            {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/out/c", "LocalPath": "/scratch"}},
            "ClientError: local AWS has no directory /scratch for checkpoints",
        ),
        ({"EnableNetworkIsolation": True}, "cannot be downloaded with network isolation"),
        (
            {"OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/elsewhere"}, "InputDataConfig": [channel()]},
            "ClientError: Artifact upload failed:User: arn:aws:sts::000000000000:assumed-role/",
        ),
        (
            {"OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out", "KmsKeyId": "1234"}, "InputDataConfig": [channel()]},
            "perform: kms:GenerateDataKey on resource: arn:aws:kms:us-east-1:000000000000:key/1234",
        ),
    ],
)  # fmt: skip
def test_a_job_that_cannot_run_says_why(training_aws: Aws, changes: dict[str, Any], reason: str) -> None:
    described = train(training_aws, DUMP, **changes)

    assert described["TrainingJobStatus"] == "Failed"
    assert reason in described["FailureReason"]


def test_an_image_with_an_entry_point_of_its_own_is_not_run(training_aws: Aws) -> None:
    request = job_request(training_aws, {})
    request["HyperParameters"] = {"epochs": "1"}
    request["AlgorithmSpecification"]["TrainingImage"] = OWN_IMAGE
    training_aws.sagemaker.create_training_job(**request)

    reason = settled(training_aws, request["TrainingJobName"])["FailureReason"]
    assert reason.startswith(f"ClientError: local AWS cannot run the image {OWN_IMAGE} without a Docker engine. ")
    assert "sagemaker_program and sagemaker_submit_directory" in reason


@pytest.mark.parametrize("action", ["ecr:BatchGetImage", "logs:PutLogEvents", "s3:PutObject"])
def test_a_role_that_lacks_a_right_fails_the_job(training_aws: Aws, action: str) -> None:
    role = make_role(training_aws, without=action)
    described = train(training_aws, DUMP, RoleArn=role, InputDataConfig=[channel()])

    assert described["TrainingJobStatus"] == "Failed"
    assert f"is not authorized to perform: {action} on resource: " in described["FailureReason"]


# --- A job that is stopped --------------------------------------------------------------------------------------------


PATIENT = """
import os, pathlib, signal, sys, time
def save(*_):
    pathlib.Path(os.environ["SM_MODEL_DIR"], "partial").write_text("half")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready")
while True:
    time.sleep(0.05)
"""


def wait_for_line(aws: Aws, job: str, line: str) -> None:
    def is_training() -> bool:
        return aws.sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatus"] == "Training"

    assert eventually(lambda: is_training() and line in log_lines(aws, job)), f"{job} did not log {line}"


def test_a_stopped_script_may_save_what_it_has(training_aws: Aws) -> None:
    name = start(training_aws, PATIENT)
    wait_for_line(training_aws, name, "ready")

    training_aws.sagemaker.stop_training_job(TrainingJobName=name)
    described = settled(training_aws, name)

    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Stopped"
    assert "FailureReason" not in described
    assert "Stopping" in [t["Status"] for t in described["SecondaryStatusTransitions"]]
    assert read_archive(training_aws, described["ModelArtifacts"]["S3ModelArtifacts"]) == {"partial": b"half"}
    assert refusal(training_aws.sagemaker.stop_training_job, TrainingJobName=name) == (
        "ValidationException: The request was rejected because the training job is in status Stopped."
    )


def test_a_job_that_takes_too_long_is_stopped(training_aws: Aws) -> None:
    described = train(training_aws, PATIENT, StoppingCondition={"MaxRuntimeInSeconds": 1})

    assert (described["TrainingJobStatus"], described["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_script_does_not_outlive_local_aws(tmp_path: Path) -> None:
    with LocalAws.start(state=tmp_path / "state") as server:
        aws = Aws(server)
        aws.s3.create_bucket(Bucket=BUCKET)
        name = start(aws, f"import os\nprint('pid', os.getpid(), flush=True)\n{PATIENT}")
        wait_for_line(aws, name, "ready")
        (line,) = [line for line in log_lines(aws, name) if line.startswith("pid ")]
        process = psutil.Process(int(line.split()[1]))

        os.kill(server.pid, signal.SIGKILL)

        process.wait(timeout=PATIENCE)


# --- What is refused --------------------------------------------------------------------------------------------------


def test_a_name_is_taken_until_its_job_is_deleted(training_aws: Aws) -> None:
    request = job_request(training_aws, "print(1)")
    training_aws.sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]

    message = refusal(training_aws.sagemaker.create_training_job, **request)

    assert message == (
        "ResourceInUse: Training job names must be unique within an AWS account and region, and a training job with "
        f"this name already exists (arn:aws:sagemaker:us-east-1:000000000000:training-job/{name})"
    )
    settled(training_aws, name)
    training_aws.sagemaker.delete_training_job(TrainingJobName=name)
    assert refusal(training_aws.sagemaker.describe_training_job, TrainingJobName=name) == (
        "ValidationException: Requested resource not found."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"InputDataConfig": [channel("nothing/")]}, 'No S3 objects found under S3 URL "s3://training/nothing/" given'),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 2_419_201}}, "MaxRuntimeInSeconds cannot be greater than 2419200"),
        ({"StoppingCondition": None}, "StoppingCondition is required"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds. It must be present and be greater"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/absent-role"}, "Could not assume role arn:aws:iam::000000000000"),
        ({"InputDataConfig": [channel(), channel()]}, "Channel names must be unique"),
        ({"InputDataConfig": [channel(S3DataType="AugmentedManifestFile")]}, "S3Prefix or ManifestFile: channel train"),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File", "AlgorithmName": "ours"}}, "use TrainingImage"),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": IMAGE,
                                        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=("}]}},
            "The regex of metric loss is invalid",
        ),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused(training_aws: Aws, changes: dict[str, Any], message: str) -> None:
    refused = refusal(training_aws.sagemaker.create_training_job, **job_request(training_aws, DUMP, **changes))

    assert refused.startswith("ValidationException: ")
    assert message in refused


def test_a_channel_that_the_role_may_not_list_is_refused(training_aws: Aws) -> None:
    role = make_role(training_aws, without="s3:ListBucket")

    refused = refusal(
        training_aws.sagemaker.create_training_job,
        **job_request(training_aws, DUMP, RoleArn=role, InputDataConfig=[channel()]),
    )

    assert 'has "s3:ListBucket" permissions on bucket "training". (User: ' in refused


@pytest.mark.parametrize(
    ("lacking", "action"), [(0, "sagemaker:CreateTrainingJob"), (1, "iam:PassRole"), (2, "sagemaker:AddTags")]
)
def test_a_caller_needs_the_operation_the_role_and_the_tags(training_aws: Aws, lacking: int, action: str) -> None:
    request = job_request(training_aws, "print(1)", Tags=[{"Key": "a", "Value": "b"}])
    arn = "arn:aws:sagemaker:us-east-1:000000000000:training-job/*"
    statements = [
        {"Effect": "Allow", "Action": "sagemaker:CreateTrainingJob", "Resource": arn},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": request["RoleArn"],
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
        {"Effect": "Allow", "Action": "sagemaker:AddTags", "Resource": arn},
    ]
    user = training_aws.as_user("sagemaker", [s for n, s in enumerate(statements) if n != lacking])

    assert f"is not authorized to perform: {action} on resource: " in refusal(user.create_training_job, **request)

    training_aws.as_user("sagemaker", statements).create_training_job(**request)


def test_jobs_are_listed_by_status_and_name(training_aws: Aws) -> None:
    prefix = unique("list")
    for number in (1, 2):
        train(training_aws, "print(1)", TrainingJobName=f"{prefix}-{number}")
    train(training_aws, "1 / 0", TrainingJobName=f"{prefix}-3")

    def names(**wanted: Any) -> list[str]:
        found = training_aws.sagemaker.list_training_jobs(NameContains=prefix, **wanted)["TrainingJobSummaries"]
        return [job["TrainingJobName"].rpartition("-")[2] for job in found]

    assert names() == ["1", "2", "3"]
    assert names(StatusEquals="Completed", SortBy="Name", SortOrder="Descending") == ["2", "1"]
    assert names(SortBy="Status") == ["1", "2", "3"]
    assert names(LastModifiedTimeAfter="2100-01-01T00:00:00Z") == []
