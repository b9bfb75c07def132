"""The input channels of a training job: checked when the job is created, downloaded when it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.execution_role import ExecutionRole
from local_aws.services.sagemaker import s3_data
from local_aws.services.sagemaker.jobs.job import JobFailedError

_READABLE = ("S3Prefix", "ManifestFile")


def check_data(role: ExecutionRole, channels: list[Parameters]) -> None:
    """Refuse channels without data, as CreateTrainingJob does, and those that local AWS does not have.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) < len(names):
        raise validation_error("Channel names must be unique within a training job.")
    for channel in channels:
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] not in _READABLE:
            raise validation_error(
                f"local AWS reads channels from S3, as {' or '.join(_READABLE)}: channel {channel['ChannelName']} has "
                f"another data source."
            )
        if not _find(role, source):
            raise _nothing_there(role, source["S3Uri"])


def configuration(request: Parameters) -> dict[str, dict[str, str]]:
    """Return ``inputdataconfig.json``.

    Raises
    ------
    JobFailedError
        When a channel is to be a pipe.
    """
    described = {}
    for channel in request.get("InputDataConfig", []):
        mode = channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"])
        if mode == "Pipe":
            raise JobFailedError(
                f"ClientError: local AWS has no pipes for channel {channel['ChannelName']}: use input mode File or "
                "FastFile"
            )
        source = channel["DataSource"]["S3DataSource"]
        described[channel["ChannelName"]] = {
            "TrainingInputMode": mode,
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
    return described


def download(role: ExecutionRole, channel: Parameters, into: Path, *, check: Callable[[], None]) -> None:
    """Write the objects of a channel into a directory.

    Raises
    ------
    JobFailedError
        When the role may not read them (any more), or they are gone.
    """
    try:
        for found in s3_data.find(role, channel["S3Uri"], data_type=channel["S3DataType"]):
            check()
            path = into / found.name
            if not path.resolve().is_relative_to(into.resolve()):
                raise JobFailedError(
                    f"ClientError: Data download failed:{found.key} would leave the channel's directory"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(found.read(role))
    except ServiceError as error:
        raise JobFailedError(f"ClientError: Data download failed:{error.message}") from error


def _find(role: ExecutionRole, source: Parameters) -> list[s3_data.S3Object]:
    try:
        return s3_data.find(role, source["S3Uri"], data_type=source["S3DataType"])
    except ServiceError as denied:
        raise validation_error(f"{_nothing_there(role, source['S3Uri']).message} ({denied.message})") from denied


def _nothing_there(role: ExecutionRole, uri: str) -> ServiceError:
    return validation_error(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({role.scope.region}), that objects exist under that S3 prefix, and that the role "
        f'"{role.arn}" has "s3:ListBucket" permissions on bucket "{s3_data.split(uri)[0]}".'
    )
