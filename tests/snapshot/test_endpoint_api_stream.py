"""An endpoint's API that streams, in templates: the function in between, and what it may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from botocore.model import StructureShape
from syrupy.assertion import SnapshotAssertion

from constructs_lib.sagemaker import ApiFront, AsyncInference, Endpoint, EndpointApi, InferenceEndpoint
from constructs_lib.sagemaker.api.stream import STREAMED_HEADERS
from constructs_lib.serving.models import ContainerModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import InvalidValueError
from local_aws.validation import service_model
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, Json, new_app, only
from tests.snapshot.endpoint_apis import ACCOUNT, DIGITS, conforms, define, method
from tests.snapshot.masked_json import MaskedJson


def function(template: Template) -> Json:
    return dict(only(template, "AWS::Lambda::Function")[1]["Properties"])


def test_the_template_of_the_example_is_as_it_was(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / "streaming" / "inference.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    template = Template.from_stack(stack)

    found = template.to_json()
    for name in template.find_resources("AWS::Lambda::Function"):
        del found["Resources"][name]["Properties"]["Code"]
    assert found == snapshot(extension_class=MaskedJson)


def test_api_gateway_streams_from_a_function(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack, streaming=True)

    synthesized = template()
    integration = method(synthesized)["Integration"]
    function_id, _ = only(synthesized, "AWS::Lambda::Function")
    assert (integration["Type"], integration["ResponseTransferMode"]) == ("AWS_PROXY", "STREAM")
    assert integration["Uri"]["Fn::Join"][1] == [
        "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/",
        {"Fn::GetAtt": [function_id, "Arn"]},
        "/response-streaming-invocations",
    ]
    where = {name: method(synthesized)[name] for name in ("RestApiId", "ResourceId", "HttpMethod")}
    conforms("PutIntegration", where | integration)


@pytest.mark.parametrize(("choices", "seconds"), [({}, 480), ({"timeout": 12}, 12)])
def test_api_gateway_and_the_function_wait_equally_long(
    choices: dict[str, Any], seconds: int, stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack, streaming=True, **choices)

    synthesized = template()
    assert method(synthesized)["Integration"]["TimeoutInMillis"] == seconds * 1000
    assert function(synthesized)["Timeout"] == seconds


def test_the_function_may_invoke_this_endpoint_and_nothing_else(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack, streaming=True, account_log_role=False)

    synthesized = template()
    function_id, _ = only(synthesized, "AWS::Lambda::Function")
    log_id = next(name for name in synthesized.find_resources("AWS::Logs::LogGroup") if "Stream" in name)
    roles = synthesized.find_resources("AWS::IAM::Role").items()
    allowed = {name: role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"] for name, role in roles}
    (integration,) = [each for name, each in allowed.items() if "Integration" in name]
    (streaming,) = [each for name, each in allowed.items() if "Stream" in name]
    function_arn = {"Fn::GetAtt": [function_id, "Arn"]}
    assert integration == [{"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": function_arn}]
    assert streaming == [
        {
            "Action": ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
            "Effect": "Allow",
            "Resource": DIGITS,
        },
        {
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Effect": "Allow",
            "Resource": {"Fn::GetAtt": [log_id, "Arn"]},
        },
    ]


def test_the_function_knows_its_endpoint_and_passes_on_what_is_passed(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    arn = DIGITS.replace("us-east-1", "eu-west-1")
    front = ApiFront(
        streaming=True, passed_headers=("x-amzn-sagemaker-target-variant", "X-Amzn-SageMaker-Target-Model")
    )
    EndpointApi(stack, "Api", endpoint=Endpoint.from_endpoint_arn(stack, arn), api=front)

    properties = function(template())
    variables = properties["Environment"]["Variables"]
    assert variables["ENDPOINT_NAME"] == "digits"
    assert variables["ENDPOINT_REGION"] == "eu-west-1"
    assert json.loads(variables["HEADERS"]) == {
        "content-type": "ContentType",
        "accept": "Accept",
        "x-amzn-sagemaker-target-variant": "TargetVariant",
    }
    assert "INFERENCE_COMPONENT_NAME" not in variables
    assert properties["Runtime"] == "nodejs24.x"
    assert "awslambda.streamifyResponse" in properties["Code"]["ZipFile"]


def test_the_inference_component_of_the_api_is_the_only_one_that_is_asked(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    endpoint = Endpoint.from_endpoint_arn(stack, DIGITS)
    EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(streaming=True), inference_component="chat")

    synthesized = template()
    variables = function(synthesized)["Environment"]["Variables"]
    assert variables["INFERENCE_COMPONENT_NAME"] == "chat"
    assert "InferenceComponentName" not in json.loads(variables["HEADERS"]).values()
    (role,) = [each for name, each in synthesized.find_resources("AWS::IAM::Role").items() if "Stream" in name]
    invoke, _ = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert invoke["Resource"] == [DIGITS, DIGITS.replace("endpoint/digits", "inference-component/chat")]


def test_every_header_that_the_operation_reads_is_passed_on() -> None:
    shape = service_model("sagemaker-runtime").operation_model("InvokeEndpointWithResponseStream").input_shape
    assert isinstance(shape, StructureShape)
    headers = {
        member.serialization["name"]: name
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header"
    }

    own = {"Content-Type": "ContentType", "X-Amzn-SageMaker-Accept": "Accept"}
    assert headers == {**STREAMED_HEADERS, **own}


def test_every_error_that_the_operation_may_answer_with_has_a_status(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack, streaming=True)
    operation = service_model("sagemaker-runtime").operation_model("InvokeEndpointWithResponseStream")
    errors = [error.metadata.get("error", {}).get("httpStatusCode") for error in operation.error_shapes]

    source = function(template())["Code"]["ZipFile"]
    (statuses,) = [line for line in source.splitlines() if line.startswith("const STATUSES")]
    assert all(f"{status}: " in statuses for status in errors if status)


def test_to_stream_makes_another_deployment(tmp_path: Path) -> None:
    def deployed(**choices: Any) -> set[str]:
        app = new_app(tmp_path / str(len(choices)))
        stack = cdk.Stack(app, "S", env=cdk.Environment(account=ACCOUNT, region="us-east-1"))
        define(stack, timeout=29, **choices)
        return set(Template.from_stack(stack).find_resources("AWS::ApiGateway::Deployment"))

    assert deployed() != deployed(streaming=True)


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        (
            {"model": MultiModel(server="pytorch", artifact="s3://amzn-s3-demo-bucket/models/")},
            "'endpoint' SageMaker streams no answers of multi-model endpoints, as no such request can name the model; "
            "leave 'streaming' out",
        ),
        (
            {
                "model": ContainerModel(image="example/mine:1"),
                "async_inference": AsyncInference(output="s3://amzn-s3-demo-bucket/answers/"),
            },
            "'endpoint' puts its answers into S3, and streams none; leave 'streaming' out",
        ),
    ],
    ids=["multi-model", "asynchronous"],
)
def test_fails_on_an_endpoint_that_does_not_stream(choices: dict[str, Any], problem: str, stack: cdk.Stack) -> None:
    endpoint = InferenceEndpoint(stack, "Endpoint", instance_type="ml.c6i.large", **choices)

    with pytest.raises(InvalidValueError) as caught:
        EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(streaming=True))

    assert problem in str(caught.value)
    assert stack.node.try_find_child("Api") is None


def test_fails_with_a_processor_before_anything_is_defined(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError, match="'streaming' passes on what the model sends"):
        define(stack, streaming=True, processor="before")
    assert stack.node.try_find_child("Api") is None
