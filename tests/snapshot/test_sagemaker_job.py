"""A job as a resource of a stack: what its custom resource says, what its functions may do, what it gives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from constructs import Construct

from constructs_lib.jobs import SageMakerJob
from constructs_lib.jobs.handler import index
from constructs_lib.jobs.handler.kinds import KINDS
from constructs_lib.jobs.job_names import job_name, stack_prefix
from constructs_lib.sagemaker import permissions
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import only

Json = dict[str, Any]
COMPILATION: Json = {
    "InputConfig": {"S3Uri": "s3://models/model.tar.gz", "Framework": "PYTORCH", "DataInputConfig": "[[1,3,8,8]]"},
    "OutputConfig": {"S3OutputLocation": "s3://results/neo", "TargetDevice": "ml_c5"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 900},
}
TRANSFORM: Json = {"ModelName": "digits", "TransformOutput": {"S3OutputPath": "s3://results/out"}}
PLACE = permissions.Place(partition="aws", region="us-east-1", account="111111111111")


def job(scope: cdk.Stack, id: str = "Compiled", **more: Any) -> SageMakerJob:  # noqa: A002
    return SageMakerJob(scope, id, **{"kind": "CompilationJob", "request": COMPILATION, **more})


def function_statements(template: Template) -> list[Json]:
    roles = template.find_resources("AWS::IAM::Role").values()
    (policy,) = (role["Properties"]["Policies"][0] for role in roles if "Policies" in role["Properties"])
    found: list[Json] = policy["PolicyDocument"]["Statement"]
    return found


def test_the_request_reaches_the_handler_as_the_api_takes_it(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    job(stack, triggers={"data": "1"})

    _, resource = only(template(), "Custom::SageMakerCompilationJob")
    properties = resource["Properties"]
    role = properties["Request"]["Fn::Join"][1]
    request = json.loads(f"{role[0]}ROLE{role[2]}")
    assert list(role[1]) == ["Fn::GetAtt"]
    assert request == {**COMPILATION, "RoleArn": "ROLE"}
    assert properties["Kind"] in KINDS
    assert properties["Name"] == "theirstack-compiled"
    assert properties["Triggers"] == '{"data":"1"}'
    assert properties["WaitSeconds"] == "3300"
    assert "Continues" not in properties


def test_the_functions_may_do_what_the_jobs_need_and_no_more(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    job(stack)

    found = function_statements(template())
    jobs = "arn:aws:sagemaker:us-east-1:111111111111:compilation-job"
    assert found[0] == {
        "Action": ["sagemaker:DescribeCompilationJob", "sagemaker:StopCompilationJob", "sagemaker:ListTags"],
        "Effect": "Allow",
        "Resource": [f"{jobs}/theirstack-*"],
    }
    create, listing, passing = found[-3:]
    assert create == {
        "Action": ["sagemaker:CreateCompilationJob", "sagemaker:AddTags"],
        "Effect": "Allow",
        "Resource": [f"{jobs}/theirstack-compiled-*"],
    }
    assert listing["Resource"] == ["arn:aws:s3:::results"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["neo*"]}}
    assert passing["Action"] == "iam:PassRole"
    assert [list(each) for each in passing["Resource"]] == [["Fn::GetAtt"]]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert "*" not in [resource for statement in found for resource in statement["Resource"]]


def test_a_transform_job_has_no_role_and_none_is_passed_for_it(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    made = job(stack, kind="TransformJob", request=TRANSFORM)

    assert "iam:PassRole" not in str(function_statements(template()))
    with pytest.raises(AttributeError, match=r"^a TransformJob has no role of its own: grant to its model's$"):
        _ = made.role


def test_all_jobs_of_a_stack_share_two_functions(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    job(stack)
    job(stack, "Second")

    made = template()
    ours = [
        function["Properties"]["Handler"]
        for function in made.find_resources("AWS::Lambda::Function").values()
        if function["Properties"]["Runtime"].startswith("python")
    ]
    assert sorted(ours) == ["handler.index.is_complete", "handler.index.on_event"]
    create, listing, passing = function_statements(made)[-3:]
    assert [arn.rpartition("/")[2] for arn in create["Resource"]] == ["theirstack-compiled-*", "theirstack-second-*"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["neo*"]}}
    assert len(passing["Resource"]) == 2


def test_the_role_has_its_rights_before_the_job_starts(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    job(stack, statements=permissions.read_object(PLACE, "models", "model.tar.gz"))

    made = template()
    policies = [
        name
        for name, policy in made.find_resources("AWS::IAM::Policy").items()
        if "s3:GetObject" in str(policy["Properties"])
    ]
    _, resource = only(made, "Custom::SageMakerCompilationJob")
    assert resource["DependsOn"] == policies


def test_a_given_role_is_passed_and_granted_to(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    given = iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))

    made = job(stack, role=given, statements=permissions.read_object(PLACE, "models", "model.tar.gz"))

    assert made.role is given
    name = stack.get_logical_id(cast("cdk.CfnElement", given.node.default_child))
    assert function_statements(template())[-1]["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}]


def test_a_long_job_is_waited_for_by_several_resources(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    made = job(stack, timeout=8000)
    cdk.CfnOutput(stack, "Artifact", value=made.artifact)

    synthesized = template()
    waits = synthesized.find_resources("Custom::SageMakerCompilationJob")
    first, second, third = waits
    properties = [waits[name]["Properties"] for name in waits]
    assert [each["WaitSeconds"] for each in properties] == ["3300", "3300", "1400"]
    assert [each.get("Continues") for each in properties] == ["true", "true", None]
    assert properties[1]["JobName"] == {"Fn::GetAtt": [first, "JobName"]}
    assert properties[2]["JobName"] == {"Fn::GetAtt": [second, "JobName"]}
    (output,) = synthesized.find_outputs("Artifact").values()
    assert output["Value"] == {"Fn::Join": ["", ["s3://results/", {"Fn::GetAtt": [third, "ArtifactKey"]}]]}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "ProcessingJob"}, "'kind' must be one of CompilationJob, TrainingJob, TransformJob, got 'ProcessingJob'"),
        ({"timeout": 50}, "'timeout' must be 60 to 43200 seconds (12 hours), got 50; run a longer job outside of the deployment, and give the model by the s3:// address of the job's artifact"),
        ({"timeout": 90000}, "'timeout' must be 60 to 43200 seconds (12 hours), got 90000; run a longer job outside of the deployment, and give the model by the s3:// address of the job's artifact"),
        ({"timeout": 600}, "'timeout' is 600, but the job may run for 900 seconds; wait at least as long"),
        ({"timeout": cdk.Token.as_number({"Ref": "Seconds"})}, "'timeout' must be a number of seconds that is known at synth; give a plain number"),
    ],
)  # fmt: skip
def test_what_cannot_be_waited_for_is_refused(stack: cdk.Stack, fields: Json, message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        job(stack, **fields)

    assert str(raised.value) == f"SageMakerJob: {message}"
    assert stack.node.children == []


def test_the_functions_are_the_handler_that_is_tested(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    job(stack)

    (key,) = {
        function["Properties"]["Code"]["S3Key"]
        for function in template().find_resources("AWS::Lambda::Function").values()
        if function["Properties"]["Runtime"].startswith("python")
    }
    source, assembly = Path(index.__file__).parent, cdk.Stage.of(stack)
    assert assembly is not None
    packed = Path(assembly.asset_outdir) / f"asset.{key.removesuffix('.zip')}"
    assert {str(file.relative_to(packed)): file.read_bytes() for file in packed.rglob("*.*")} == {
        f"handler/{file.name}": file.read_bytes() for file in source.glob("*.py")
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Digits", "theirstack-digits"),
        ("TrainingJobs/product-recommendation-large", "theirstack-recommendation-large"),
        ("TrainingJobs/product-recommendation-small", "theirstack-recommendation-small"),
        ("TrainingJobs/recommendation-large-3", "theirstack-recommendation-large-3"),
        ("a" * 30, f"theirstack-{'a' * 22}"),
        ("é", "theirstack-"),
    ],
)
def test_a_job_is_named_by_its_stack_and_the_end_of_its_path(stack: cdk.Stack, path: str, name: str) -> None:
    scope: Construct = stack
    for each in path.split("/"):
        scope = Construct(scope, each)

    assert job_name("theirstack", stack, Construct(scope, "Job")) == name


@pytest.mark.parametrize(
    ("stack_name", "prefix"),
    [
        ("Digits", "digits"),
        ("team-digits-dev", "team-digits-dev"),
        ("a-stack-with-quite-a-long-name", "a-stac-name-[0-9a-f]{8}"),
    ],
)
def test_the_names_of_jobs_begin_with_their_stacks(stack_name: str, prefix: str) -> None:
    assert re.fullmatch(prefix, stack_prefix(cdk.Stack(cdk.App(), stack_name)))
