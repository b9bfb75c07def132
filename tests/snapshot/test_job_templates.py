"""Training jobs in templates, and what the examples' templates are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.jobs.channel import Channel
from constructs_lib.jobs.spot import Spot
from constructs_lib.jobs.training import Training
from constructs_lib.jobs.training_job import TrainingJob
from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.regions import RegionError
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, Json, new_app, only
from tests.snapshot.jobs_in_templates import KEY, allowed, request
from tests.snapshot.masked_json import WithoutPolicies

SOURCE = str(ROOT / "examples" / "training" / "src")


def training(**fields: Any) -> Training:
    script = {"framework": "pytorch", "version": "2.6", "source_dir": SOURCE, "entry_point": "train.py"}
    return Training(**{**script, "instance_type": "ml.m5.large", **fields})


def without_jobs_of_the_stack(template: Template) -> Json:
    """Leave out what runs jobs, which has tests of its own."""
    found = template.to_json()
    resources = {name: each for name, each in found["Resources"].items() if not name.startswith("SageMakerJobs")}
    return {"Resources": resources, "Outputs": found["Outputs"]}


@pytest.mark.parametrize(
    "example",
    ["training/inference", "batch-transform/inference", "batch-transform/nightly"],
    ids=lambda example: example.replace("/", "-"),
)
def test_the_examples_templates_are_as_they_were(example: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / f"{example}.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    assert without_jobs_of_the_stack(Template.from_stack(stack)) == snapshot(extension_class=WithoutPolicies)


def test_an_endpoint_serves_what_the_job_of_its_stack_leaves(stack: cdk.Stack) -> None:
    job = TrainingJob(stack, "Training", training=training(output="s3://results/digits", output_kms_key_arn=KEY))
    model = job.model(PyTorchModel, entry_point="inference.py")
    InferenceEndpoint(stack, "Endpoint", model=model, instance_type="ml.c6i.large")

    template = Template.from_stack(stack)
    assert model.artifact_kms_key_arn == KEY
    _, made = only(template, "AWS::SageMaker::Model")
    start, name, end = made["Properties"]["PrimaryContainer"]["ModelDataUrl"]["Fn::Join"][1]
    assert re.fullmatch(r"s3://results/digits/[0-9a-f]{16}/", start)
    assert (name["Fn::GetAtt"][1], end) == ("JobName", "/output/model.tar.gz")
    assert made["Properties"]["PrimaryContainer"]["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    reads = [each for each in allowed(template, "EndpointModel") if each["Action"] == "s3:GetObject"]
    assert [each["Resource"]["Fn::Join"][1] for each in reads] == [[start.replace("s3://", "arn:aws:s3:::"), name, end]]


def test_another_training_is_another_policy_so_that_old_instances_keep_theirs(tmp_path: Path) -> None:
    def policies(epochs: str) -> set[str]:
        stack = cdk.Stack(new_app(tmp_path / epochs), "Stack", env=FIXED)
        job = TrainingJob(stack, "Training", training=training(hyperparameters={"epochs": epochs}))
        model = job.model(PyTorchModel, entry_point="inference.py")
        InferenceEndpoint(stack, "Endpoint", model=model, instance_type="ml.c6i.large")
        found = Template.from_stack(stack).find_resources("AWS::IAM::Policy")
        return {name for name in found if name.startswith("EndpointModel")}

    assert policies("2").isdisjoint(policies("3"))


def test_the_role_may_do_what_this_job_needs_and_nothing_else(stack: cdk.Stack) -> None:
    TrainingJob(
        stack,
        "Training",
        training=training(
            output="s3://results/digits",
            output_kms_key_arn=KEY,
            volume_kms_key_arn=KEY,
            channels={"train": Channel(data="s3://data/train/")},
            spot=Spot(max_wait_seconds=3600, checkpoints="s3://checkpoints/here"),
            vpc=VpcConfig(subnets=("subnet-12345678",), security_group_ids=("sg-12345678",)),
        ),
    )

    found = allowed(Template.from_stack(stack), "TrainingJob")
    by_action = {str(each["Action"]): each["Resource"] for each in found if "s3:" not in str(each["Action"])}
    assert by_action["kms:CreateGrant"] == KEY
    assert by_action["['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey']"] == KEY
    assert any("ecr:us-east-1:763104351884:repository/pytorch-training" in str(each) for each in by_action.values())
    assert any("log-group:/aws/sagemaker/TrainingJobs" in str(each) for each in by_action.values())
    assert any("subnet/subnet-12345678" in str(each) for each in by_action.values())
    writes = [each["Resource"] for each in found if "s3:PutObject" in str(each["Action"])]
    assert re.fullmatch(r"arn:aws:s3:::results/digits/[0-9a-f]{16}/\*", writes[0])
    assert writes[1:] == ["arn:aws:s3:::checkpoints/here/*"]
    reads = [each["Resource"] for each in found if each["Action"] == "s3:GetObject"]
    assert reads[1:] == ["arn:aws:s3:::data/train/*", "arn:aws:s3:::checkpoints/here*"]
    assert "s3:*" not in str(found)
    everywhere = {str(each["Action"]) for each in found if each["Resource"] == "*"}
    assert everywhere == {
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        "['ec2:DescribeDhcpOptions', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSecurityGroups', "
        "'ec2:DescribeSubnets', 'ec2:DescribeVpcs']",
    }


def test_a_metric_is_that_of_the_job_that_ran(stack: cdk.Stack) -> None:
    job = TrainingJob(stack, "Training", training=training(metric_definitions={"loss": "loss=([0-9.]+)"}))
    alarm = job.metric("loss").create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)

    assert alarm is not None
    Template.from_stack(stack).has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "Namespace": "/aws/sagemaker/TrainingJobs",
            "MetricName": "loss",
            "Dimensions": [{"Name": "TrainingJobName", "Value": {"Fn::GetAtt": [Match.any_value(), "JobName"]}}],
        },
    )


def test_a_given_role_is_given_what_the_job_needs(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Mine", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))

    job = TrainingJob(stack, "Training", training=training(), role=role)

    template = Template.from_stack(stack)
    assert job.role is role
    assert not [name for name in template.find_resources("AWS::IAM::Role") if name.startswith("Training")]
    assert any("TrainingJobs" in str(each) for each in allowed(template, "TrainingJob"))


def test_local_data_is_uploaded_file_by_file_under_its_digest(stack: cdk.Stack, tmp_path: Path) -> None:
    for name in ("a.csv", "a.json", "deep/b"):
        file = tmp_path / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    TrainingJob(stack, "Training", training=training(channels={"train": Channel(data=str(tmp_path / "data"))}))

    app = stack.node.root
    assert isinstance(app, cdk.App)
    assembly = Path(app.synth().directory)
    assets = json.loads((assembly / "TheirStack.assets.json").read_text())["files"].values()
    keys = {
        destination["objectKey"]: each["source"]["path"]
        for each in assets
        for destination in each["destinations"].values()
        if "/" in destination["objectKey"]
    }
    (prefix,) = {key.partition("/")[0] for key in keys}
    assert {key.partition("/")[2]: (assembly / path).read_text() for key, path in keys.items()} == {
        "a.csv": "a.csv",
        "a.json": "a.json",
        "deep/b": "deep/b",
    }
    assert len(prefix) == 64


@pytest.mark.parametrize(
    ("fields", "again"),
    [
        ({"hyperparameters": {"epochs": "2"}}, True),
        ({"version": "2.5"}, True),
        ({"channels": {"train": Channel(data="s3://data/train/", data_version="2")}}, True),
        ({"max_runtime_seconds": 1200}, False),
    ],
)
def test_what_is_trained_decides_whether_it_is_trained_again(fields: Json, again: bool, tmp_path: Path) -> None:
    def asked(number: int, **given: Any) -> Json:
        stack = cdk.Stack(new_app(tmp_path / str(number)), "Stack", env=FIXED)
        channels = {"train": Channel(data="s3://data/train/", data_version="1")}
        settings = {"channels": channels, "max_runtime_seconds": 900, **given}
        TrainingJob(stack, "Training", training=training(output="s3://results/digits", **settings))
        template = Template.from_stack(stack)
        _, job = only(template, "Custom::SageMakerTrainingJob")
        # As SageMakerJob documents: these do not count.
        left_out = ("RoleArn", "StoppingCondition", "Tags")
        counts = {name: value for name, value in request(template, "TrainingJob").items() if name not in left_out}
        return {"request": counts, "triggers": job["Properties"].get("Triggers")}

    assert (asked(1) != asked(2, **fields)) is again


def test_a_script_that_is_missing_stops_before_anything_is_added(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError, match=r"^TrainingJob: 'entry_point' 'fit\.py' is not in '.*', which has "):
        TrainingJob(stack, "Training", training=training(entry_point="fit.py"))

    assert stack.node.children == []


def test_a_region_without_the_image_is_refused(tmp_path: Path) -> None:
    stack = cdk.Stack(new_app(tmp_path), "Stack", env=cdk.Environment(account="111111111111", region="xx-north-1"))
    with pytest.raises(RegionError, match=r"xx-north-1"):
        TrainingJob(stack, "Training", training=training())


def test_an_artifact_of_settings_says_in_python_what_to_do(stack: cdk.Stack) -> None:
    model = PyTorchModel(artifact="training-job://digits", entry_point="inference.py")

    with pytest.raises(
        InvalidValueError,
        match=r"^artifact: 'artifact' 'training-job://digits' names a training job of a settings file, and is no address "
        r"outside of one; give the 'artifact' of a TrainingJob construct$",
    ):
        InferenceEndpoint(stack, "Endpoint", model=model, instance_type="ml.c6i.large")


def test_a_handler_cannot_be_added_to_what_a_training_job_leaves() -> None:
    with pytest.raises(InvalidValueError, match=r"'source_dir' cannot be added to what a training job leaves; put the"):
        PyTorchModel(artifact="training-job://digits", entry_point="inference.py", source_dir="src")
