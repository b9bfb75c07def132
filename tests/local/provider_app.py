"""A small CDK application: a custom resource on the provider framework whose handler starts a training job."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import App, CfnOutput, CustomResource, DefaultStackSynthesizer, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import custom_resources as cr

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ASSETS = "provider-assets"
HANDLER = """
import json
import boto3

sagemaker = boto3.client("sagemaker")

def on_event(event, context):
    if event["RequestType"] != "Delete":
        request = json.loads(event["ResourceProperties"]["Request"])
        name = "job-" + event["RequestId"]
        sagemaker.create_training_job(TrainingJobName=name, **request)
        return {"PhysicalResourceId": name}
    try:
        sagemaker.stop_training_job(TrainingJobName=event["PhysicalResourceId"])
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise

def is_complete(event, context):
    if event["RequestType"] == "Delete":
        return {"IsComplete": True}
    job = sagemaker.describe_training_job(TrainingJobName=event["PhysicalResourceId"])
    if job["TrainingJobStatus"] == "Failed":
        raise RuntimeError(job["FailureReason"])
    done = job["TrainingJobStatus"] == "Completed"
    return {"IsComplete": done, "Data": {"Artifact": job["ModelArtifacts"]["S3ModelArtifacts"]} if done else {}}
"""


class JobStack(Stack):
    """One job of the handler's."""

    def __init__(self, scope: App, id: str, *, role: str, timeout: int, may_pass: bool = True) -> None:  # noqa: A002
        synthesizer = DefaultStackSynthesizer(
            file_assets_bucket_name=ASSETS, generate_bootstrap_version_rule=False, qualifier="none"
        )
        super().__init__(scope, id, synthesizer=synthesizer)
        on_event, is_complete = (self._function(name) for name in ("on_event", "is_complete"))
        jobs = "arn:aws:sagemaker:us-east-1:000000000000:training-job/*"
        on_event.add_to_role_policy(
            iam.PolicyStatement(actions=["sagemaker:CreateTrainingJob", "sagemaker:StopTrainingJob"], resources=[jobs])
        )
        is_complete.add_to_role_policy(iam.PolicyStatement(actions=["sagemaker:DescribeTrainingJob"], resources=[jobs]))
        if may_pass:
            on_event.add_to_role_policy(iam.PolicyStatement(actions=["iam:PassRole"], resources=[role]))
        provider = cr.Provider(
            self,
            "Provider",
            on_event_handler=on_event,
            is_complete_handler=is_complete,
            query_interval=Duration.seconds(min(timeout, 30)),
            total_timeout=Duration.seconds(timeout),
        )
        job = CustomResource(
            self, "Job", service_token=provider.service_token, properties={"Request": "set by the test"}
        )
        CfnOutput(self, "Artifact", value=job.get_att_string("Artifact"))

    def _function(self, name: str) -> lambda_.Function:
        return lambda_.Function(
            self,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler=f"index.{name}",
            code=lambda_.Code.from_inline(HANDLER),
            timeout=Duration.seconds(60),
        )


def templates(outdir: Path, s3: S3Client, *, role: str) -> dict[str, dict[str, Any]]:
    """Synthesize the stacks, upload their assets, and return their templates by name."""
    app = App(outdir=str(outdir))
    JobStack(app, "patient", role=role, timeout=3600)
    JobStack(app, "hasty", role=role, timeout=1)
    JobStack(app, "powerless", role=role, timeout=3600, may_pass=False)
    app.synth()
    s3.create_bucket(Bucket=ASSETS)
    return uploaded(outdir, s3, ASSETS)


def uploaded(outdir: Path, s3: S3Client, bucket: str) -> dict[str, dict[str, Any]]:
    """Upload the code of synthesized stacks to a bucket, and return their templates by name."""
    for manifest in outdir.glob("*.assets.json"):
        for asset in json.loads(manifest.read_text())["files"].values():
            if asset["source"]["packaging"] == "zip":
                (destination,) = asset["destinations"].values()
                source = outdir / asset["source"]["path"]
                archive = Path(shutil.make_archive(str(source), "zip", source))
                s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=archive.read_bytes())
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in outdir.glob("*.template.json")}
