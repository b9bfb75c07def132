"""Training jobs on local AWS: real scripts, data and results in S3, over plain boto3."""

from __future__ import annotations

import json
from pathlib import Path

from aws_clients import Aws, unique
from model_hosts import wheel
from training_jobs import BUCKET, DUMP, IMAGE, channel, log_lines, read_archive, train, upload_source


def test_a_script_finds_what_it_finds_on_sagemaker_and_its_results_go_to_s3(training_aws: Aws) -> None:
    described = train(
        training_aws,
        DUMP,
        HyperParameters={"epochs": "2", "batch-size": "8", "name": '"it"', "out": "/opt/ml/checkpoints"},
        InputDataConfig=[channel(), channel("data/other.csv") | {"ChannelName": "test", "ContentType": "text/csv"}],
        Environment={"COLOUR": "blue", "WHERE": "/opt/ml/input"},
        Tags=[{"Key": "team", "Value": "vision"}],
    )

    name = described["TrainingJobName"]
    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    assert [t["Status"] for t in described["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/out/{name}/output/model.tar.gz"}
    assert read_archive(training_aws, f"s3://{BUCKET}/out/{name}/output/output.tar.gz") == {"report.txt": b"fine"}
    seen = json.loads(read_archive(training_aws, described["ModelArtifacts"]["S3ModelArtifacts"])["seen.json"])
    environment, root = seen["environment"], seen["root"]
    assert seen["argv"] == ["--batch-size", "8", "--epochs", "2", "--name", "it", "--out", f"{root}/checkpoints"]
    assert seen["files"] == {"a.csv": "1,2\n", "more/b.csv": "3,4\n"}
    assert seen["hyperparameters"]["name"] == '"it"'
    assert seen["inputs"]["test"] == {
        "ContentType": "text/csv",
        "RecordWrapperType": "None",
        "S3DistributionType": "FullyReplicated",
        "TrainingInputMode": "File",
    }
    assert seen["resources"]["hosts"] == ["algo-1"]
    expected = {
        "SM_CHANNELS": '["test","train"]',
        "SM_CHANNEL_TEST": f"{root}/input/data/test",
        "SM_CURRENT_HOST": "algo-1",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
        "SM_HOSTS": '["algo-1"]',
        "SM_HP_BATCH-SIZE": "8",
        "SM_HP_NAME": "it",
        "SM_INPUT_DIR": f"{root}/input",
        "SM_MODULE_NAME": "train",
        "SM_NUM_GPUS": "0",
        "SM_OUTPUT_DATA_DIR": f"{root}/output/data",
        "SM_USER_ENTRY_POINT": "train.py",
        "TRAINING_JOB_NAME": name,
        "COLOUR": "blue",
        "WHERE": f"{root}/input",
    }
    assert {key: environment.get(key) for key in expected} == expected
    assert json.loads(environment["SM_HPS"])["epochs"] == 2
    assert json.loads(environment["SM_USER_ARGS"]) == seen["argv"]
    assert json.loads(environment["SM_TRAINING_ENV"])["channel_input_dirs"]["train"] == f"{root}/input/data/train"
    assert training_aws.sagemaker.list_tags(ResourceArn=described["TrainingJobArn"])["Tags"] == [
        {"Key": "team", "Value": "vision"}
    ]


def test_a_script_has_its_roles_credentials_and_no_others(training_aws: Aws) -> None:
    script = """
import boto3, os
s3 = boto3.client("s3")
print(boto3.client("sts").get_caller_identity()["Arn"])
print(s3.get_object(Bucket="training", Key="data/other.csv")["Body"].read())
s3.put_object(Bucket="training", Key="elsewhere", Body=b"")
"""
    described = train(training_aws, script)

    role = described["RoleArn"].rpartition("/")[2]
    lines = log_lines(training_aws, described["TrainingJobName"])
    assert f"arn:aws:sts::000000000000:assumed-role/{role}/SageMaker" in lines
    assert "b'5'" in lines
    assert described["TrainingJobStatus"] == "Failed"
    assert "AccessDenied" in described["FailureReason"]


def test_metrics_are_read_from_the_log(training_aws: Aws) -> None:
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}, {"Name": "never", "Regex": "f1=(.*)"}],
    }
    described = train(training_aws, DUMP, AlgorithmSpecification=algorithm, InputDataConfig=[channel()])

    assert [(m["MetricName"], m["Value"]) for m in described["FinalMetricDataList"]] == [("loss", 0.25)]
    points = training_aws.cloudwatch.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": described["TrainingJobName"]}],
        StartTime="2020-01-01T00:00:00Z",
        EndTime="2100-01-01T00:00:00Z",
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert max(point["Maximum"] for point in points) == 0.5


