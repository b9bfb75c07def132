"""``InvokeEndpointWithResponseStream``: parts as they are made, and what is said when there are none, or no more."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_clients import Aws, refusal, unique
from botocore.exceptions import EventStreamError
from gate import Gate
from patience import eventually

from local_aws.services.sagemaker import response_stream
from local_aws.services.sagemaker.http_client import Reply
from local_aws.services.sagemaker.invocation import Outcome

PARTS = {"PARTS": "one ,two ,three"}


def stream(aws: Aws, endpoint: str, body: bytes = b"x", **more: Any) -> Any:
    return aws.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=body, **more)


def parts(answer: Any) -> Iterator[bytes]:
    return (event["PayloadPart"]["Bytes"] for event in answer["Body"])


def whole(aws: Aws, endpoint: str, **more: Any) -> bytes:
    return b"".join(parts(stream(aws, endpoint, **more)))


def variant(aws: Aws, environment: dict[str, str], name: str = "main", **more: Any) -> Any:
    model = aws.make_config(environment)  # of the same name
    instances = {} if more else {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return {"VariantName": name, "ModelName": model, **instances, **more}


def make_endpoint(aws: Aws, *variants: Any, **config: Any) -> str:
    name = unique("streamed")
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **config)
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert aws.settle(name)["EndpointStatus"] == "InService"
    return name


def allow(aws: Aws, role: str, action: str, resource: str) -> None:
    """Give an execution role one right more."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="more", PolicyDocument=document)


def metrics(aws: Aws, endpoint: str) -> dict[str, float]:
    """Return the sums of an endpoint's metrics."""
    wanted: Any = [{"Name": "EndpointName", "Value": endpoint}]
    found = aws.cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=wanted)["Metrics"]
    names = [metric["MetricName"] for metric in found]
    assert len(names) == len(set(names))
    return {name: total(aws, name, found[0]["Dimensions"]) for name in names}


def total(aws: Aws, name: str, dimensions: Any) -> float:
    span: Any = {"StartTime": "2000-01-01T00:00:00Z", "EndTime": "2100-01-01T00:00:00Z", "Period": 3600}
    answer = aws.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker", MetricName=name, Dimensions=dimensions, Statistics=["Sum"], **span
    )
    return sum(point["Sum"] for point in answer["Datapoints"])


def test_the_first_part_is_there_before_the_container_has_made_the_next(aws: Aws, gate: Gate) -> None:
    name = aws.make_endpoint({**PARTS, "PARTS_GATE": str(gate.directory)})

    answer = stream(aws, name, ContentType="text/plain", Accept="text/event-stream")
    coming = parts(answer)
    first = next(coming)
    assert eventually(lambda: gate.waiting == 1)
    gate.open()

    assert (first, b"".join(coming)) == (b"one ", b"two three")
    assert answer["ContentType"] == "text/event-stream"
    assert answer["InvokedProductionVariant"] == "main"
    assert answer["CustomAttributes"] == "from-model"


def test_a_container_that_does_not_stream_answers_all_the_same(aws: Aws) -> None:
    name = aws.make_endpoint({"SIZE": "x" * 1000})

    seen = json.loads(whole(aws, name, ContentType="text/csv", Accept="application/json", CustomAttributes="trace=1"))

    assert seen["environment"]["SIZE"] == "x" * 1000
    assert seen["headers"]["accept"] == "application/json"
    assert seen["headers"]["x-amzn-sagemaker-custom-attributes"] == "trace=1"


def test_an_answer_in_parts_is_whole_to_who_does_not_ask_for_a_stream(aws: Aws) -> None:
    name = aws.make_endpoint(PARTS)

    assert aws.runtime.invoke_endpoint(EndpointName=name, Body=b"x")["Body"].read() == b"one two three"


def test_the_variant_is_chosen_as_for_a_whole_answer(aws: Aws) -> None:
    name = make_endpoint(aws, *(variant(aws, {"PARTS": each}, each) for each in ("blue", "green")))

    assert whole(aws, name, TargetVariant="green") == b"green"
    assert stream(aws, name, TargetVariant="blue")["InvokedProductionVariant"] == "blue"
    assert refusal(stream, aws=aws, endpoint=name, TargetVariant="red") == (
        f"ValidationError: Variant red not found in endpoint {name}."
    )


