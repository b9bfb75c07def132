"""``CreateTransformJob``, ``DescribeTransformJob``, ``StopTransformJob`` and ``ListTransformJobs``."""

from __future__ import annotations

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.paging import listed
from local_aws.services.sagemaker.jobs import runner
from local_aws.services.sagemaker.jobs.data_processing import DataProcessing
from local_aws.services.sagemaker.jobs.job import TransformJob
from local_aws.services.sagemaker.jobs.transform_run import TransformRun
from local_aws.services.sagemaker.models import execution_role
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import Model, is_multi_model, state
from local_aws.services.sagemaker.tags import put_tags

# CreateTransformJob's reference, MaxPayloadInMB.
_LARGEST_PAYLOAD_MB, _DEFAULT_PAYLOAD_MB = 100, 6


@SAGEMAKER.operation("CreateTransformJob")
def create_transform_job(scope: Scope, request: Parameters) -> Parameters:
    """Start a batch transform job of a model that exists."""
    held = state(scope)
    name = request["TransformJobName"]
    model = held.models.get(request["ModelName"])
    _check(request, model)
    job = TransformJob(name=name, arn=held.transform_jobs.arn(name), request=request)
    work = TransformRun(job, model, execution_role(scope, model))
    held.transform_jobs.add(job)
    put_tags(scope, job.arn, request.get("Tags", []))
    runner.run(job, work)
    return {"TransformJobArn": job.arn}


def _check(request: Parameters, model: Model) -> None:
    for attribute in ("ModelDataSource", "AdditionalModelDataSources"):
        if any(attribute in container for container in model.containers):
            raise validation_error(
                "SageMaker Batch currently doesn't support Model entity with container definitions which use "
                f"{attribute} attribute"
            )
    if any(map(is_multi_model, model.containers)):
        raise validation_error("A model with a container in MultiModel mode cannot be used for batch transform.")
    if model.request.get("InferenceExecutionConfig", {}).get("Mode") == "Direct":
        raise validation_error("A model with InferenceExecutionConfig mode Direct cannot be used for batch transform.")
    payload = request.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB)
    total = payload * request.get("MaxConcurrentTransforms", 0)
    if payload > _LARGEST_PAYLOAD_MB or total > _LARGEST_PAYLOAD_MB:
        raise validation_error(
            f"MaxPayloadInMB, and MaxConcurrentTransforms * MaxPayloadInMB, cannot exceed {_LARGEST_PAYLOAD_MB} MB: "
            f"got {payload} and {total}."
        )
    data_type = request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if data_type not in ("S3Prefix", "ManifestFile"):
        raise validation_error(f"local AWS reads input of type S3Prefix or ManifestFile, not {data_type}.")
    if "DataCaptureConfig" in request:
        raise validation_error("local AWS does not capture the data of batch transform jobs (DataCaptureConfig).")
    try:
        DataProcessing(request)
    except ValueError as error:
        raise validation_error(str(error)) from error


@SAGEMAKER.operation("DescribeTransformJob")
def describe_transform_job(scope: Scope, request: Parameters) -> Parameters:
    """Describe a batch transform job."""
    job = state(scope).transform_jobs.get(request["TransformJobName"])
    described = {key: value for key, value in job.request.items() if key != "Tags"}
    described |= {"TransformJobArn": job.arn, "TransformJobStatus": job.status, "CreationTime": job.created}
    described["TransformInput"] = {"CompressionType": "None", "SplitType": "None", **job.request["TransformInput"]}
    described["TransformOutput"] = {"AssembleWith": "None", **job.request["TransformOutput"]}
    described["DataProcessing"] = {
        "InputFilter": "$",
        "OutputFilter": "$",
        "JoinSource": "None",
        **job.request.get("DataProcessing", {}),
    }
    if job.failure_reason:
        described["FailureReason"] = job.failure_reason
    if job.started:
        described["TransformStartTime"] = job.started
    if job.ended:
        described["TransformEndTime"] = job.ended
    return described


@SAGEMAKER.operation("StopTransformJob")
def stop_transform_job(scope: Scope, request: Parameters) -> Parameters:
    """Ask a batch transform job to stop; what it has done so far is not kept."""
    state(scope).transform_jobs.get(request["TransformJobName"]).stop()
    return {}


@SAGEMAKER.operation("ListTransformJobs")
def list_transform_jobs(scope: Scope, request: Parameters) -> Parameters:
    """List batch transform jobs."""
    return listed(
        state(scope).transform_jobs.all(),
        request,
        "TransformJobSummaries",
        lambda job: {
            "TransformJobName": job.name,
            "TransformJobArn": job.arn,
            "CreationTime": job.created,
            "LastModifiedTime": job.modified,
            "TransformJobStatus": job.status,
            **({"TransformEndTime": job.ended} if job.ended else {}),
            **({"FailureReason": job.failure_reason} if job.failure_reason else {}),
        },
    )
