"""The function that starts batch transforms for events, against a SageMaker in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.jobs.handler.start_transform import start

REQUEST = {
    "ModelName": "digits-1",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://incoming/images/"}}},
    "TransformOutput": {"S3OutputPath": "s3://answers/digits/"},
    "TransformResources": {"InstanceType": "ml.c6i.large", "InstanceCount": 1},
}
ENVIRONMENT = {"NAME": "stack-digits", "REQUEST": json.dumps(REQUEST)}
SCHEDULED = {"id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "Scheduled Event", "detail": {}}


class FakeSageMaker:
    """Keeps the jobs that were created, and takes no name twice."""

    def __init__(self, refusal: str | None = None) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self._refusal = refusal

    def create_transform_job(self, *, TransformJobName: str, **request: Any) -> None:  # noqa: N803
        code = "ResourceInUse" if TransformJobName in self.jobs else self._refusal
        if code:
            raise ClientError({"Error": {"Code": code, "Message": code}}, "CreateTransformJob")
        self.jobs[TransformJobName] = request


def new_object(key: str, bucket: str = "incoming") -> dict[str, Any]:
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "detail": detail}


def test_a_schedule_transforms_the_whole_prefix() -> None:
    sagemaker = FakeSageMaker()

    start(SCHEDULED, sagemaker, ENVIRONMENT)

    assert sagemaker.jobs == {"stack-digits-7bf73129-1428-4cd3-a780-95db273d1602": REQUEST}


def test_an_event_that_is_delivered_twice_starts_one_job(capsys: pytest.CaptureFixture[str]) -> None:
    sagemaker = FakeSageMaker()

    start(SCHEDULED, sagemaker, ENVIRONMENT)
    start(SCHEDULED, sagemaker, ENVIRONMENT)

    assert len(sagemaker.jobs) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["message"] == "started"
    assert second["message"] == "runs already: the event was delivered again"


@pytest.mark.parametrize(
    ("key", "output"),
    [
        ("images/a.csv", "s3://answers/digits"),
        ("images/2026/11/a.csv", "s3://answers/digits/2026/11"),
    ],
)
def test_a_new_object_is_transformed_alone_into_the_folder_that_it_is_in(key: str, output: str) -> None:
    sagemaker = FakeSageMaker()

    start(new_object(key), sagemaker, ENVIRONMENT)

    (request,) = sagemaker.jobs.values()
    assert request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://incoming/{key}"
    assert request["TransformOutput"]["S3OutputPath"] == output
    assert request["ModelName"] == "digits-1"


def test_the_marker_of_an_empty_folder_is_no_object() -> None:
    sagemaker = FakeSageMaker()

    start(new_object("images/2026/"), sagemaker, ENVIRONMENT)

    assert sagemaker.jobs == {}


def test_an_error_is_lambdas_to_retry() -> None:
    with pytest.raises(ClientError, match="ThrottlingException"):
        start(SCHEDULED, FakeSageMaker("ThrottlingException"), ENVIRONMENT)


def test_the_longest_name_is_one_that_sagemaker_takes() -> None:
    sagemaker = FakeSageMaker()

    start(SCHEDULED, sagemaker, {**ENVIRONMENT, "NAME": "n" * 26})

    assert [len(name) for name in sagemaker.jobs] == [63]