@pytest.mark.parametrize(("mode", "asked"), [("Direct", {"TargetContainerHostname": "last"}), ("Serial", {})])
def test_a_container_of_several_streams(aws: Aws, mode: str, asked: Any) -> None:
    name, image = unique("several"), aws.make_config()
    given = aws.sagemaker.describe_model(ModelName=image)["PrimaryContainer"]
    containers: Any = [{**given, "ContainerHostname": "first"}]
    containers += [{**given, "ContainerHostname": "last", "Environment": PARTS}]
    aws.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=aws.make_role(),
        Containers=containers,
        InferenceExecutionConfig={"Mode": mode},  # type: ignore[typeddict-item]
    )
    endpoint = make_endpoint(aws, variant(aws, {}) | {"ModelName": name})

    assert whole(aws, endpoint, **asked) == b"one two three"


def test_an_inference_component_streams(aws: Aws) -> None:
    name, component = unique("fleet"), unique("ic")
    instances: Any = {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=aws.make_role(), ProductionVariants=[instances]
    )
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    aws.settle(name)
    serves: Any = {"ModelName": aws.make_config(PARTS), "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}}
    aws.sagemaker.create_inference_component(
        InferenceComponentName=component,
        EndpointName=name,
        VariantName="main",
        Specification=serves,
        RuntimeConfig={"CopyCount": 1},
    )

    def is_in_service() -> bool:
        described = aws.sagemaker.describe_inference_component(InferenceComponentName=component)
        return described["InferenceComponentStatus"] == "InService"

    assert eventually(is_in_service)
    assert whole(aws, name, InferenceComponentName=component) == b"one two three"
    assert refusal(stream, aws=aws, endpoint=name).startswith("ValidationError: Inference Component Name header is")


def test_a_serverless_endpoint_is_busy_until_the_answer_has_ended_or_its_caller_has_gone(aws: Aws, gate: Gate) -> None:
    once: Any = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    name = make_endpoint(aws, variant(aws, {**PARTS, "PARTS_GATE": str(gate.directory)}, **once))

    answer = stream(aws, name)
    next(parts(answer))
    assert refusal(stream, aws=aws, endpoint=name).startswith("ThrottlingException: Rate exceeded: variant main has")
    answer["Body"].close()
    gate.open()

    def is_free() -> bool:
        try:
            return whole(aws, name) == b"one two three"
        except aws.runtime.exceptions.ClientError:
            return False

    assert eventually(is_free)


class TestRefusals:
    @pytest.mark.parametrize(("status", "side"), [("500", "server"), ("415", "client")])
    def test_a_model_that_refuses_is_a_model_error(self, aws: Aws, status: str, side: str) -> None:
        name = aws.make_endpoint({"STATUS": status})

        with pytest.raises(aws.runtime.exceptions.ModelError) as caught:
            stream(aws, name)

        answer: Any = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (int(status), "ValueError: no such digit")
        assert answer["Error"]["Message"].startswith(f"Received {side} error ({status}) from primary with message")
        assert metrics(aws, name)["InvocationModelErrors"] == 1

    def test_a_body_of_more_than_six_megabytes_is_refused(self, aws: Aws) -> None:
        name = aws.make_endpoint()

        assert refusal(stream, aws=aws, endpoint=name, body=b"x" * 6_291_457).endswith(
            "Member must have length less than or equal to 6291456"
        )

    def test_an_asynchronous_endpoint_does_not_stream(self, aws: Aws) -> None:
        output = {"OutputConfig": {"S3OutputPath": "s3://models/answers/"}}
        name = make_endpoint(aws, variant(aws, {}), AsyncInferenceConfig=output)

        assert refusal(stream, aws=aws, endpoint=name) == (
            f"ValidationError: Endpoint {name} is an asynchronous inference endpoint: use InvokeEndpointAsync."
        )

    def test_a_multi_model_endpoint_does_not_stream_as_no_request_can_name_the_model(self, aws: Aws) -> None:
        name, many = unique("many"), {"Mode": "MultiModel", "ModelDataUrl": "s3://models/digits/"}
        given = aws.sagemaker.describe_model(ModelName=aws.make_config())["PrimaryContainer"]
        primary: Any = {"Image": given["Image"], **many}
        role = aws.make_role()
        allow(aws, role, "s3:*", "*")
        aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary)
        endpoint = make_endpoint(aws, variant(aws, {}) | {"ModelName": name})

        assert refusal(stream, aws=aws, endpoint=endpoint) == (
            f"ValidationError: Endpoint {endpoint} is a multi-model endpoint and requires target model header."
        )

    def test_the_caller_needs_the_right_to_stream(self, aws: Aws) -> None:
        name = aws.make_endpoint(PARTS)

        def caller(action: str) -> Any:
            arn = f"arn:aws:sagemaker:us-east-1:{aws.server.account}:endpoint/{name}"
            return aws.as_user("sagemaker-runtime", [{"Effect": "Allow", "Action": action, "Resource": arn}])

        may = caller("sagemaker:InvokeEndpointWithResponseStream")
        assert b"".join(parts(may.invoke_endpoint_with_response_stream(EndpointName=name, Body=b"x"))) == (
            b"one two three"
        )
        may_not = caller("sagemaker:InvokeEndpoint").invoke_endpoint_with_response_stream
        assert "is not authorized to perform: sagemaker:InvokeEndpointWithResponseStream on resource" in refusal(
            may_not, EndpointName=name, Body=b"x"
        )


