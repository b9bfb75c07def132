"""The handler of jobs, as CloudFormation and the provider framework call it: what it does, and what it tells."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_jobs import Fault, refusal
from job_faults import begin
from provider_framework import OTHER, REQUEST, World, properties

from constructs_lib.jobs.handler import index

NEO = properties()
ALGORITHM = {"TrainingImage": "image", "TrainingInputMode": "File"}
TRAINING: dict[str, Any] = {
    "AlgorithmSpecification": ALGORITHM,
    "OutputDataConfig": {"S3OutputPath": "s3://results/training"},
    "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    "HyperParameters": {"password": "hunter2-hunter2"},
    "RoleArn": "arn:aws:iam::111111111111:role/training",
}
TRANSFORM: dict[str, Any] = {
    "ModelName": "digits",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://results/in"}}},
    "TransformOutput": {"S3OutputPath": "s3://results/out"},
    "TransformResources": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
}


@pytest.fixture
def world() -> World:
    return World()


def only_job(world: World) -> str:
    (name,) = world.sagemaker.jobs
    return name


def test_a_compilation_gives_its_artifact_and_its_image_in_parts(world: World) -> None:
    answer = world.create(NEO)

    name = only_job(world)
    assert answer.status == "SUCCESS"
    assert answer.physical_id == name
    assert answer.data == {
        "JobName": name,
        "JobArn": f"arn:aws:sagemaker:us-east-1:111111111111:job/{name}",
        "ArtifactKey": f"{name}/model.tar.gz",
        "ImageAccount": "785573368785",
        "ImageRegion": "us-east-1",
        "ImageDomain": "amazonaws.com",
        "ImageRepository": "sagemaker-inference-pytorch",
        "ImageTag": "1.13-cpu-py3",
    }


def test_a_training_gives_its_model(world: World) -> None:
    answer = world.create(properties(TRAINING, "TrainingJob"))

    assert answer.data["ArtifactKey"] == f"{only_job(world)}/model.tar.gz"


def test_a_batch_transform_gives_where_its_answers_are(world: World) -> None:
    assert world.create(properties(TRANSFORM, "TransformJob")).data["Output"] == "s3://results/out"


def test_a_job_has_a_readable_name_that_sagemaker_takes(world: World) -> None:
    world.create(NEO)  # the fake holds it against SageMaker's own pattern

    assert only_job(world).startswith("stack-digits-")


def test_a_job_is_tagged_with_its_request_beside_its_own_tags(world: World) -> None:
    world.create(properties({"Tags": [{"Key": "team", "Value": "vision"}]}))

    tags = world.sagemaker.jobs[only_job(world)].request["Tags"]
    assert tags == [{"Key": "team", "Value": "vision"}, {"Key": index.REQUEST_TAG, "Value": "request-0"}]


def test_another_request_is_another_job_and_replaces_the_resource(world: World) -> None:
    first = world.create(NEO)

    second = world.update(OTHER)

    assert second.status == "SUCCESS"
    assert second.physical_id != first.physical_id
    assert len(world.sagemaker.jobs) == 2


def test_a_compilation_does_not_write_over_another(world: World) -> None:
    world.create(NEO)
    world.update(OTHER)

    outputs = {name: job.request["OutputConfig"]["S3OutputLocation"] for name, job in world.sagemaker.jobs.items()}
    assert outputs == {name: f"s3://results/neo/{name}" for name in outputs}


def test_another_trigger_is_another_job(world: World) -> None:
    world.create(properties(Triggers='{"data": "2026-11-01"}'))

    world.update(properties(Triggers='{"data": "2026-11-02"}'))

    assert len(world.sagemaker.jobs) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"RoleArn": "arn:aws:iam::111111111111:role/other"},
        {"StoppingCondition": {"MaxRuntimeInSeconds": 1800}},
        {"Tags": [{"Key": "team", "Value": "vision"}]},
        {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
        {"ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50}},
        {"EnableManagedSpotTraining": True, "CheckpointConfig": {"S3Uri": "s3://results/checkpoints"}},
        {"EnableInterContainerTrafficEncryption": True},
        {"AlgorithmSpecification": {**ALGORITHM, "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}]}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_result_does_not_depend_on_runs_no_job_again(world: World, change: dict[str, Any]) -> None:
    before = world.create(properties(TRAINING, "TrainingJob"))

    assert world.update(properties({**TRAINING, **change}, "TrainingJob")) == before
    assert len(world.sagemaker.jobs) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"HyperParameters": {"epochs": "4"}},
        {"AlgorithmSpecification": {"TrainingImage": "another", "TrainingInputMode": "File"}},
        {"Environment": {"SEED": "2"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_result_depends_on_runs_another_job(world: World, change: dict[str, Any]) -> None:
    world.create(properties(TRAINING, "TrainingJob"))

    assert world.update(properties({**TRAINING, **change}, "TrainingJob")).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 2


def test_an_update_that_changes_nothing_calls_sagemaker_once(world: World) -> None:
    world.create(NEO)
    world.sagemaker.calls.clear()

    assert world.update(properties(WaitSeconds="600")).status == "SUCCESS"
    assert world.sagemaker.calls == ["describe_compilation_job"]


def test_the_same_request_written_otherwise_is_the_same(world: World) -> None:
    world.create(NEO)
    reordered = json.dumps(dict(reversed(REQUEST.items())), indent=1)

    world.update({**NEO, "Request": reordered})

    assert len(world.sagemaker.jobs) == 1


def test_two_resources_that_want_the_same_have_a_job_each(world: World) -> None:
    other = World(clock=world.clock)
    other.sagemaker = world.sagemaker
    event = world.event("Create", NEO)

    for whose in ({}, {"LogicalResourceId": "Another"}, {"StackId": "arn:of-another-stack-of-the-same-name"}):
        world.settle(world.begin({**event, **whose}))

    assert len(world.sagemaker.jobs) == 3


def test_a_job_that_fails_says_why_and_where_to_look(world: World) -> None:
    world.sagemaker.outcome = "Failed"

    answer = world.create(NEO)

    assert answer.reason == (
        f"CompilationJob '{only_job(world)}' ended as FAILED: ClientError: the archive has no model; see "
        "https://us-east-1.console.aws.amazon.com/sagemaker/home?region=us-east-1#/compilation-jobs/"
        f"{only_job(world)}"
    )


def test_a_long_reason_leaves_room_for_the_link(world: World) -> None:
    world.sagemaker.outcome, world.sagemaker.reason = "Failed", "x" * 1024

    answer = world.create(properties(TRAINING, "TrainingJob"))

    assert len(answer.reason) < 1000
    assert answer.reason.endswith(f"#/jobs/{only_job(world)}")


@pytest.mark.parametrize(
    ("region", "domain"), [("cn-north-1", "amazonaws.cn"), ("us-gov-west-1", "amazonaws-us-gov.com")]
)
def test_the_link_is_the_partitions(world: World, region: str, domain: str) -> None:
    world.handler._region = region
    world.sagemaker.outcome = "Failed"

    assert f"see https://{region}.console.{domain}/sagemaker/" in world.create(NEO).reason


def test_a_job_that_is_wanted_no_more_is_stopped(world: World) -> None:
    world.sagemaker.duration = 3000
    waiting = begin(world)
    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO

    assert world.delete().status == "SUCCESS"
    assert world.sagemaker.jobs[only_job(world)].status(world.clock.now) == "Stopped"


def test_a_finished_job_is_left_alone_by_its_deletion(world: World) -> None:
    world.create(NEO)
    world.sagemaker.calls.clear()

    assert world.delete().status == "SUCCESS"
    assert not [call for call in world.sagemaker.calls if call.startswith("stop")]


def test_a_job_longer_than_an_hour_is_waited_for_by_the_next_resource(world: World) -> None:
    world.sagemaker.duration = 5000

    first = world.create({**NEO, "Continues": "true"})
    assert first.status == "SUCCESS"
    assert world.sagemaker.running() == [only_job(world)]

    waits = {"Kind": "CompilationJob", "JobName": first.data["JobName"], "WaitSeconds": "3300"}
    second = world.settle(world.begin(world.event("Create", waits)))
    assert second.status == "SUCCESS"
    assert second.physical_id == "Compilation"
    assert second.data["ArtifactKey"] == f"{only_job(world)}/model.tar.gz"


def test_a_wait_is_deleted_without_a_call(world: World) -> None:
    waits = {"Kind": "CompilationJob", "JobName": "gone", "WaitSeconds": "3300"}

    assert world.settle(world.begin(world.event("Delete", waits))).status == "SUCCESS"
    assert world.sagemaker.calls == []


def test_a_wait_for_a_job_that_fails_says_why(world: World) -> None:
    world.sagemaker.duration, world.sagemaker.outcome = 5000, "Failed"
    name = world.create({**NEO, "Continues": "true"}).data["JobName"]
    waits = {"Kind": "CompilationJob", "JobName": name, "WaitSeconds": "3300"}

    answer = world.settle(world.begin(world.event("Create", waits)))

    assert "ended as FAILED: ClientError: the archive has no model" in answer.reason


def test_the_log_has_one_line_of_json_for_each_step_and_no_secret(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.create(properties(TRAINING, "TrainingJob"))

    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    link = f"https://us-east-1.console.aws.amazon.com/sagemaker/home?region=us-east-1#/jobs/{only_job(world)}"
    assert [line["event"] for line in lines] == ["started", "completed"]
    assert {line["console"] for line in lines} == {link}
    assert "hunter2" not in printed


def test_the_answer_has_no_secret(world: World) -> None:
    assert "hunter2" not in str(world.create(properties(TRAINING, "TrainingJob")))


def test_a_refused_request_is_told_at_once_and_nothing_is_left(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(refusal("ValidationException", "TargetDevice ml_x is not supported"))]
    began = world.clock.now

    answer = world.create(NEO)

    assert answer.reason == (
        f"CompilationJob '{answer.physical_id}' could not be started: An error occurred (ValidationException) when calling "
        "the Operation operation: TargetDevice ml_x is not supported"
    )
    assert world.clock.now == began
    assert world.sagemaker.jobs == {}


def test_the_functions_need_nothing_but_what_lambda_has() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(index.__file__).parent.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}

    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {"boto3", "botocore"}


def test_the_functions_make_their_clients_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    event = {**World().event("Delete", NEO), "ResourceProperties": {**NEO, "JobName": "waited-for"}}

    begun = index.on_event(event, None)

    assert index.is_complete({**event, **begun}, None) == {"IsComplete": True}
