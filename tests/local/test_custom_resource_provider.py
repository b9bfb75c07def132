"""The CDK's provider framework on local AWS: its Lambda functions, its Step Functions waiter, and what they may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_clients import Aws, unique
from provider_app import templates
from training_jobs import IMAGE, make_role, settled, upload_source

from constructs_lib.sagemaker.permissions import trust_policy

SLEEPING = "import time\nwhile True: time.sleep(0.1)\n"
ANSWERING = """
import json, urllib.request

def handler(event, context):
    fails = event["ResourceProperties"].get("Fails") == "true"
    answer = {"Status": "FAILED" if fails else "SUCCESS", "Reason": "as asked", "PhysicalResourceId": "thing"}
    answer |= {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT"))
"""
SAVING = "import os, pathlib; pathlib.Path(os.environ['SM_MODEL_DIR'], 'w').write_text('1')"


class Stacks:
    """Stacks that each have one job."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self.aws = aws
        self.role = make_role(aws)
        self._templates = templates(directory, aws.s3, role=self.role)

    def template(self, kind: str, script: str) -> dict[str, Any]:
        """Return a template of a kind, whose job runs a script."""
        request = {
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "OutputDataConfig": {"S3OutputPath": "s3://training/out/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "HyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": upload_source(self.aws, {"train.py": script}),
            },
        }
        template: dict[str, Any] = json.loads(json.dumps(self._templates[kind]))
        template["Resources"]["Job"]["Properties"]["Request"] = json.dumps(request)
        return template

    def put(self, name: str, kind: str, script: str) -> dict[str, Any]:
        """Create or update a stack, and wait."""
        return self.aws.put_stack(name, self.template(kind, script))

    def jobs(self, name: str) -> list[str]:
        """Return the names of a stack's jobs, the latest first."""
        events = self.aws.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        found = (event.get("PhysicalResourceId", "") for event in events if event["LogicalResourceId"] == "Job")
        return list(dict.fromkeys(job for job in found if job.startswith("job-")))

    def status(self, job: str) -> str:
        return str(settled(self.aws, job)["TrainingJobStatus"])


@pytest.fixture(scope="module")
def stacks(training_aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    return Stacks(training_aws, tmp_path_factory.mktemp("provider-app"))


def test_a_stack_waits_for_its_job_and_has_its_results_and_a_failing_update_rolls_back(stacks: Stacks) -> None:
    name = unique("jobs")

    created = stacks.put(name, "patient", "import time; time.sleep(1)\n" + SAVING)

    assert created["StackStatus"] == "CREATE_COMPLETE", stacks.aws.reasons(name)
    (job,) = stacks.jobs(name)
    artifact = f"s3://training/out/{job}/output/model.tar.gz"
    assert [output["OutputValue"] for output in created["Outputs"]] == [artifact]
    assert stacks.status(job) == "Completed"

    failed = stacks.put(name, "patient", "raise ValueError('no rows')")

    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("ValueError: no rows (train.py, line 1)" in reason for reason in stacks.aws.reasons(name))
    assert failed["Outputs"] == created["Outputs"]

    stacks.aws.delete_stack(name)


def test_a_job_that_fails_at_first_leaves_no_stack_and_its_reason(stacks: Stacks) -> None:
    name = unique("jobs")

    failed = stacks.put(name, "patient", "raise ValueError('no rows')")

    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("ValueError: no rows (train.py, line 1)" in reason for reason in stacks.aws.reasons(name))


def test_a_job_that_outlasts_the_waiter_is_stopped(stacks: Stacks) -> None:
    name = unique("jobs")

    failed = stacks.put(name, "hasty", SLEEPING)

    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Operation timed out" in reason for reason in stacks.aws.reasons(name)), stacks.aws.reasons(name)
    (job,) = stacks.jobs(name)
    assert stacks.status(job) == "Stopped"


def test_an_update_that_outlasts_the_waiter_stops_its_job_and_keeps_the_first(stacks: Stacks) -> None:
    name = unique("jobs")
    created = stacks.put(name, "patient", SAVING)
    (first,) = stacks.jobs(name)

    failed = stacks.put(name, "hasty", SLEEPING)

    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert failed["Outputs"] == created["Outputs"]
    (second,) = [job for job in stacks.jobs(name) if job != first]
    assert [stacks.status(job) for job in (first, second)] == ["Completed", "Stopped"]


def test_a_handler_that_may_not_pass_the_jobs_role_fails_the_stack(stacks: Stacks) -> None:
    name = unique("jobs")

    failed = stacks.put(name, "powerless", SAVING)

    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any(
        f"is not authorized to perform: iam:PassRole on resource: {stacks.role}" in reason
        for reason in stacks.aws.reasons(name)
    ), stacks.aws.reasons(name)


def test_an_update_that_fails_and_keeps_its_physical_id_is_taken_back_and_not_deleted(training_aws: Aws) -> None:
    name = unique("thing")
    function = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": ANSWERING},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
    }

    def template(**wish: str) -> dict[str, Any]:
        thing = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, **wish}
        return {
            "Resources": {
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {"AssumeRolePolicyDocument": trust_policy("lambda.amazonaws.com")},
                },
                "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
                "Thing": {"Type": "Custom::Thing", "Properties": thing},
            }
        }

    training_aws.put_stack(name, template())
    failed = training_aws.put_stack(name, template(Fails="true"))

    events = training_aws.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert [event["ResourceStatus"] for event in events if event["LogicalResourceId"] == "Thing"] == [
        "UPDATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    ]
