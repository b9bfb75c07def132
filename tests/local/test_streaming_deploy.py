"""An API that streams, deployed by `cdk deploy`, called over HTTP; and the tool that streams from its endpoint."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aws_cdk as cdk
import boto3
import gate as gate_module
import pytest
from aws_clients import Aws, client
from botocore.eventstream import EventStreamBuffer
from deployed_apis import Api, deploy
from gate import Gate
from patience import PATIENCE, eventually
from real_cdk import ROOT, bootstrap, run_cdk

from constructs_lib.sagemaker import ApiFront, Endpoint, EndpointApi, IEndpoint
from local_aws.process import LocalAws

EXAMPLE = ROOT / "examples" / "streaming"
HANDLER = """
import os
from gate import Gate
from ts.handler_utils.utils import send_intermediate_predict_response

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body.decode().partition(" ")

def predict_fn(request, model, context):
    what, _, gate = request
    if what == "refuse":
        raise ValueError("no such prompt")
    context.set_response_content_type(0, "text/event-stream")
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", context.get_request_header(0, "Accept"))
    for part in ("one ", "two "):
        send_intermediate_predict_response([part], context.request_ids, "OK", 200, context)
        Gate(gate).enter()
    if what == "break":
        os._exit(3)

def output_fn(prediction, accept):
    return "three"
"""
SETTINGS = """
acknowledged_warnings: ["inference:image-end-of-patch"]
endpoints:
  gated:
    model: {{framework: pytorch, artifact: {model}, entry_point: inference.py}}
    instance_type: ml.c6i.large
    api: {{streaming: true, authorization: none, path: /v1/gated}}
  fragile:
    model: {{framework: pytorch, artifact: {model}, entry_point: inference.py}}
    instance_type: ml.c6i.large
    api: {{streaming: true, authorization: none}}
  brittle:
    model: {{framework: pytorch, artifact: {model}, entry_point: inference.py}}
    instance_type: ml.c6i.large
  writer:
    model: {{framework: pytorch, artifact: {example}/model, entry_point: inference.py}}
    instance_type: ml.c6i.large
    api: {{streaming: true}}
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    directory = tmp_path_factory.mktemp("streaming")
    code = directory / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(HANDLER)
    (code / "gate.py").write_bytes(Path(gate_module.__file__).read_bytes())
    settings = directory / "inference.yaml"
    settings.write_text(SETTINGS.format(model=directory / "model", example=EXAMPLE))
    with LocalAws.start(state=directory / "aws") as server:
        bootstrap(server)
        run_cdk(server, settings, directory / "cdk.out", "deploy", "InferenceStack")
        yield Aws(server)


@pytest.fixture(scope="module")
def api(aws: Aws) -> Callable[[str], Api]:
    (stack,) = aws.cloudformation.describe_stacks(StackName="InferenceStack")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return lambda name: Api(aws=aws, url=outputs[f"{name}ApiUrl"], arn="", key=None)


def ask(api: Api, body: str, **headers: str) -> http.client.HTTPResponse:
    """Send a request, and return as soon as the answer begins."""
    server = urlsplit(api.aws.server.endpoint_url)
    address = urlsplit(api.url)
    path = f"/_aws/execute-api/{address.netloc.partition('.')[0]}{address.path}"
    connection = http.client.HTTPConnection(str(server.hostname), server.port, timeout=PATIENCE)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, {"Content-Type": "text/plain", **given})
    return connection.getresponse()


def invoke(aws: Aws, endpoint: str, request: Path) -> subprocess.Popen[str]:
    """Run the command as a user would, from a shell that local AWS has set up."""
    entry_point = "from constructs_lib.tools.command import main; main()"
    command = [sys.executable, "-c", entry_point, "invoke", str(request), "--endpoint", endpoint, "--stream"]
    environment = {**os.environ, **aws.server.environment()}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def write(directory: Path, text: str) -> Path:
    path = directory / "request.txt"
    path.write_text(text, encoding="utf-8")
    return path


