"""SageMaker jobs in memory, with a clock of their own, and faults on demand."""

# ruff: noqa: N803 - boto3's own names of the parameters

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.validate import ParamValidator

from local_aws.validation import service_model

Json = dict[str, Any]
STOPPING_TAKES = 20  # seconds
IMAGE = "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference-pytorch:1.13-cpu-py3"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def refusal(code: str, message: str = "no", status: int = 400, *, retries: int = 0) -> Exception:
    """Give what boto3 raises; it tells how often it has sent the call again by itself."""
    metadata = {"HTTPStatusCode": status, "RetryAttempts": retries}
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(answer, "Operation")


class FunctionDiedError(BaseException):
    """What no function can catch: Lambda ends it, as it takes too long or too much memory."""


def lost_answer() -> Exception:
    return ReadTimeoutError(endpoint_url="https://api.sagemaker")


@dataclass
class Fault:
    """What happens to one call: it is refused, or done although its answer is lost."""

    error: BaseException
    done: bool = False


@dataclass
class Job:
    kind: str
    request: Json
    created: float
    ends: float
    outcome: str
    stopped: float | None = None
    left_results: bool = False

    @property
    def name(self) -> str:
        return str(self.request[f"{self.kind}Name"])

    def status(self, now: float) -> str:
        if self.stopped is not None:
            return "Stopping" if now < self.stopped + STOPPING_TAKES else "Stopped"
        return "InProgress" if now < self.ends else self.outcome


@dataclass
class FakeSageMaker:
    """Jobs that run for ``duration`` seconds and end as ``outcome``; seen ``visible_after`` seconds after they are made."""

    clock: Clock
    objects: set[str]
    duration: float = 30
    outcome: str = "Completed"
    reason: str = "ClientError: the archive has no model"
    visible_after: float = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before_call: Callable[[str], None] = lambda operation: None

    def __getattr__(self, operation: str) -> Callable[..., Json]:
        verb, _, kind = operation.partition("_")
        name = "".join(word.capitalize() for word in kind.split("_"))
        if verb not in ("create", "describe", "stop") or not name.endswith("Job"):
            raise AttributeError(operation)

        def call(**request: Any) -> Json:
            self.before_call(operation)
            self.calls.append(operation)
            fault = self.faults[verb].pop(0) if self.faults.get(verb) else None
            if fault and not fault.done:
                raise fault.error
            check(f"{verb.capitalize()}{name}", request)
            answer: Json = getattr(self, f"_{verb}")(name, request)
            if fault:
                raise fault.error
            return answer

        return call

    def list_tags(self, ResourceArn: str) -> Json:
        self.calls.append("list_tags")
        return {"Tags": self.jobs[ResourceArn.rpartition("/")[2]].request["Tags"]}

    def running(self) -> list[str]:
        return [name for name, job in self.jobs.items() if job.status(self.clock.now) in ("InProgress", "Stopping")]

    def _create(self, kind: str, request: Json) -> Json:
        name = request[f"{kind}Name"]
        if name in self.jobs:
            raise refusal("ResourceInUse", "Job name must be unique")
        self.jobs[name] = Job(kind, request, self.clock.now, self.clock.now + self.duration, self.outcome)
        return {f"{kind}Arn": _arn(name)}

    def _describe(self, kind: str, request: Json) -> Json:
        name = request[f"{kind}Name"]
        job = self.jobs.get(name)
        if job is None or self.clock.now < job.created + self.visible_after:
            raise refusal("ValidationException", "Requested resource not found.")
        status = job.status(self.clock.now)
        described = {
            **{key: value for key, value in job.request.items() if key != "Tags"},
            f"{kind}Arn": _arn(name),
            f"{kind}Status": {"InProgress": "INPROGRESS"}.get(status, status.upper()) if kind[0] == "C" else status,
            "FailureReason": self.reason if status == "Failed" else "",
        }
        if kind == "TransformJob":
            result = f"{job.request['TransformOutput']['S3OutputPath']}/1.out"
        else:
            result = f"s3://results/{name}/model.tar.gz"
            described["ModelArtifacts"] = {"S3ModelArtifacts": result}
        if kind == "CompilationJob":
            described["InferenceImage"] = IMAGE
        if status == "Completed" and not job.left_results:
            job.left_results = True
            self.objects.add(result)
        return described

    def _stop(self, kind: str, request: Json) -> Json:
        job = self.jobs[request[f"{kind}Name"]]
        if job.status(self.clock.now) != "InProgress":
            raise refusal("ValidationException", "The request was rejected because the job is in a final status")
        job.stopped = self.clock.now
        return {}


class FakeS3:
    def __init__(self) -> None:
        self.objects: set[str] = set()
        self.error: Exception | None = None

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int) -> Json:
        if self.error:
            raise self.error
        return {"KeyCount": len([key for key in self.objects if key.startswith(f"s3://{Bucket}/{Prefix}")][:MaxKeys])}


def check(operation: str, request: Json) -> None:
    """Hold a request against the service's own model, as SageMaker does."""
    shape = service_model("sagemaker").operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    for field_name, value in request.items():
        pattern = shape.members[field_name].metadata.get("pattern")
        if pattern and isinstance(value, str):
            assert re.fullmatch(pattern, value), f"{field_name}={value!r} does not match {pattern}"
            assert len(value) <= shape.members[field_name].metadata.get("max", len(value))


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:111111111111:job/{name}"
