"""What a training job asks SageMaker for, and what it reads from files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from training_values import KEY, PLACES, training

from constructs_lib.jobs.channel import Channel
from constructs_lib.jobs.spot import Spot
from constructs_lib.jobs.training_files import training_file_problems
from constructs_lib.jobs.training_image import training_image
from constructs_lib.jobs.training_request import TrainingPlaces, training_request
from constructs_lib.serving.images import Image
from constructs_lib.serving.instances import Use, instance_type
from constructs_lib.serving.network import VpcConfig
from local_aws.validation import service_model


def request(**fields: Any) -> dict[str, Any]:
    """Give the request, held against botocore's own model of CreateTrainingJob."""
    value = training(**{"channels": {"train": Channel(data="s3://data/train/")}, **fields})
    made = training_request(value, PLACES)
    shape = service_model("sagemaker").shape_for("CreateTrainingJobRequest")
    named = {"TrainingJobName": "digits", "RoleArn": "arn:aws:iam::111111111111:role/training", **made}
    assert ParamValidator().validate(named, shape).generate_report() == ""
    return made


def test_the_newest_image_trains_unless_a_version_is_given() -> None:
    newest = training_image(training(), instance_type("ml.g5.xlarge", use=Use.TRAINING))
    assert isinstance(newest, Image)
    assert (newest.repository, newest.tag) == ("pytorch", "2.14-cu133-amzn2023-sagemaker")
    tensorflow = training_image(training(framework="tensorflow", version="2.19"), instance_type("ml.m5.large"))
    assert isinstance(tensorflow, Image)
    assert (tensorflow.repository, tensorflow.tag) == ("tensorflow-training", "2.19.0-cpu-py312")
    assert training_image(training(image="example.com/train:1"), instance_type("ml.m5.large")) == "example.com/train:1"


def test_the_request_says_everything_that_the_value_does() -> None:
    made = request(
        hyperparameters={"epochs": "20"},
        channels={
            "train": Channel(
                data="s3://data/train/",
                content_type="text/csv",
                input_mode="FastFile",
                distribution="ShardedByS3Key",
            )
        },
        environment={"A": "b"},
        metric_definitions={"loss": "loss=([0-9.]+)"},
        output_kms_key_arn=KEY,
        volume_kms_key_arn=KEY,
        vpc=VpcConfig(subnets=("subnet-12345678",), security_group_ids=("sg-12345678",)),
        encrypt_traffic=True,
        instance_count=2,
    )
    assert re.fullmatch(r"s3://results/training/digits/[0-9a-f]{16}", made["OutputDataConfig"]["S3OutputPath"])
    assert made == {
        "AlgorithmSpecification": {
            "TrainingImage": PLACES.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        "HyperParameters": {
            "epochs": "20",
            "sagemaker_container_log_level": "20",
            "sagemaker_program": '"train.py"',
            "sagemaker_region": '"us-east-1"',
            "sagemaker_submit_directory": '"s3://assets/0123.gz"',
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": "s3://data/train/",
                        "S3DataDistributionType": "ShardedByS3Key",
                    }
                },
                "InputMode": "FastFile",
                "ContentType": "text/csv",
            }
        ],
        "Environment": {"A": "b"},
        "OutputDataConfig": {"S3OutputPath": made["OutputDataConfig"]["S3OutputPath"], "KmsKeyId": KEY},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 2,
            "VolumeSizeInGB": 30,
            "VolumeKmsKeyId": KEY,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"Subnets": ["subnet-12345678"], "SecurityGroupIds": ["sg-12345678"]},
    }


def test_an_isolated_container_gets_its_script_as_a_channel() -> None:
    made = request(network_isolation=True)

    assert made["EnableNetworkIsolation"] is True
    assert made["HyperParameters"]["sagemaker_submit_directory"] == '"/opt/ml/input/data/code/0123.gz"'
    assert made["InputDataConfig"][-1] == {
        "ChannelName": "code",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": "s3://assets/0123.gz",
                "S3DataDistributionType": "FullyReplicated",
            }
        },
        "InputMode": "File",
    }


