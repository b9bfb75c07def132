"""Run SageMaker jobs for CloudFormation: behind the CDK's provider framework, which asks until a request is complete.

A job's name follows from what is asked for, and nothing is remembered between two calls, so that each of them may come
twice, late, or not at all:

- A request's job is the first of NAME, NAME-2, NAME-3… that is not a failure of an earlier request's. A tag says for
  which request a job was made.
- The framework's waiter alone makes a job. So a request that fails before it has a waiter, and whose deletion the
  framework therefore keeps to itself, has none; one that fails later is deleted by its physical id, the job's name.
- A deletion stops whatever runs under these names, and an update what ran for the properties before. Where neither
  finds a job, nor CloudFormation an answer, one may be on its way: a job is made only within minutes of its request,
  and they look on for longer than that.

Two custom resources are served: a job, and a wait for the job of another resource that takes longer than the hour that
CloudFormation gives to each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .faults import code, is_not_found, may_hide_a_job, may_pass
from .kinds import COMPLETED, ENDING, RUNNING, Json, Kind, split_uri
from .work import TRIES, Work

REQUEST_TAG = "inference-constructs:request"
START_WITHIN = 300  # seconds after its request in which a job may be made
LOOK_FOR = START_WITHIN + 60  # seconds after its request in which a job may turn up: one may be on its way at the end
_LAST_TRY = START_WITHIN - 20  # seconds after which there may be no other: what refuses the job is told
_REASON_MAX = 900  # characters; CloudFormation cuts a reason off after 1024
_NOT_YET: Json = {"IsComplete": False}


class JobError(Exception):
    """What CloudFormation is told as the reason of a failure."""


class Jobs:
    """Goes on with requests, with the clients that it uses."""

    def __init__(
        self, *, sagemaker: Any, s3: Callable[[], Any], region: str, now: Callable[[], float] = time.time
    ) -> None:
        self._sagemaker, self._s3, self._region, self._now = sagemaker, s3, region, now

    def is_complete(self, event: Json) -> Json:
        """Go on with a request, and tell whether it is done."""
        work = Work(event, event["ResourceProperties"])
        try:
            return self._go_on(work)
        except Exception as error:
            waited = self._waited(work)
            if may_pass(error, waited) and waited <= work.patience:
                return _NOT_YET
            raise

    def _go_on(self, work: Work) -> Json:
        deleted, waits_for = work.event["RequestType"] == "Delete", work.properties.get("JobName")
        if waits_for:
            return {"IsComplete": True} if deleted else self._answer(work, waits_for, self._describe(work, waits_for))
        if deleted:
            return {"IsComplete": all(self._take_back(work))}
        ended, nothing_comes = self._take_back(work.before) if work.before else (True, True)
        if not ended:
            return _NOT_YET
        name, job = self._find(work)
        if job is None and self._waited(work) <= LOOK_FOR:
            if self._waited(work) <= START_WITHIN:
                self._start(work, name)
            return _NOT_YET
        answer = self._answer(work, name, job)
        return answer if nothing_comes else _NOT_YET

    def _answer(self, work: Work, name: str, job: Json | None) -> Json:
        kind = work.kind
        if job is None:
            why = "it could not be started, or somebody deleted it"
            raise JobError(f"{kind.name} '{name}' is not there: {why}; deploy again")
        status = kind.status(job)
        done: Json = {"IsComplete": True, "Data": {"JobName": name, "JobArn": kind.arn(job), **kind.results(job)}}
        if status == COMPLETED:
            _log("completed", kind, name, console=self._console(kind, name))
            return done
        if status not in (*RUNNING, *ENDING):
            reason = job.get("FailureReason") or job.get("SecondaryStatus") or "no reason is given"
            raise self._failure(kind, name, f"ended as {job[f'{kind.name}Status']}: {reason}")
        if self._waited(work) <= work.patience:
            return _NOT_YET
        if work.properties.get("Continues"):
            return done
        raise self._failure(kind, name, "still runs, and the deployment waits no longer; give it a longer timeout")

    def _find(self, work: Work) -> tuple[str, Json | None]:
        """Find the job that a request is about; None in place of a job that is still to be made."""
        for name in work.names():
            job = self._describe(work, name)
            if job is None or self._serves(work, job):
                return name, job
        raise JobError(f"{work.kind.name} '{work.name}' has been tried {TRIES} times; change what it is asked to do")

    def _serves(self, work: Work, job: Json) -> bool:
        status = work.kind.status(job)
        if status in RUNNING or (status == COMPLETED and self._has_results(work.kind, job)):
            return True
        tags = self._sagemaker.list_tags(ResourceArn=work.kind.arn(job))["Tags"]
        return {"Key": REQUEST_TAG, "Value": work.event["RequestId"]} in tags

    def _has_results(self, kind: Kind, job: Json) -> bool:
        bucket, key = split_uri(kind.uri(job))
        try:
            return bool(bucket and self._s3().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"])
        except Exception as error:
            if code(error) in ("AccessDenied", "NoSuchBucket"):  # nobody else's bucket can be looked into
                return code(error) == "AccessDenied"
            raise

    def _describe(self, work: Work, name: str) -> Json | None:
        try:
            return work.kind.call(self._sagemaker, "describe", name)
        except Exception as error:
            if is_not_found(error):
                return None
            raise

    def _start(self, work: Work, name: str) -> None:
        """Make a job; what does not work out is tried again when the framework asks next, if that can help."""
        tags = [*work.request.get("Tags", []), {"Key": REQUEST_TAG, "Value": work.event["RequestId"]}]
        request = {**work.request, "Tags": tags}
        if "OutputConfig" in request:  # Neo names its result after model and target alone, and would write over another
            output = request["OutputConfig"]
            own = f"{output['S3OutputLocation'].rstrip('/')}/{name}"
            request["OutputConfig"] = {**output, "S3OutputLocation": own}
        try:
            work.kind.call(self._sagemaker, "create", name, **request)
        except Exception as error:
            waited = self._waited(work)
            if waited > _LAST_TRY or not may_hide_a_job(error, waited):
                text = f"{work.kind.name} '{name}' could not be started: {error}"
                raise JobError(text[:_REASON_MAX]) from error
            _log("will be tried again", work.kind, name, error=code(error))
        else:
            _log("started", work.kind, name, console=self._console(work.kind, name))

    def _take_back(self, work: Work) -> tuple[bool, bool]:
        """Stop what runs under the work's names, and tell whether all jobs have ended, and whether none will come."""
        found, ended = False, True
        for name in work.names():
            job = self._describe(work, name)
            if job is None:
                break
            found, status = True, work.kind.status(job)
            ended = ended and status not in (*RUNNING, *ENDING)
            if status in RUNNING:
                self._stop(work, name)
        answered = work.event["Known"] == work.name
        return ended, found or answered or self._waited(work) > LOOK_FOR

    def _stop(self, work: Work, name: str) -> None:
        try:
            work.kind.call(self._sagemaker, "stop", name)
        except Exception:
            job = self._describe(work, name)
            if job and work.kind.status(job) in RUNNING:
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
    return begin(event, time.time())


def begin(event: Json, now: float) -> Json:
    """Name what a request is about; the framework hands the answer on with the event."""
    known, properties = event.get("PhysicalResourceId", ""), event["ResourceProperties"]
    if event["RequestType"] == "Delete":
        name = known
    elif "JobName" in properties:  # a wait
        name = event["LogicalResourceId"]
    else:
        name = Work(event, properties).name
    return {"PhysicalResourceId": name, "Known": known, "Since": now}


def is_complete(event: Json, context: Any) -> Json:
    """Answer the framework's calls after the first, until a request is done."""
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
    client = boto3.client("sagemaker", config=config)
    jobs = Jobs(sagemaker=client, s3=lambda: boto3.client("s3", config=config), region=client.meta.region_name)
    return jobs.is_complete(event)


def _log(what: str, kind: Kind, name: str, **more: str) -> None:
    print(json.dumps({"event": what, "kind": kind.name, "job": name, **more}))
