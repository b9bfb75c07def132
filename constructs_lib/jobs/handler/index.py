"""Run SageMaker jobs for CloudFormation: behind the CDK's provider framework, which asks until a request is complete.

A job's name follows from what is asked for, and nothing is remembered between two calls, so that each of them may come
twice, late, or not at all:

- A request's job is the first of NAME, NAME-2, NAME-3… that is not a failure of an earlier request's. A tag says for
  which request a job was made.
- A job is made only within a minute of its request, and a deletion that finds none looks on for longer than that.
- A deletion stops whatever runs under these names; an update stops what ran for the properties before.

Two custom resources are served: a job, and a wait for the job of another resource that takes longer than the hour that
CloudFormation gives to each.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Json = dict[str, Any]

REQUEST_TAG = "inference-constructs:request"
START_WITHIN = 60  # seconds after its request in which a job may be made
LOOK_FOR = 150  # seconds after its request in which a job may turn up: one may be on its way when START_WITHIN ends
_LAST_CHANCE = 45  # seconds after which a job that cannot be made is given up, and what refuses it is told
_PROPAGATION = 60  # seconds until new rights hold everywhere
_REASON_MAX = 900  # characters; CloudFormation cuts a reason off after 1024

# What is computed does not depend on them.
_NOT_PART_OF_IT = ("RoleArn", "StoppingCondition", "Tags")
_RUNNING, _ENDING, _DONE = ("STARTING", "INPROGRESS"), ("STOPPING", "DELETING"), "COMPLETED"

_TRANSIENT = re.compile(r"Throttl|TooManyRequests|RequestLimit|ServiceUnavailable|Internal|RequestTimeout|SlowDown")
_OF_RIGHTS = re.compile(r"(assume|pass).*role|role.*(assume|exist|permission)|not authorized", re.I | re.S)
_IMAGE = re.compile(r"(\d+)\.dkr[.-]ecr(?:-fips)?\.([^.]+)\.([^/]+)/([^:@]+)(?::(.+))?")


class JobError(Exception):
    """What CloudFormation is told as the reason of a failure."""


@dataclass(frozen=True)
class Kind:
    """A kind of job: what SageMaker's operations and fields for it are called, and what it leaves."""

    name: str
    console: str
    uri: Callable[[Json], str]
    results: Callable[[Json], Json]

    def operation(self, verb: str) -> str:
        """Give boto3's name of an operation."""
        return verb + re.sub(r"([A-Z])", r"_\1", self.name).lower()

    def status(self, job: Json) -> str:
        """Give a job's status; compilations spell theirs in capitals."""
        return str(job[f"{self.name}Status"]).upper()


def _artifact_uri(job: Json) -> str:
    return str(job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""))


def _trained(job: Json) -> Json:
    return {"ArtifactKey": _split(_artifact_uri(job))[1]}


def _compiled(job: Json) -> Json:
    parts = _IMAGE.fullmatch(job.get("InferenceImage", ""))
    names = ("Account", "Region", "Domain", "Repository", "Tag")
    image = dict.fromkeys(names, "") if parts is None else dict(zip(names, parts.groups("latest"), strict=True))
    return {**_trained(job), **{f"Image{name}": value for name, value in image.items()}}


def _output_uri(job: Json) -> str:
    return str(job.get("TransformOutput", {}).get("S3OutputPath", ""))


KINDS = {
    kind.name: kind
    for kind in (
        Kind("CompilationJob", "compilation-jobs", _artifact_uri, _compiled),
        Kind("TrainingJob", "jobs", _artifact_uri, _trained),
        Kind("TransformJob", "transform-jobs", _output_uri, lambda job: {"Output": _output_uri(job)}),
    )
}


@dataclass(frozen=True)
class Work:
    """What one resource wants to have done."""

    event: Json
    properties: Json

    @property
    def kind(self) -> Kind:
        """The kind of job."""
        return KINDS[self.properties["Kind"]]

    @cached_property
    def request(self) -> Json:
        """The ``Create…`` request, without the job's name."""
        return dict(json.loads(self.properties["Request"]))

    @cached_property
    def name(self) -> str:
        """The name of the first job: the same for the same work of the same resource."""
        what = {key: value for key, value in self.request.items() if key not in _NOT_PART_OF_IT}
        whose = [self.event["StackId"], self.event["LogicalResourceId"], self.properties["Kind"]]
        text = json.dumps([*whose, what, self.properties.get("Triggers", "")], sort_keys=True)
        return f"{self.properties['Name']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def names(self) -> Iterator[str]:
        """Give the names that its job may have, one for each time that it is tried."""
        yield self.name
        for number in range(2, 100):
            yield f"{self.name}-{number}"

    @cached_property
    def before(self) -> Work | None:
        """What the resource wanted before this update; None when it wanted the same, or nothing."""
        old = self.event.get("OldResourceProperties") or {}
        work = Work(self.event, old) if "Request" in old else None
        return work if work and work.name != self.name else None


