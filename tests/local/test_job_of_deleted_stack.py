"""A stack that is deleted while its job is still being waited for: the job is stopped, and the event says so."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_clients import Aws, unique
from gate import Gate
from patience import eventually
from provider_app import uploaded
from stack_deployment import ASSETS, ENV
from training_jobs import job_request

from constructs_lib.jobs import SageMakerJob

WAITING = """
import os, pathlib, time
gate = pathlib.Path(os.environ["GATE"])
(gate / "1.note").touch()
while not (gate / "open").exists(): time.sleep(0.01)
"""


def test_a_stack_that_is_deleted_while_its_job_runs_stops_it(training_aws: Aws, gate: Gate, tmp_path: Path) -> None:
    aws, name = training_aws, unique("deleted")
    request = job_request(aws, WAITING, Environment={"GATE": str(gate.directory)})
    role = request.pop("RoleArn")
    del request["TrainingJobName"]
    app = App(outdir=str(tmp_path / "out"))
    stack = Stack(app, name, env=ENV)
    given = iam.Role.from_role_arn(stack, "Role", role, mutable=False)
    SageMakerJob(stack, "Job", kind="TrainingJob", request=request, role=given)
    app.synth()
    aws.s3.create_bucket(Bucket=ASSETS)
    template = uploaded(tmp_path / "out", aws.s3, ASSETS)[name]
    del template["Rules"], template["Parameters"]  # that the account is bootstrapped

    body = json.dumps(template)
    aws.cloudformation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    assert eventually(lambda: gate.waiting == 1)
    stack_id = aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    aws.cloudformation.delete_stack(StackName=name)

    assert eventually(
        lambda: aws.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    ), aws.reasons(stack_id)
    (job,) = aws.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert job["TrainingJobStatus"] == "Stopped"
    assert any(f"TrainingJob '{job['TrainingJobName']}' ended as Stopped" in each for each in aws.reasons(stack_id))
