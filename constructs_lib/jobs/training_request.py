"""A training job as SageMaker's CreateTrainingJob takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constructs_lib.jobs.handler.work import what_counts
from constructs_lib.jobs.training import Training
from constructs_lib.jobs.training_rules import CODE_CHANNEL
from constructs_lib.sagemaker.fingerprint import fingerprint
from constructs_lib.serving.artifacts import S3Artifact

_INPUT = "/opt/ml/input/data"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlaces:
    """Where a training job finds and leaves things, once that is known.

    Attributes
    ----------
    image
        URI of the image.
    region
        Region in which it runs.
    code
        The archive of the script's directory. None: the image brings its own.
    data
        S3 addresses of the channels, by their names.
    output
        ``s3://BUCKET/PREFIX`` under which each training has a prefix of its own.
    """

    image: str
    region: str
    code: S3Artifact | None
    data: Mapping[str, str]
    output: str


def training_request(training: Training, places: TrainingPlaces) -> dict[str, Any]:
    """Give the request, without name and role.

    What it writes is under a prefix named after what it is asked to do: a checkpoint is then never another training's,
    and the policy that lets a model's role read the artifact is never the next training's.
    """
    request: dict[str, Any] = {
        "AlgorithmSpecification": {
            "TrainingImage": places.image,
            "TrainingInputMode": "File",
            **_given("MetricDefinitions", [{"Name": n, "Regex": r} for n, r in training.metric_definitions.items()]),
        },
        **_given("HyperParameters", {**training.hyperparameters, **_script_mode(training, places)}),
        **_given("InputDataConfig", _channels(training, places)),
        **_given("Environment", dict(training.environment)),
        "ResourceConfig": {
            "InstanceType": training.instance_type,
            "InstanceCount": training.instance_count,
            "VolumeSizeInGB": training.volume_size_gb,
            **_given("VolumeKmsKeyId", training.volume_kms_key_arn),
        },
        **_given("EnableNetworkIsolation", training.network_isolation),
        **_given("EnableInterContainerTrafficEncryption", training.encrypt_traffic),
    }
    if training.vpc is not None:
        request["VpcConfig"] = {
            "Subnets": list(training.vpc.subnets),
            "SecurityGroupIds": list(training.vpc.security_group_ids),
        }
    output = f"{places.output.rstrip('/')}/{_fingerprint(request, training)}"
    request["OutputDataConfig"] = {"S3OutputPath": output, **_given("KmsKeyId", training.output_kms_key_arn)}
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": training.max_runtime_seconds}
    if training.spot is not None:
        request["CheckpointConfig"] = {"S3Uri": training.spot.checkpoints or f"{output}/checkpoints"}
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = training.spot.max_wait_seconds
    return request


def data_versions(training: Training) -> dict[str, str]:
    """Give what the job depends on beyond its request: the versions that the data is said to have."""
    return {f"{name} data": each.data_version for name, each in training.channels.items() if each.data_version}


def _script_mode(training: Training, places: TrainingPlaces) -> dict[str, str]:
    """Tell the training toolkit what to run: aws/sagemaker-training-toolkit, params.py; values are JSON."""
    if places.code is None:
        return {}
    # An isolated container cannot fetch its script, so SageMaker brings it as a channel.
    name = places.code.key.rpartition("/")[2]
    submitted = f"{_INPUT}/{CODE_CHANNEL}/{name}" if training.network_isolation else places.code.uri
    values = {
        "container_log_level": 20,
        "program": training.entry_point,
        "region": places.region,
        "submit_directory": submitted,
    }
    return {f"sagemaker_{name}": json.dumps(value) for name, value in values.items()}


def _channels(training: Training, places: TrainingPlaces) -> list[dict[str, Any]]:
    found = [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": places.data[name],
                    "S3DataDistributionType": channel.distribution,
                }
            },
            "InputMode": channel.input_mode,
            **_given("ContentType", channel.content_type),
        }
        for name, channel in training.channels.items()
    ]
    if places.code is not None and training.network_isolation:
        source = {"S3DataType": "S3Prefix", "S3Uri": places.code.uri, "S3DataDistributionType": "FullyReplicated"}
        found.append({"ChannelName": CODE_CHANNEL, "DataSource": {"S3DataSource": source}, "InputMode": "File"})
    return found


def _fingerprint(request: Mapping[str, Any], training: Training) -> str:
    return fingerprint(json.dumps([what_counts(request), data_versions(training)], sort_keys=True), length=16)


def _given(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}
