"""``CreateCompilationJob``, and its ``Describe…``, ``Stop…``, ``Delete…`` and ``List…``: Neo, but for the compiler."""

from __future__ import annotations

import hashlib
import logging

from local_aws import telemetry
from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.execution_role import ExecutionRole
from local_aws.scope import Scope
from local_aws.services.paging import listed
from local_aws.services.sagemaker import s3_data
from local_aws.services.sagemaker.jobs import neo, runner
from local_aws.services.sagemaker.jobs.job import CompilationJob, JobFailedError, JobTimedOutError
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import state
from local_aws.services.sagemaker.tags import forget_tags, put_tags

_log = logging.getLogger(__name__)
_LOG_GROUP = "/aws/sagemaker/CompilationJobs"
_NOTHING_COMPILED = (
    "Nothing was compiled: Neo's compiler does not exist outside of AWS, so local AWS passed the model through "
    "unchanged."
)


@SAGEMAKER.operation("CreateCompilationJob")
def create_compilation_job(scope: Scope, request: Parameters) -> Parameters:
    """Start a compilation job, which passes its model through unchanged."""
    jobs = state(scope).compilation_jobs
    name = request["CompilationJobName"]
    neo.check_request(scope, request)
    role = ExecutionRole.assume(scope, request["RoleArn"], service="sagemaker.amazonaws.com", session="SageMaker")
    job = CompilationJob(name=name, arn=jobs.arn(name), request=request)
    jobs.add(job)
    put_tags(scope, job.arn, request.get("Tags", []))
    runner.run(job, lambda: _compile(job, role))
    return {"CompilationJobArn": job.arn}


def _compile(job: CompilationJob, role: ExecutionRole) -> None:
    given, output = job.request["InputConfig"], job.request["OutputConfig"]
    job.begin_work(limit=job.request["StoppingCondition"].get("MaxRuntimeInSeconds", 900))
    job.move("INPROGRESS")
    try:
        job.check()
        model = _read(role, given["S3Uri"])
        neo.check_input(given, model)
        job.check()
        s3_data.write(role, neo.artifact_uri(job.request), model, kms_key=output.get("KmsKeyId"))
    except JobTimedOutError as over:
        raise JobFailedError("ClientError: Timeout: the job took longer than MaxRuntimeInSeconds") from over
    job.digest = hashlib.sha256(model).hexdigest()
    job.image = neo.inference_image(role.scope, job.request)
    _log.warning("%s: %s", job.name, _NOTHING_COMPILED)
    _write_log(role, job.name)


def _read(role: ExecutionRole, uri: str) -> bytes:
    found = s3_data.object_at(uri)
    try:
        return found.read(role)
    except ServiceError as error:
        if error.code == "AccessDeniedException":
            raise JobFailedError(f"ClientError: InputConfiguration: {error.message}") from error
        raise JobFailedError(
            f"ClientError: InputConfiguration: S3 object does not exist. Bucket: {found.bucket}, Key: {found.key}"
        ) from error


def _write_log(role: ExecutionRole, name: str) -> None:
    """Say in the job's log that nothing was compiled; a role that may not write logs has none, as on AWS."""
    if role.allows("logs:PutLogEvents", role.scope.arn("logs", f"log-group:{_LOG_GROUP}:log-stream:{name}")):
        telemetry.open_log_stream(role.scope, _LOG_GROUP, name)
        telemetry.put_log_lines(role.scope, _LOG_GROUP, name, [_NOTHING_COMPILED])


@SAGEMAKER.operation("DescribeCompilationJob")
def describe_compilation_job(scope: Scope, request: Parameters) -> Parameters:
    """Describe a compilation job; the failure reason of one that is complete says that nothing was compiled."""
    job = state(scope).compilation_jobs.get(request["CompilationJobName"])
    with job.lock:
        is_complete = job.status == job.COMPLETED
        described: Parameters = {
            **{key: value for key, value in job.request.items() if key != "Tags"},
            "CompilationJobArn": job.arn,
            "CompilationJobStatus": job.status,
            "CreationTime": job.created,
            "LastModifiedTime": job.modified,
            "FailureReason": _NOTHING_COMPILED if is_complete else job.failure_reason or "",
            # The member is required, and its address known from the beginning.
            "ModelArtifacts": {"S3ModelArtifacts": neo.artifact_uri(job.request)},
        }
        if is_complete:
            described["ModelDigests"] = {"ArtifactDigest": job.digest}
            if job.image:
                described["InferenceImage"] = job.image
        if job.started:
            described["CompilationStartTime"] = job.started
        if job.ended:
            described["CompilationEndTime"] = job.ended
    return described


@SAGEMAKER.operation("StopCompilationJob")
def stop_compilation_job(scope: Scope, request: Parameters) -> Parameters:
    """Ask a compilation job to stop."""
    state(scope).compilation_jobs.get(request["CompilationJobName"]).stop()
    return {}


@SAGEMAKER.operation("DeleteCompilationJob")
def delete_compilation_job(scope: Scope, request: Parameters) -> Parameters:
    """Forget a compilation job that has ended; what it left in S3 stays."""
    jobs = state(scope).compilation_jobs
    job = jobs.get(request["CompilationJobName"])
    if not job.settled.is_set():
        raise validation_error(f"The request was rejected because the compilation job is in status {job.status}.")
    jobs.remove(job.name)
    forget_tags(scope, job.arn)
    return {}


@SAGEMAKER.operation("ListCompilationJobs")
def list_compilation_jobs(scope: Scope, request: Parameters) -> Parameters:
    """List compilation jobs."""
    return listed(
        state(scope).compilation_jobs.all(),
        request,
        "CompilationJobSummaries",
        _summary,
        order="Ascending",
    )


def _summary(job: CompilationJob) -> Parameters:
    output = job.request["OutputConfig"]
    platform = output.get("TargetPlatform", {})
    times = {"CompilationStartTime": job.started, "CompilationEndTime": job.ended}
    return {
        "CompilationJobName": job.name,
        "CompilationJobArn": job.arn,
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "CompilationJobStatus": job.status,
        **({"CompilationTargetDevice": output["TargetDevice"]} if "TargetDevice" in output else {}),
        **{f"CompilationTargetPlatform{part}": value for part, value in platform.items()},
        **{name: time for name, time in times.items() if time is not None},
    }
