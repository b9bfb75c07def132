"""Asynchronous endpoints: inputs and outputs in S3, topics, the queue and its metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_clients import HOSTING_ACTIONS, IMAGE, Aws, refusal, unique
from gate import Gate
from patience import eventually, looks

BUCKET = "async"


@pytest.fixture(scope="module", autouse=True)
def bucket(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket=BUCKET)
    aws.s3.put_object(Bucket=BUCKET, Key="in/rows.csv", Body=b"1,2\n3,4\n")
    aws.s3.put_object(Bucket=BUCKET, Key="closed/rows.csv", Body=b"1")


def make_role(aws: Aws, *more: dict[str, Any], output: str = "out/*") -> str:
    objects = f"arn:aws:s3:::{BUCKET}"
    statements = [
        {"Effect": "Allow", "Action": HOSTING_ACTIONS, "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": [f"{objects}/in/*", "arn:aws:s3:::models/*"]},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{objects}/{output}"},
        *more,
    ]
    return aws.make_role_of(statements)


def make_endpoint(
    aws: Aws, environment: dict[str, str] | None = None, *, role: str = "", client: Any = None, **output: Any
) -> str:
    name = unique("async")
    container: Any = {"Image": IMAGE, "ModelDataUrl": aws.make_artifact(), "Environment": environment or {}}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role or make_role(aws), PrimaryContainer=container)
    variant: Any = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    settings: Any = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"} | output}
    if client is not None:
        settings["ClientConfig"] = client
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant], AsyncInferenceConfig=settings
    )
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    return name


def send(aws: Aws, endpoint: str, **request: Any) -> dict[str, Any]:
    location = {} if "Body" in request else {"InputLocation": f"s3://{BUCKET}/in/rows.csv"}
    answer: Any = aws.runtime.invoke_endpoint_async(EndpointName=endpoint, **location | request)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    return dict(answer)


def object_at(aws: Aws, location: str) -> bytes:
    """Wait for an object."""
    key = location.removeprefix(f"s3://{BUCKET}/")
    for _ in looks():
        if aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"]:
            return aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    raise AssertionError(f"nothing came to {location}")


def maximum(aws: Aws, endpoint: str, name: str) -> float:
    """Return the highest value of a metric, or -1 when there is none."""
    found = aws.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=name,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
        StartTime="2020-01-01T00:00:00Z",
        EndTime="2100-01-01T00:00:00Z",
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max((point["Maximum"] for point in found), default=-1.0)


class Topics:
    """A success and an error topic, and a queue that hears of both."""

    def __init__(self, aws: Aws) -> None:
        name = unique("topic")
        sns, self._sqs = aws._client("sns"), aws._client("sqs")
        self.success = sns.create_topic(Name=f"{name}-success")["TopicArn"]
        self.error = sns.create_topic(Name=f"{name}-error")["TopicArn"]
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}],
        }
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)})
        for topic in (self.success, self.error):
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    @property
    def configuration(self) -> dict[str, Any]:
        return {"NotificationConfig": {"SuccessTopic": self.success, "ErrorTopic": self.error}}

    @property
    def right(self) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": "sns:Publish", "Resource": [self.success, self.error]}

    def next(self) -> dict[str, Any]:
        """Wait for a message, and return it with the name of its topic."""
        for _ in looks():
            for message in self._sqs.receive_message(QueueUrl=self._url).get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                envelope = json.loads(message["Body"])
                return {"topic": envelope["TopicArn"], **json.loads(envelope["Message"])}
        raise AssertionError("no message came")


def test_the_output_of_an_object_is_written_and_the_success_topic_told(aws: Aws) -> None:
    topics = Topics(aws)
    name = make_endpoint(aws, role=make_role(aws, topics.right), **topics.configuration)

    answer = send(aws, name, ContentType="text/csv", InferenceId="row-7", CustomAttributes="trace=1")

    seen = json.loads(object_at(aws, answer["OutputLocation"]))
    assert answer["InferenceId"] == "row-7"
    assert answer["OutputLocation"].startswith(f"s3://{BUCKET}/out/")
    assert answer["OutputLocation"].endswith(".out")
    assert seen["body"] == 8
    assert seen["headers"]["content-type"] == "text/csv"
    assert seen["headers"]["x-amzn-sagemaker-inference-id"] == "row-7"
    message = topics.next()
    assert message["topic"] == topics.success
    assert (message["invocationStatus"], message["inferenceId"], message["eventName"]) == (
        "Completed",
        "row-7",
        "InferenceResult",
    )
    assert message["requestParameters"] == {
        "contentType": "text/csv",
        "endpointName": name,
        "inputLocation": f"s3://{BUCKET}/in/rows.csv",
    }
    assert message["responseParameters"] == {
        "contentType": "application/json",
        "outputLocation": answer["OutputLocation"],
    }


def test_a_small_input_may_come_with_the_request(aws: Aws) -> None:
    name = make_endpoint(aws)

    answer = send(aws, name, Body=b"123", S3OutputPathExtension="team/a", Filename="mine.json")

    assert answer["OutputLocation"] == f"s3://{BUCKET}/out/team/a/mine.json"
    assert json.loads(object_at(aws, answer["OutputLocation"]))["body"] == 3


def test_a_model_that_refuses_is_told_to_the_failure_path_and_the_error_topic(aws: Aws) -> None:
    topics = Topics(aws)
    role = make_role(aws, topics.right)
    failures = {"S3FailurePath": f"s3://{BUCKET}/out/failed"}
    name = make_endpoint(aws, {"STATUS": "500"}, role=role, **failures, **topics.configuration)

    answer = send(aws, name)

    assert answer["FailureLocation"].startswith(f"s3://{BUCKET}/out/failed/")
    assert object_at(aws, answer["FailureLocation"]) == b"ValueError: no such digit"
    message = topics.next()
    assert (message["topic"], message["invocationStatus"]) == (topics.error, "Failed")
    assert message["failureReason"] == (
        'Received server error (500) from primary with message "ValueError: no such digit"'
    )
    assert maximum(aws, name, "InvocationFailures") == 1.0


@pytest.mark.parametrize(
    ("location", "output", "metric", "reason"),
    [
        ("in/none.csv", "out/*", "RequestDownloadFailures", "there is no such object"),
        ("closed/rows.csv", "out/*", "RequestDownloadFailures", "is not authorized to perform: s3:GetObject"),
        ("in/rows.csv", "elsewhere/*", "ResponseUploadFailures", "is not authorized to perform: s3:PutObject"),
    ],
)
def test_a_request_fails_whose_input_or_output_the_role_cannot_have(
    aws: Aws, location: str, output: str, metric: str, reason: str
) -> None:
    topics = Topics(aws)
    name = make_endpoint(aws, role=make_role(aws, topics.right, output=output), **topics.configuration)

    send(aws, name, InputLocation=f"s3://{BUCKET}/{location}")

    assert reason in topics.next()["failureReason"]
    assert maximum(aws, name, metric) == 1.0


def test_no_more_requests_than_told_are_under_way_at_a_time(aws: Aws, gate: Gate) -> None:
    name = make_endpoint(aws, {"GATE": str(gate.directory)}, client={"MaxConcurrentInvocationsPerInstance": 1})

    answers = [send(aws, name) for _ in range(3)]
    assert eventually(lambda: gate.waiting > 0)
    gate.open()

    assert [json.loads(object_at(aws, answer["OutputLocation"]))["at_once"] for answer in answers] == [1, 1, 1]
    assert maximum(aws, name, "ApproximateBacklogSize") >= 2.0
    assert maximum(aws, name, "ApproximateBacklogSizePerInstance") >= 2.0
    assert maximum(aws, name, "HasBacklogWithoutCapacity") == 0.0


def test_requests_wait_while_there_are_no_instances(aws: Aws) -> None:
    name = make_endpoint(aws)
    scale = aws.sagemaker.update_endpoint_weights_and_capacities
    scale(EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 0}])

    answer = send(aws, name)

    assert maximum(aws, name, "HasBacklogWithoutCapacity") == 1.0
    key = answer["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    assert aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] == 0
    scale(EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 1}])
    assert json.loads(object_at(aws, answer["OutputLocation"]))["body"] == 8


def test_what_waits_is_answered_when_the_endpoint_becomes_a_real_time_one(aws: Aws) -> None:
    name = make_endpoint(aws)
    aws.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 0}]
    )
    answer = send(aws, name)
    config = aws.make_config(role=make_role(aws))

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)

    described = aws.settle(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", config)
    assert "FailureReason" not in described
    assert json.loads(object_at(aws, answer["OutputLocation"]))["body"] == 8
    assert aws.invoke(name)["body"] == 1


def test_each_kind_of_endpoint_has_its_own_operation(aws: Aws) -> None:
    asynchronous, synchronous = make_endpoint(aws), aws.make_endpoint()

    assert refusal(aws.runtime.invoke_endpoint, EndpointName=asynchronous, Body=b"x") == (
        f"ValidationError: Endpoint {asynchronous} is an asynchronous inference endpoint: use InvokeEndpointAsync."
    )
    assert (
        refusal(aws.runtime.invoke_endpoint_async, EndpointName=synchronous, InputLocation=f"s3://{BUCKET}/in/rows.csv")
        == f"ValidationError: Endpoint {synchronous} is not an asynchronous inference endpoint."
    )
    assert refusal(aws.runtime.invoke_endpoint_async, EndpointName=asynchronous) == (
        "ValidationError: Exactly one of InputLocation and Body must be specified."
    )