def test_what_is_written_is_apart_for_each_state_of_what_is_trained() -> None:
    spot = Spot(max_wait_seconds=7200)
    first = request(spot=spot)
    assert first["EnableManagedSpotTraining"] is True
    assert first["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    output = first["OutputDataConfig"]["S3OutputPath"]
    assert first["CheckpointConfig"]["S3Uri"] == f"{output}/checkpoints"
    newer = {"train": Channel(data="s3://data/train/", data_version="2")}
    others: list[dict[str, Any]] = [
        {"hyperparameters": {"epochs": "2"}},
        {"channels": newer},
    ]
    assert output not in [request(spot=spot, **each)["OutputDataConfig"]["S3OutputPath"] for each in others]
    same: list[dict[str, Any]] = [
        {"max_runtime_seconds": 60},
        {"instance_type": "ml.m5.xlarge", "instance_count": 2, "volume_size_gb": 50},
        {"metric_definitions": {"loss": "loss=([0-9.]+)"}},
    ]
    assert {request(spot=spot, **each)["OutputDataConfig"]["S3OutputPath"] for each in same} == {output}
    own = Spot(max_wait_seconds=7200, checkpoints="s3://mine/here")
    assert request(spot=own)["CheckpointConfig"] == {"S3Uri": "s3://mine/here"}


@given(st.dictionaries(st.text("abcdefgh-", min_size=1, max_size=20), st.text(max_size=50), max_size=5))
def test_hyperparameters_reach_the_request_as_they_are(hyperparameters: dict[str, str]) -> None:
    made = training_request(training(hyperparameters=hyperparameters), PLACES_WITHOUT_DATA)

    assert {name: made["HyperParameters"][name] for name in hyperparameters} == hyperparameters


PLACES_WITHOUT_DATA = TrainingPlaces(image="i", region="r", code=PLACES.code, data={}, output=PLACES.output)


def test_local_paths_are_read_as_seen_from_a_directory() -> None:
    moved = training(channels={"a": Channel(data="data"), "b": Channel(data="s3://data/b/")}).relative_to(Path("/x"))

    assert moved.source_dir == "/x/src"
    assert {name: channel.data for name, channel in moved.channels.items()} == {"a": "/x/data", "b": "s3://data/b/"}


class TestFiles:
    """What only who reads files can know."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "fit.py").write_text("")
        (tmp_path / "src" / "notes.txt").write_text("")
        return tmp_path / "src"

    def test_a_script_that_is_there_is_right(self, source: Path) -> None:
        assert list(training_file_problems(training(source_dir=str(source), entry_point="fit.py"))) == []

    def test_a_script_that_is_missing_is_refused_with_those_that_are_there(self, source: Path) -> None:
        (problem,) = training_file_problems(training(source_dir=str(source)))
        assert str(problem) == f"'entry_point' 'train.py' is not in '{source}', which has fit.py"

    def test_a_directory_that_is_missing_is_refused(self, tmp_path: Path) -> None:
        (problem,) = training_file_problems(training(source_dir=str(tmp_path / "none")))
        assert str(problem) == f"'source_dir' is not a directory: '{tmp_path / 'none'}'"

    def test_data_that_is_missing_or_empty_is_refused(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        channels = {"train": Channel(data=str(tmp_path / "none")), "test": Channel(data=str(tmp_path / "empty"))}
        found = list(training_file_problems(training(source_dir=str(source), entry_point="fit.py", channels=channels)))
        assert [problem.field for problem in found] == ["channels.train.data", "channels.test.data"]
        assert "does not exist; give the directory that holds the files" in found[0].message
        assert "has no files to pack" in found[1].message

    def test_more_data_than_a_deployment_uploads_is_refused(self, source: Path, tmp_path: Path) -> None:
        many = tmp_path / "many"
        many.mkdir()
        for number in range(501):
            (many / f"{number}").touch()
        (problem,) = training_file_problems(
            training(source_dir=str(source), entry_point="fit.py", channels={"train": Channel(data=str(many))})
        )
        assert problem.field == "channels.train.data"
        assert problem.message == (
            f"has 501 files in '{many}', and the deployment uploads at most 500; upload them to S3 yourself "
            "(`aws s3 sync`), and give the s3:// address"
        )
