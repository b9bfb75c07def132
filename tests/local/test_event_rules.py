"""EventBridge on local AWS: new S3 objects start jobs, and schedules are kept."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from aws_clients import Aws, unique
from batches import BUCKET, Batches
from patience import eventually

from local_aws.process import LocalAws

STARTER = """
import json, os
import boto3

def start(event, context):
    request = json.loads(os.environ["REQUEST"])
    source = f"s3://{event['detail']['bucket']['name']}/{event['detail']['object']['key']}"
    request["TransformInput"]["DataSource"] = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}}
    boto3.client("sagemaker").create_transform_job(TransformJobName="event-" + event["id"], **request)
"""


@pytest.fixture(scope="module")
def batches(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Batches:
    return Batches(Aws(local_aws), tmp_path_factory.mktemp("events"))


def make_starter(batches: Batches, name: str) -> str:
    """Create a Lambda function that transforms the object of an event, and return its ARN."""
    iam = batches.aws.iam
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    rights = {"Effect": "Allow", "Action": "sagemaker:CreateTransformJob", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=document)
    request = {
        "ModelName": batches.model,
        "TransformInput": {"ContentType": "text/csv"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out/{batches.prefix}"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", STARTER)
    function: Any = {
        "FunctionName": name,
        "Runtime": "python3.13",
        "Handler": "index.start",
        "Role": role,
        "Code": {"ZipFile": packed.getvalue()},
        "Environment": {"Variables": {"REQUEST": json.dumps(request)}},
        "Timeout": 60,
    }
    return str(batches.aws._client("lambda").create_function(**function)["FunctionArn"])


def test_a_new_object_below_a_prefix_starts_a_job(batches: Batches) -> None:
    name = batches.prefix = unique("events")
    events = batches.aws._client("events")
    batches.aws.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    detail = {"bucket": {"name": [BUCKET]}, "object": {"key": [{"prefix": f"{name}/new/"}]}}
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": make_starter(batches, name)}])

    batches.put(**{"other__a.csv": "1", "new__b.csv": "2,3"})

    assert eventually(lambda: bool(batches.outputs()))
    assert batches.outputs() == {"b.csv.out": b"10.0"}


def test_a_schedule_is_kept(batches: Batches) -> None:
    name = unique("schedule")
    events = batches.aws._client("events")

    events.put_rule(Name=name, ScheduleExpression="cron(0 3 * * ? *)")

    rule = events.describe_rule(Name=name)
    assert (rule["ScheduleExpression"], rule["State"]) == ("cron(0 3 * * ? *)", "ENABLED")