def test_requirements_are_installed_for_the_script_alone(training_aws: Aws, tmp_path: Path) -> None:
    built = wheel(tmp_path, "trainhelper", "ANSWER = 42")
    files: dict[str, str | bytes] = {
        "train.py": "import trainhelper; print('answer', trainhelper.ANSWER)",
        "requirements.txt": f"./{built.name}",
        built.name: built.read_bytes(),
    }
    described = train(training_aws, files)

    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    assert "answer 42" in log_lines(training_aws, described["TrainingJobName"])


def test_the_source_may_be_in_a_channel_and_a_shell_script(training_aws: Aws) -> None:
    training_aws.s3.put_object(Bucket=BUCKET, Key="code/go.sh", Body=b"#!/bin/sh\necho went $1 $2\n")
    code = channel("code/") | {"ChannelName": "code"}
    described = train(
        training_aws,
        {},
        InputDataConfig=[code],
        HyperParameters={
            "sagemaker_program": "go.sh",
            "sagemaker_submit_directory": "/opt/ml/input/data/code",
            "n": "1",
        },
    )

    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    assert "went -n 1" in log_lines(training_aws, described["TrainingJobName"])


def test_an_isolated_script_comes_as_an_archive_in_a_channel(training_aws: Aws) -> None:
    archive = upload_source(training_aws, {"train.py": 'print("trained alone")'})
    described = train(
        training_aws,
        {},
        EnableNetworkIsolation=True,
        InputDataConfig=[channel(archive.removeprefix(f"s3://{BUCKET}/")) | {"ChannelName": "code"}],
        HyperParameters={"sagemaker_submit_directory": '"/opt/ml/input/data/code/sourcedir.tar.gz"'},
    )

    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    assert "trained alone" in log_lines(training_aws, described["TrainingJobName"])


def test_a_manifest_names_the_objects_of_a_channel(training_aws: Aws) -> None:
    manifest = json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "train/a.csv", "other.csv"]).encode()
    training_aws.s3.put_object(Bucket=BUCKET, Key="m/list.manifest", Body=manifest)
    given = channel("m/list.manifest", S3DataType="ManifestFile")
    described = train(training_aws, DUMP, InputDataConfig=[given])

    seen = json.loads(read_archive(training_aws, described["ModelArtifacts"]["S3ModelArtifacts"])["seen.json"])
    assert seen["files"] == {"other.csv": "5", "train/a.csv": "1,2\n"}


def test_checkpoints_are_there_again_for_the_next_job(training_aws: Aws) -> None:
    script = """
import os, pathlib
kept = pathlib.Path(os.environ["SM_MODEL_DIR"]).parent / "checkpoints" / "step"
step = int(kept.read_text()) + 1 if kept.exists() else 1
kept.write_text(str(step))
print("step", step)
"""
    spot = {
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/out/checkpoints/{unique('c')}"},
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
    }
    train(training_aws, script, **spot)
    described = train(training_aws, script, **spot)

    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    assert "step 2" in log_lines(training_aws, described["TrainingJobName"])


def test_an_uncompressed_model_is_a_prefix(training_aws: Aws) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/out", "CompressionType": "NONE"}
    described = train(training_aws, DUMP, OutputDataConfig=output, InputDataConfig=[channel()])

    uri = described["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/out/{described['TrainingJobName']}/output/model/"
    key = uri.removeprefix(f"s3://{BUCKET}/") + "seen.json"
    assert json.loads(training_aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["argv"] == []
