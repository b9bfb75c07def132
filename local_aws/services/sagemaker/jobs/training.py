"""``CreateTrainingJob``, ``DescribeTrainingJob``, ``StopTrainingJob``, ``DeleteTrainingJob``, ``ListTrainingJobs``."""

from __future__ import annotations

import re

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.execution_role import ExecutionRole
from local_aws.scope import Scope
from local_aws.services.paging import listed
from local_aws.services.sagemaker.jobs import channels, runner
from local_aws.services.sagemaker.jobs.job import TrainingJob
from local_aws.services.sagemaker.jobs.training_output import artifact_uri
from local_aws.services.sagemaker.jobs.training_run import TrainingRun
from local_aws.services.sagemaker.models import ECR_IMAGE
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import state
from local_aws.services.sagemaker.tags import forget_tags, put_tags

# StoppingCondition: one day when left out, 28 days at most.
_DEFAULT_RUNTIME, _LONGEST_RUNTIME = 86_400, 28 * 86_400


@SAGEMAKER.operation("CreateTrainingJob")
def create_training_job(scope: Scope, request: Parameters) -> Parameters:
    """Start a training job, after checking that its role can be assumed and its channels have data."""
    jobs = state(scope).training_jobs
    name = request["TrainingJobName"]
    _check(request)
    role = ExecutionRole.assume(scope, request["RoleArn"], service="sagemaker.amazonaws.com", session="SageMaker")
    if jobs.find(name) is None:
        channels.check_data(role, request.get("InputDataConfig", []))
    job = TrainingJob(name=name, arn=jobs.arn(name), request=request)
    job.turn_to("Starting", "Starting the training job")
    jobs.add(job)
    put_tags(scope, job.arn, request.get("Tags", []))
    runner.run(job, TrainingRun(job, role))
    return {"TrainingJobArn": job.arn}


def _check(request: Parameters) -> None:
    if "ServerlessJobConfig" in request:
        raise validation_error("local AWS does not have serverless model customization (ServerlessJobConfig).")
    for member in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if member not in request:
            raise validation_error(f"{member} is required for a training job without ServerlessJobConfig.")
    _check_algorithm(request["AlgorithmSpecification"])
    resources = request["ResourceConfig"]
    if "InstanceGroups" not in resources and not {"InstanceType", "InstanceCount"} <= resources.keys():
        raise validation_error("InstanceType and InstanceCount are required in ResourceConfig without InstanceGroups.")
    request["StoppingCondition"].setdefault("MaxRuntimeInSeconds", _DEFAULT_RUNTIME)
    stopping = request["StoppingCondition"]
    if stopping["MaxRuntimeInSeconds"] > _LONGEST_RUNTIME:
        raise validation_error(f"MaxRuntimeInSeconds cannot be greater than {_LONGEST_RUNTIME}.")
    is_spot = request.get("EnableManagedSpotTraining", False)
    if is_spot and stopping.get("MaxWaitTimeInSeconds", 0) < stopping["MaxRuntimeInSeconds"]:
        raise validation_error(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )
    if not is_spot and "MaxWaitTimeInSeconds" in stopping:
        raise validation_error("MaxWaitTimeInSeconds can be specified with EnableManagedSpotTraining only.")


def _check_algorithm(algorithm: Parameters) -> None:
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise validation_error("Exactly one of TrainingImage and AlgorithmName must be specified.")
    image = algorithm.get("TrainingImage")
    if image is None:
        raise validation_error("local AWS does not have algorithm resources (AlgorithmName): use TrainingImage.")
    private_registry = algorithm.get("TrainingImageConfig", {}).get("TrainingRepositoryAccessMode") == "Vpc"
    if not ECR_IMAGE.fullmatch(image) and not private_registry:
        raise validation_error(f'Using non-ECR image "{image}" without Vpc repository access mode is not supported.')
    for metric in algorithm.get("MetricDefinitions", []):
        try:
            groups = re.compile(metric["Regex"]).groups
        except re.error as error:
            raise validation_error(f"The regex of metric {metric['Name']} is invalid: {error}.") from error
        if groups < 1:
            raise validation_error(f"The regex of metric {metric['Name']} has no group for the metric's value.")


@SAGEMAKER.operation("DescribeTrainingJob")
def describe_training_job(scope: Scope, request: Parameters) -> Parameters:
    """Describe a training job; where its artifact will be is known from the beginning."""
    job = state(scope).training_jobs.get(request["TrainingJobName"])
    with job.lock:
        described: Parameters = {
            **{key: value for key, value in job.request.items() if key not in ("Tags", "SessionChainingConfig")},
            "TrainingJobArn": job.arn,
            "TrainingJobStatus": job.status,
            "SecondaryStatus": job.secondary_status,
            "SecondaryStatusTransitions": [dict(transition) for transition in job.transitions],
            "ModelArtifacts": {"S3ModelArtifacts": artifact_uri(job)},
            "CreationTime": job.created,
            "LastModifiedTime": job.modified,
        }
        for member in (
            "EnableNetworkIsolation",
            "EnableInterContainerTrafficEncryption",
            "EnableManagedSpotTraining",
        ):
            described.setdefault(member, False)
        if job.metrics:
            described["FinalMetricDataList"] = list(job.metrics.values())
        if job.failure_reason:
            described["FailureReason"] = job.failure_reason
        if job.started:
            described["TrainingStartTime"] = job.started
        if job.ended:
            described["TrainingEndTime"] = job.ended
        if job.started and job.ended:
            seconds = max(round((job.ended - job.started).total_seconds()), 1)
            described |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return described


@SAGEMAKER.operation("StopTrainingJob")
def stop_training_job(scope: Scope, request: Parameters) -> Parameters:
    """Ask a training job to stop: its script has 120 seconds to save what it has."""
    state(scope).training_jobs.get(request["TrainingJobName"]).stop()
    return {}


@SAGEMAKER.operation("DeleteTrainingJob")
def delete_training_job(scope: Scope, request: Parameters) -> Parameters:
    """Forget a training job that has ended; its name is free again, and what it left in S3 stays."""
    jobs = state(scope).training_jobs
    job = jobs.get(request["TrainingJobName"])
    if not job.settled.is_set():
        raise ServiceError("ResourceInUse", f"The training job {job.arn} is in status {job.status}.")
    jobs.remove(job.name)
    forget_tags(scope, job.arn)
    return {}


@SAGEMAKER.operation("ListTrainingJobs")
def list_training_jobs(scope: Scope, request: Parameters) -> Parameters:
    """List training jobs."""
    return listed(
        state(scope).training_jobs.all(),
        request,
        "TrainingJobSummaries",
        lambda job: {
            "TrainingJobName": job.name,
            "TrainingJobArn": job.arn,
            "CreationTime": job.created,
            "LastModifiedTime": job.modified,
            "TrainingJobStatus": job.status,
            "SecondaryStatus": job.secondary_status,
            **({"TrainingEndTime": job.ended} if job.ended else {}),
        },
        order="Ascending",
    )
