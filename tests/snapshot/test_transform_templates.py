"""Batch transforms in templates."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from constructs_lib.jobs.batch_transform import BatchTransform
from constructs_lib.jobs.transform import Transform
from constructs_lib.sagemaker.model import Model
from constructs_lib.serving.models import OnnxModel
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import MODEL, only
from tests.snapshot.jobs_in_templates import KEY, allowed, request


def transform(**fields: Any) -> Transform:
    return Transform(**{"input": "s3://incoming/images/", "instance_type": "ml.c6i.large", **fields})


def digits() -> OnnxModel:
    return OnnxModel(artifact=MODEL, entry_point="inference.py")


def test_a_batch_transform_makes_a_model_that_may_read_its_input_and_write_its_output(stack: cdk.Stack) -> None:
    made = BatchTransform(
        stack, "Scores", model=digits(), transform=transform(output="s3://answers/x", output_kms_key_arn=KEY)
    )

    template = Template.from_stack(stack)
    found = allowed(template, "ScoresModel")
    assert {"Action": "s3:GetObject", "Effect": "Allow", "Resource": "arn:aws:s3:::incoming/images/*"} in found
    assert {
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
        "Effect": "Allow",
        "Resource": "arn:aws:s3:::answers/x/*",
    } in found
    assert {
        "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        "Effect": "Allow",
        "Resource": KEY,
    } in found
    assert any("log-group:/aws/sagemaker/TransformJobs" in str(each) for each in found)
    assert "/aws/sagemaker/Endpoints" not in str(found)
    assert request(template, "TransformJob")["TransformOutput"]["S3OutputPath"] == "s3://answers/x"
    assert made.job is not None
    template.resource_count_is("AWS::Events::Rule", 0)


def test_a_batch_transform_asks_a_model_that_is_there(stack: cdk.Stack) -> None:
    model = Model(stack, "Model", model=digits(), instance_type="ml.c6i.large")
    BatchTransform(stack, "Scores", model=model, transform=transform())

    template = Template.from_stack(stack)
    template.resource_count_is("AWS::SageMaker::Model", 1)
    assert any("s3:::incoming/images/*" in str(each) for each in allowed(template, "Model"))
    assert any("log-group:/aws/sagemaker/TransformJobs" in str(each) for each in allowed(template, "Model"))


def test_a_batch_transform_asks_an_imported_model(stack: cdk.Stack) -> None:
    BatchTransform(stack, "Scores", model=Model.from_model_name("theirs"), transform=transform(output="s3://answers/x"))

    template = Template.from_stack(stack)
    template.resource_count_is("AWS::SageMaker::Model", 0)
    assert request(template, "TransformJob")["ModelName"] == "theirs"


def test_model_data_that_is_not_compressed_is_refused_in_every_form(stack: cdk.Stack) -> None:
    uncompressed = OnnxModel(artifact="s3://models/digits/")
    text = (
        "BatchTransform: 'model.artifact' 's3://models/digits/' is a prefix of uncompressed files, which batch transform "
        "does not take; give a .tar.gz"
    )
    with pytest.raises(InvalidValueError) as by_value:
        BatchTransform(stack, "Scores", model=uncompressed, transform=transform())
    assert str(by_value.value) == text
    model = Model(stack, "Model", model=uncompressed, instance_type="ml.c6i.large")
    with pytest.raises(InvalidValueError) as by_construct:
        BatchTransform(stack, "Scores", model=model, transform=transform())
    assert str(by_construct.value) == text


def test_what_runs_by_events_alone_has_no_job_and_nothing_that_waits_for_one(stack: cdk.Stack) -> None:
    made = BatchTransform(
        stack,
        "Scores",
        model=digits(),
        transform=transform(output="s3://answers/x", on_deploy=False, on_new_objects=True, schedule="rate(1 day)"),
    )

    template = Template.from_stack(stack)
    assert made.job is None
    assert made.output == "s3://answers/x"
    assert not [each for each in template.to_json()["Resources"].values() if each["Type"].startswith("Custom::")]
    template.has_resource_properties("AWS::Events::Rule", {"ScheduleExpression": "rate(1 day)"})
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": ["incoming"]}, "object": {"key": [{"prefix": "images/"}]}},
            }
        },
    )
    template.resource_count_is("AWS::Lambda::Function", 1)
    (role,) = [each for name, each in template.find_resources("AWS::IAM::Role").items() if "Starter" in name]
    create, receive, logs = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert create == {
        "Action": "sagemaker:CreateTransformJob",
        "Effect": "Allow",
        "Resource": "arn:aws:sagemaker:us-east-1:111111111111:transform-job/theirstack-scores-*",
    }
    assert receive["Action"] == ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    assert logs["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]


def test_events_wait_in_a_queue_that_eventbridge_alone_may_fill_until_their_job_is_taken(stack: cdk.Stack) -> None:
    BatchTransform(
        stack,
        "Scores",
        model=digits(),
        transform=transform(output="s3://answers/x", on_deploy=False, on_new_objects=True, schedule="rate(1 day)"),
    )

    template = Template.from_stack(stack)
    queues = template.find_resources("AWS::SQS::Queue")
    ((name, queue),) = [each for each in queues.items() if "RedrivePolicy" in each[1]["Properties"]]
    ((refused, _),) = [each for each in queues.items() if each[0] != name]
    arn = {"Fn::GetAtt": [name, "Arn"]}
    assert queue["Properties"]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [refused, "Arn"]},
        "maxReceiveCount": 1000,
    }
    rules = template.find_resources("AWS::Events::Rule")
    assert [each["Properties"]["Targets"] for each in rules.values()] == [[{"Arn": arn, "Id": "Queue"}]] * 2
    _, policy = only(template, "AWS::SQS::QueuePolicy")
    send = policy["Properties"]["PolicyDocument"]["Statement"][1]
    assert (send["Principal"], send["Resource"]) == ({"Service": "events.amazonaws.com"}, arn)
    allowed_rules = send["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert allowed_rules == [{"Fn::GetAtt": [rule, "Arn"]} for rule in rules]
    _, mapping = only(template, "AWS::Lambda::EventSourceMapping")
    assert (mapping["Properties"]["EventSourceArn"], mapping["Properties"]["BatchSize"]) == (arn, 1)
    _, function = only(template, "AWS::Lambda::Function")
    # Lambda refuses a queue whose messages come back while the function still has them.
    assert queue["Properties"]["VisibilityTimeout"] >= 6 * function["Properties"]["Timeout"]


def test_local_input_that_is_missing_stops_before_anything_is_added(stack: cdk.Stack) -> None:
    with pytest.raises(
        InvalidValueError, match=r"^BatchTransform: 'input' nowhere: does not exist; give the directory"
    ):
        BatchTransform(stack, "Scores", model=digits(), transform=transform(input="nowhere"))

    assert stack.node.children == []