class Jobs:
    """Answers the framework's two questions, with the clients that it uses."""

    def __init__(
        self, *, sagemaker: Any, s3: Callable[[], Any], region: str, now: Callable[[], float] = time.time
    ) -> None:
        self._sagemaker, self._s3, self._region, self._now = sagemaker, s3, region, now

    def on_event(self, event: Json) -> Json:
        """Begin what a request of CloudFormation asks for.

        It raises only when the request has no job: the framework sends no deletion of what failed here.
        """
        answer: Json = {"Since": self._now()}
        if event["RequestType"] == "Delete":
            return {**answer, "PhysicalResourceId": event["PhysicalResourceId"]}
        if "JobName" in event["ResourceProperties"]:  # a wait
            return {**answer, "PhysicalResourceId": event["LogicalResourceId"]}
        work = Work(event, event["ResourceProperties"])
        if event["RequestType"] == "Create" or work.before:
            try:
                name, job = self._find(work)
                if job is None:
                    self._start(work, name)
            except Exception as error:
                if not _may_pass(error, 0):
                    raise
                _log("will be tried again", work.kind, work.name, error=_code(error))
        return {**answer, "PhysicalResourceId": work.name}

    def is_complete(self, event: Json) -> Json:
        """Go on with a request, and tell whether it is done."""
        work = Work(event, event["ResourceProperties"])
        try:
            return self._go_on(work)
        except Exception as error:
            waited = self._waited(work)
            if _may_pass(error, waited) and waited <= float(work.properties["WaitSeconds"]):
                return {"IsComplete": False}
            raise

    def _go_on(self, work: Work) -> Json:
        deleted, waits_for = work.event["RequestType"] == "Delete", work.properties.get("JobName")
        if waits_for:
            return {"IsComplete": True} if deleted else self._answer(work, waits_for, self._describe(work, waits_for))
        if deleted:
            found, over = self._stop_all(work)
            return {"IsComplete": over and (found or self._waited(work) > LOOK_FOR)}
        if work.before and not self._stop_all(work.before)[1]:
            return {"IsComplete": False}
        name, job = self._find(work)
        if job is None and self._waited(work) <= LOOK_FOR:
            if self._waited(work) <= START_WITHIN:
                self._start_at_last(work, name)
            return {"IsComplete": False}
        return self._answer(work, name, job)

    def _start_at_last(self, work: Work, name: str) -> None:
        try:
            self._start(work, name)
        except Exception as error:
            if self._waited(work) > _LAST_CHANCE:
                raise JobError(f"{work.kind.name} '{name}' could not be started: {error}") from error
            raise

    def _answer(self, work: Work, name: str, job: Json | None) -> Json:
        kind = work.kind
        if job is None:
            raise JobError(f"{kind.name} '{name}' is not there: it could not be started, or somebody deleted it")
        status = kind.status(job)
        done: Json = {"IsComplete": True, "Data": {"JobName": name, "JobArn": job[f"{kind.name}Arn"]}}
        done["Data"].update(kind.results(job))
        if status == _DONE:
            _log("completed", kind, name, console=self._console(kind, name))
            return done
        if status not in _RUNNING:
            reason = job.get("FailureReason") or job.get("SecondaryStatus") or "no reason is given"
            raise self._failure(kind, name, f"ended as {job[f'{kind.name}Status']}: {reason}")
        if self._waited(work) <= float(work.properties["WaitSeconds"]):
            return {"IsComplete": False}
        if work.properties.get("Continues"):
            return done
        raise self._failure(kind, name, "still runs, and the deployment waits no longer; give it a longer timeout")

    def _find(self, work: Work) -> tuple[str, Json | None]:
        """Find the job that a request is about; None in place of a job that is still to be made."""
        for name in work.names():
            job = self._describe(work, name)
            if job is None or self._serves(work, job):
                return name, job
        raise JobError(f"{work.kind.name} '{work.name}' has been tried 99 times; change what it is asked to do")

    def _serves(self, work: Work, job: Json) -> bool:
        status = work.kind.status(job)
        if status in _RUNNING or (status == _DONE and self._has_results(work.kind, job)):
            return True
        tags = self._sagemaker.list_tags(ResourceArn=job[f"{work.kind.name}Arn"])["Tags"]
        return {"Key": REQUEST_TAG, "Value": work.event["RequestId"]} in tags

    def _has_results(self, kind: Kind, job: Json) -> bool:
        bucket, key = _split(kind.uri(job))
        try:
            return bool(bucket and self._s3().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"])
        except Exception as error:
            if _code(error) in ("AccessDenied", "NoSuchBucket"):  # nobody else's bucket can be looked into
                return _code(error) == "AccessDenied"
            raise

    def _describe(self, work: Work, name: str) -> Json | None:
        try:
            return dict(getattr(self._sagemaker, work.kind.operation("describe"))(**{f"{work.kind.name}Name": name}))
        except Exception as error:
            unknown = _code(error) == "ValidationException" and re.search("not f(ind|ound)", str(error), re.IGNORECASE)
            if unknown or _code(error).startswith("ResourceNotFound"):
                return None
            raise

    def _start(self, work: Work, name: str) -> None:
        tags = [*work.request.get("Tags", []), {"Key": REQUEST_TAG, "Value": work.event["RequestId"]}]
        request = {**work.request, f"{work.kind.name}Name": name, "Tags": tags}
        if "OutputConfig" in request:  # Neo names its result after model and target alone, and would write over another
            output = request["OutputConfig"]
            own = f"{output['S3OutputLocation'].rstrip('/')}/{name}"
            request["OutputConfig"] = {**output, "S3OutputLocation": own}
        try:
            getattr(self._sagemaker, work.kind.operation("create"))(**request)
        except Exception as error:
            # Whatever it is refused for, a call whose answer was lost may have made it.
            if _code(error) == "ResourceInUse" or (not _may_pass(error, 0) and self._describe(work, name)):
                return
            raise
        _log("started", work.kind, name, console=self._console(work.kind, name))

    def _stop_all(self, work: Work) -> tuple[bool, bool]:
        """Stop what runs under the work's names, and tell whether there is any job, and whether all have ended."""
        found, over = False, True
        for name in work.names():
            job = self._describe(work, name)
            if job is None:
                break
            found, status = True, work.kind.status(job)
            over = over and status not in (*_RUNNING, *_ENDING)
            if status in _RUNNING:
                self._stop(work, name)
        return found, over

    def _stop(self, work: Work, name: str) -> None:
        try:
            getattr(self._sagemaker, work.kind.operation("stop"))(**{f"{work.kind.name}Name": name})
        except Exception:
            job = self._describe(work, name)
            if job and work.kind.status(job) in _RUNNING:
                raise
        _log("stopped", work.kind, name, console=self._console(work.kind, name))

    def _waited(self, work: Work) -> float:
        return self._now() - float(work.event["Since"])

    def _failure(self, kind: Kind, name: str, what: str) -> JobError:
        link = self._console(kind, name)
        text = f"{kind.name} '{name}' {what}"[: _REASON_MAX - len(link)]
        _log("failed", kind, name, console=link, reason=text)
        return JobError(f"{text}; see {link}")

    def _console(self, kind: Kind, name: str) -> str:
        region, ends = self._region, {"cn-": "amazonaws.cn", "us-gov-": "amazonaws-us-gov.com"}
        domain = next((end for start, end in ends.items() if region.startswith(start)), "aws.amazon.com")
        return f"https://{region}.console.{domain}/sagemaker/home?region={region}#/{kind.console}/{name}"


def on_event(event: Json, context: Any) -> Json:
    """Answer the framework's first call for a request."""
    return _jobs().on_event(event)


def is_complete(event: Json, context: Any) -> Json:
    """Answer the framework's calls after the first, until a request is done."""
    return _jobs().is_complete(event)


def _jobs() -> Jobs:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
    client = boto3.client("sagemaker", config=config)
    return Jobs(sagemaker=client, s3=lambda: boto3.client("s3", config=config), region=client.meta.region_name)


def _may_pass(error: Exception, waited: float) -> bool:
    """Tell whether an error may be gone the next time: throttling, a lost connection, rights not known everywhere."""
    from botocore.exceptions import ConnectionError as NotConnectedError
    from botocore.exceptions import HTTPClientError

    if isinstance(error, (HTTPClientError, NotConnectedError, OSError)):
        return True
    answer = getattr(error, "response", None)
    if answer is None:
        return False
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500 or _TRANSIENT.search(_code(error)):
        return True
    denied = _code(error).startswith("AccessDenied") or _OF_RIGHTS.search(str(error))
    return bool(denied) and waited <= _PROPAGATION


def _code(error: Exception) -> str:
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", type(error).__name__))


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _log(what: str, kind: Kind, name: str, **more: str) -> None:
    print(json.dumps({"event": what, "kind": kind.name, "job": name, **more}))
