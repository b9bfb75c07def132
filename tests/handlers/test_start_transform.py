"""The function that starts batch transforms for events, against a SageMaker in memory."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.jobs.handler import start_transform
from constructs_lib.jobs.handler.start_transform import start

REQUEST = {
    "ModelName": "digits-1",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://incoming/images/"}}},
    "TransformOutput": {"S3OutputPath": "s3://answers/digits/"},
    "TransformResources": {"InstanceType": "ml.c6i.large", "InstanceCount": 1},
}
ENVIRONMENT = {"NAME": "stack-digits", "REQUEST": json.dumps(REQUEST)}
SCHEDULED: dict[str, Any] = {
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "Scheduled Event",
    "detail": {},
}


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

    ((name, request),) = sagemaker.jobs.items()
    assert re.fullmatch("stack-digits-[0-9a-f]{16}", name)
    assert request == REQUEST


def test_an_event_that_is_delivered_twice_starts_one_job(capsys: pytest.CaptureFixture[str]) -> None:
    sagemaker = FakeSageMaker()

    start(SCHEDULED, sagemaker, ENVIRONMENT)
    start(SCHEDULED, sagemaker, ENVIRONMENT)

    assert len(sagemaker.jobs) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["event"], first["message"]) == (SCHEDULED["id"], "started")
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


def test_two_transforms_of_the_same_objects_have_a_job_each_for_an_event() -> None:
    sagemaker = FakeSageMaker()

    start(SCHEDULED, sagemaker, ENVIRONMENT)
    start(SCHEDULED, sagemaker, {**ENVIRONMENT, "REQUEST": json.dumps({**REQUEST, "ModelName": "digits-2"})})

    assert [request["ModelName"] for request in sagemaker.jobs.values()] == ["digits-1", "digits-2"]


@pytest.mark.parametrize("code", ["ThrottlingException", "ResourceLimitExceeded"])
def test_an_event_whose_job_is_refused_stays_in_the_queue_and_has_one_job_in_the_end(
    code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full, free = FakeSageMaker(code), FakeSageMaker()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    message = {"Records": [{"body": json.dumps(new_object("images/a.csv"))}]}

    monkeypatch.setattr("boto3.client", lambda service: full)
    with pytest.raises(ClientError, match=code):
        start_transform.handler(message, None)
    monkeypatch.setattr("boto3.client", lambda service: free)
    start_transform.handler(message, None)

    assert (len(full.jobs), len(free.jobs)) == (0, 1)
    told = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        f"will be tried again: An error occurred ({code}) when calling the CreateTransformJob operation: {code}",
        "started",
    ]