class TestBreakingOff:
    def test_a_container_that_breaks_off_is_an_error_in_the_stream(self, aws: Aws) -> None:
        name = aws.make_endpoint({**PARTS, "BREAK": "yes"})

        coming = parts(stream(aws, name))
        with pytest.raises(EventStreamError) as caught:
            assert b"".join(coming) == b"never"

        assert caught.value.response["Error"]["Code"] == "ModelStreamError"
        assert "broke off while it sent the inference response" in str(caught.value)
        assert eventually(lambda: metrics(aws, name).get("MidStreamErrors") == 1)

    def test_a_container_that_takes_too_long_is_an_error_in_the_stream(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def slow() -> Iterator[bytes]:
            yield b"one "
            raise TimeoutError

        reply = Reply(200, {"content-type": "text/plain"}, b"", slow())
        outcome = Outcome(reply=reply, container_name="primary", log_group="")
        for name in ("check_targets", "send_copies", "publish", "publish_stream"):
            monkeypatch.setattr(response_stream, name, lambda *_, **__: None)
        monkeypatch.setattr(response_stream, "exchange", lambda *_, **__: outcome)
        anything: Any = type("Anything", (), {"name": "main", "concurrency": None})

        status, _, events = response_stream.open_stream(anything, anything, anything, {}, 0.0)

        _, last = list(events)
        assert status == 200
        assert b"ModelStreamError" in last
        assert b"ModelInvocationTimeExceeded" in last
        assert b"Your model primary did not complete sending the inference response in the allotted time." in last


class TestRecords:
    def test_an_answer_in_parts_has_metrics_of_its_own(self, aws: Aws) -> None:
        name = aws.make_endpoint(PARTS)
        assert whole(aws, name) == b"one two three"

        assert eventually(lambda: "MidStreamErrors" in metrics(aws, name))
        found = metrics(aws, name)
        assert (found["Invocations"], found["MidStreamErrors"]) == (1, 0)
        assert found["FirstChunkLatency"] == pytest.approx(
            found["FirstChunkModelLatency"] + found["FirstChunkOverheadLatency"]
        )
        assert 0 < found["FirstChunkModelLatency"] <= found["ModelLatency"]

    def test_an_answer_in_parts_is_captured_as_a_whole(self, aws: Aws) -> None:
        aws.s3.create_bucket(Bucket="streams")
        serving = variant(aws, PARTS)
        role = aws.sagemaker.describe_model(ModelName=serving["ModelName"])["ExecutionRoleArn"]
        allow(aws, role, "s3:PutObject", "arn:aws:s3:::streams/*")
        settings = {"InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://streams/log/"}
        modes = {"CaptureOptions": [{"CaptureMode": "Output"}]}
        name = make_endpoint(aws, serving, DataCaptureConfig={**settings, **modes})

        assert whole(aws, name) == b"one two three"

        def captured() -> list[Any]:
            return aws.s3.list_objects_v2(Bucket="streams").get("Contents", [])

        assert eventually(lambda: len(captured()) == 1)
        line = json.loads(aws.s3.get_object(Bucket="streams", Key=captured()[0]["Key"])["Body"].read())
        output = line["captureData"]["endpointOutput"]
        assert base64.b64decode(output["data"]) == b"one two three"
        assert output["observedContentType"] == "text/event-stream"