class TestApi:
    def test_the_first_part_arrives_before_the_model_has_made_the_last(
        self, api: Callable[[str], Api], gate: Gate
    ) -> None:
        answer = ask(api("gated"), f"count {gate.directory}", Accept="text/x-mine")
        first = answer.read1(100)
        assert eventually(lambda: gate.waiting == 1)
        gate.open()

        assert (first, answer.read()) == (b"one ", b"two three")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-amzn-invoked-production-variant"] == "AllTraffic"
        assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "text/x-mine"

    def test_what_sagemaker_refuses_has_the_status_that_it_has_without_streaming(
        self, api: Callable[[str], Api]
    ) -> None:
        refused = ask(api("gated"), "count", X_Amzn_SageMaker_Target_Variant="Blue")
        failed = ask(api("gated"), "refuse")

        assert refused.status == 400
        assert json.loads(refused.read()) == {"Message": "Variant Blue not found in endpoint gated."}
        assert (failed.status, failed.headers["content-type"]) == (424, "application/json")
        said = json.loads(failed.read())
        assert (said["OriginalStatusCode"], said["ErrorCode"]) == (500, "SERVER_ERROR_FROM_MODEL")
        assert said["OriginalMessage"].startswith("no such prompt")

    def test_more_than_a_function_takes_is_refused(self, api: Callable[[str], Api]) -> None:
        refused = ask(api("gated"), "x" * 5_000_000)

        assert (refused.status, json.loads(refused.read())) == (413, {"message": "Request Too Long"})

    def test_what_fails_in_the_midst_breaks_the_answer_off(self, api: Callable[[str], Api], gate: Gate) -> None:
        gate.open()

        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(api("fragile"), f"break {gate.directory}").read()

        assert caught.value.partial == b"one two "

    def test_a_function_that_may_not_invoke_shows_the_caller_nothing_and_says_it_in_its_log(
        self, aws: Aws, tmp_path: Path
    ) -> None:
        class Confused(IEndpoint):
            endpoint_name = "gated"
            endpoint_arn = f"arn:aws:sagemaker:us-east-1:{aws.server.account}:endpoint/another"

        def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
            front = ApiFront(authorization="none", streaming=True)
            return {"api": EndpointApi(stack, "Api", endpoint=Confused(), api=front)}

        answer = ask(deploy(aws, tmp_path, define)["api"], "count")

        assert (answer.status, json.loads(answer.read())) == (500, {"message": "Internal server error"})
        groups = [each["logGroupName"] for each in aws.logs.describe_log_groups()["logGroups"]]
        (group,) = (name for name in groups if "/apis-" in name and "StreamLog" in name)
        logged = client(aws.server, "logs").filter_log_events(logGroupName=group)["events"]
        assert any("is not authorized to perform: sagemaker:Invoke" in event["message"] for event in logged)

    def test_an_integration_that_is_no_proxy_passes_the_events_on_as_a_whole(self, aws: Aws, tmp_path: Path) -> None:
        def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
            endpoint = Endpoint.from_endpoint_name(stack, "writer")
            api = EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(authorization="none"))
            method: Any = api.node.find_child("Method")
            method.add_property_override("Integration.Uri", f"{method.integration.uri}-response-stream")
            role: Any = api.node.find_child("IntegrationRole")
            action = "Policies.0.PolicyDocument.Statement.0.Action"
            role.add_property_override(action, "sagemaker:InvokeEndpointWithResponseStream")
            return {"api": api}

        body = (EXAMPLE / "prompt.json").read_bytes()
        answer = deploy(aws, tmp_path, define)["api"].post(body, content_type="application/json")

        events = EventStreamBuffer()
        events.add_data(answer.body)
        read: Any = list(events)
        assert answer.status == 200
        assert read[-1].payload.endswith(b"data: [DONE]\n\n")

    def test_the_example_writes_a_word_at_a_time_for_who_may_call(self, api: Callable[[str], Api], aws: Aws) -> None:
        body = (EXAMPLE / "prompt.json").read_bytes()
        owner = boto3.Session("test", "test", region_name=aws.server.region)

        answer = api("writer").post(body, signer=owner, content_type="application/json")

        assert answer.headers["content-type"] == "text/event-stream"
        *words, end = answer.body.decode().split("\n\n")[:-1]
        assert len(words) == json.loads(body)["words"]
        assert all(word.startswith("data: ") for word in words)
        assert end == "data: [DONE]"
        assert api("writer").post(body).status == 403


class TestTool:
    def test_parts_are_shown_as_they_come(self, aws: Aws, gate: Gate, tmp_path: Path) -> None:
        with invoke(aws, "gated", write(tmp_path, f"count {gate.directory}")) as tool:
            assert tool.stdout is not None
            shown = tool.stdout.read(4)
            assert eventually(lambda: gate.waiting == 1)
            gate.open()
            rest, errors = tool.communicate(timeout=PATIENCE)

        assert (shown, rest, errors, tool.returncode) == ("one ", "two three\n", "", 0)

    def test_an_answer_that_breaks_off_says_so_in_one_line_and_fails(
        self, aws: Aws, gate: Gate, tmp_path: Path
    ) -> None:
        gate.open()

        with invoke(aws, "brittle", write(tmp_path, f"break {gate.directory}")) as tool:
            shown, errors = tool.communicate(timeout=PATIENCE)

        assert (shown, tool.returncode) == ("one two \n", 1)
        assert errors == (
            "inference invoke: 'brittle' broke off: The connection to primary broke off while it sent the inference "
            "response.\n"
        )

    def test_an_endpoint_that_refuses_says_so_in_one_line_and_fails(self, aws: Aws, tmp_path: Path) -> None:
        with invoke(aws, "gated", write(tmp_path, "refuse")) as tool:
            shown, errors = tool.communicate(timeout=PATIENCE)

        assert (shown, tool.returncode) == ("", 1)
        assert errors.startswith("inference invoke: 'gated': the model answers 500: no such prompt")
        assert len(errors.splitlines()) == 1

    def test_the_example_writes_what_it_writes_to_its_api(self, aws: Aws, api: Callable[[str], Api]) -> None:
        owner = boto3.Session("test", "test", region_name=aws.server.region)
        body = (EXAMPLE / "prompt.json").read_bytes()
        with invoke(aws, "writer", EXAMPLE / "prompt.json") as tool:
            shown, _ = tool.communicate(timeout=PATIENCE)

        assert (
            shown.strip()
            == api("writer").post(body, signer=owner, content_type="application/json").body.decode().strip()
        )
