"""An endpoint's API on local AWS: deployed by CloudFormation, and called over HTTP as on AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import boto3
import pytest
from aws_clients import Aws, client, unique
from deployed_apis import Api, deploy, put_model, user
from gate import Gate
from real_cdk import CDK, ROOT, bootstrap

from constructs_lib.sagemaker.api.endpoint_api import EndpointApi
from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.endpoint import Endpoint, IEndpoint
from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from constructs_lib.sagemaker.permissions import trust_policy
from constructs_lib.serving.models import PyTorchModel
from examples.digits.predict import read_rows
from local_aws.process import LocalAws

BINARY = bytes(range(256)) * 8
EXAMPLES = [
    ("application/json", b'{"instances": [[1.0, 2.0]], "name": "\xc3\xa9"}'),
    ("text/csv", b"1.0,2.0\n3.0,4.0\n"),
    ("application/x-npy", BINARY),
]


@pytest.fixture(scope="module")
def served(local_aws: LocalAws) -> Aws:
    """Local AWS with its real hosting."""
    return Aws(local_aws)


@pytest.fixture(scope="module")
def apis(served: Aws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Api]:
    """One endpoint with an API per kind of authorization."""

    artifact = put_model(served, tmp_path_factory.mktemp("echo"))

    def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
        model = PyTorchModel(artifact=artifact)
        endpoint = InferenceEndpoint(stack, "Echo", model=model, instance_type="ml.c6i.large", endpoint_name="Echo")
        fronts = {
            "iam": ApiFront(),
            "key": ApiFront(authorization="api_key", path="/v1/predict", requests_per_day=2),
            "open": ApiFront(authorization="none"),
            "hasty": ApiFront(authorization="none", timeout=1),
            "slow": ApiFront(authorization="none", rate_limit=0.001, burst_limit=1),
        }
        return {name: EndpointApi(stack, name, endpoint=endpoint, api=front) for name, front in fronts.items()}

    return deploy(served, tmp_path_factory.mktemp("apis"), define)


@pytest.fixture
def owner(served: Aws) -> boto3.Session:
    """The account's own credentials."""
    return boto3.Session("test", "test", region_name=served.server.region)


@pytest.mark.parametrize(("content_type", "body"), EXAMPLES, ids=[kind for kind, _ in EXAMPLES])
def test_json_csv_and_binary_reach_the_model_and_come_back_byte_for_byte(
    content_type: str, body: bytes, apis: dict[str, Api]
) -> None:
    answer = apis["open"].post(body, content_type=content_type, Accept=content_type)

    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["content-type"].partition(";")[0] == content_type
    assert answer.headers["x-amzn-invoked-production-variant"] == "AllTraffic"


def test_the_url_is_that_of_aws(apis: dict[str, Api]) -> None:
    assert apis["key"].url.endswith(".execute-api.us-east-1.amazonaws.com/prod/v1/predict")


def test_who_was_granted_the_call_may_call_and_nobody_else(
    apis: dict[str, Api], served: Aws, owner: boto3.Session
) -> None:
    api = apis["iam"]

    assert api.post(b"1,2", signer=owner).body == b"1,2"
    assert api.post(b"1,2", signer=user(served, api.arn)).status == 200
    unsigned = api.post(b"1,2")
    assert (unsigned.status, unsigned.message) == (403, {"message": "Missing Authentication Token"})
    other = api.post(b"1,2", signer=user(served, api.arn.replace("POST", "GET")))
    assert other.status == 403
    assert "is not authorized to perform: execute-api:Invoke" in other.body.decode()


def test_without_the_key_or_with_another_or_beyond_its_quota_a_request_is_refused(apis: dict[str, Api]) -> None:
    api = apis["key"]
    assert api.key is not None

    for wrong in ({}, {"x_api_key": "another"}):
        refused = api.post(b"1,2", **wrong)
        assert (refused.status, refused.message) == (403, {"message": "Forbidden"})
    assert [api.post(b"1,2", x_api_key=api.key).status for _ in range(3)] == [200, 200, 429]


def test_an_error_of_the_handler_is_sagemakers_model_error(apis: dict[str, Api]) -> None:
    answer = apis["open"].post(b"fail")

    assert answer.status == 424
    assert answer.message["OriginalStatusCode"] == 500
    assert "no such digit" in answer.message["OriginalMessage"]
    assert answer.headers["content-type"] == "application/json"


def test_a_model_that_is_too_slow_is_a_timeout_of_the_gateway(apis: dict[str, Api], gate: Gate) -> None:
    answer = apis["hasty"].post(f"gate {gate.directory}".encode())

    assert (answer.status, answer.message) == (504, {"message": "Endpoint request timed out"})


def test_a_request_without_a_content_type_is_refused(apis: dict[str, Api]) -> None:
    answer = apis["open"].post(b"1,2", content_type=None)

    assert answer.status == 400
    assert answer.message == {"message": "Missing required request parameters: [Content-Type]"}


def test_a_request_for_a_variant_that_the_endpoint_lacks_is_refused_by_sagemaker(apis: dict[str, Api]) -> None:
    answer = apis["open"].post(b"1,2", X_Amzn_SageMaker_Target_Variant="Blue")

    assert (answer.status, answer.message) == (400, {"Message": "Variant Blue not found in endpoint Echo."})


def test_requests_beyond_the_rate_are_refused(apis: dict[str, Api]) -> None:
    assert [apis["slow"].post(b"1,2").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(("size", "status"), [(6 * 1024**2, 200), (6 * 1024**2 + 1, 400), (10 * 1024**2 + 1, 413)])
def test_a_body_may_have_the_size_that_sagemaker_takes(size: int, status: int, apis: dict[str, Api]) -> None:
    assert apis["iam"].post(b"1" * size, signer=boto3.Session("test", "test")).status == status


def test_the_logs_of_the_stage_go_to_a_group_of_the_stack(apis: dict[str, Api], served: Aws) -> None:
    api_id = apis["iam"].url.removeprefix("https://").partition(".")[0]
    stage = client(served.server, "apigateway").get_stage(restApiId=api_id, stageName="prod")
    groups = {group["arn"]: group for group in served.logs.describe_log_groups()["logGroups"]}

    (arn,) = [arn for arn in groups if arn.startswith(stage["accessLogSettings"]["destinationArn"].removesuffix(":*"))]
    assert groups[arn]["retentionInDays"] == 30
    assert "$context.requestId" in stage["accessLogSettings"]["format"]


def test_a_stage_follows_its_endpoint_to_another_name_without_another_deployment(
    apis: dict[str, Api], served: Aws, tmp_path: Path
) -> None:
    name = unique("renamed")
    deployments = set()
    for target in ("Nobody", "Echo"):
        app = cdk.App(outdir=str(tmp_path / target), analytics_reporting=False)
        stack = cdk.Stack(
            app,
            name,
            env=cdk.Environment(account=served.server.account, region=served.server.region),
            synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        endpoint = Endpoint.from_endpoint_name(stack, target)
        api = EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(authorization="none"))
        cdk.CfnOutput(stack, "Url", value=api.url)
        app.synth()
        template = json.loads((tmp_path / target / f"{name}.template.json").read_text())
        (output,) = served.put_stack(name, template)["Outputs"]
        found = Api(aws=served, url=output["OutputValue"], arn="", key=None)
        deployments |= {key for key, part in template["Resources"].items() if part["Type"].endswith("::Deployment")}
        answer = found.post(b"1,2")
        assert answer.status == (400 if target == "Nobody" else 200)
    assert len(deployments) == 1


def test_the_examples_are_deployed_and_called_as_their_readme_says(tmp_path: Path) -> None:
    with LocalAws.start(state=tmp_path / "aws") as running:
        environment = {**os.environ, **running.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"}

        def run(*command: str | Path) -> str:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        def use_cdk(settings: str, *arguments: str) -> None:
            context = ["-c", f"settings={settings}", "--output", str(tmp_path / "cdk.out"), "--no-notices"]
            run(CDK, *arguments, *context)

        def deployed(settings: str) -> str:
            use_cdk(settings, "deploy", "InferenceStack")
            stack = aws.cloudformation.describe_stacks(StackName="InferenceStack")["Stacks"][0]
            (url,) = [each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "digitsApiUrl"]
            return url

        aws = Aws(running)
        bootstrap(running)
        assert run(sys.executable, "examples/api/call.py", deployed("examples/api/inference.yaml")).startswith("a 1: ")

        owner = boto3.Session("test", "test", region_name=running.region)
        processed = Api(aws=aws, url=deployed("examples/api/processor.yaml"), arn="", key=None)
        row = read_rows(limit=1)[0]
        answer = processed.post(
            json.dumps({"pixels": row.pixels}).encode(), signer=owner, content_type="application/json"
        )
        assert (answer.status, answer.message) == (200, {"digit": row.label})
        refused = processed.post(b"no pixels", signer=owner)
        assert (refused.status, refused.message) == (400, {"message": 'send {"pixels": [64 numbers from 0 to 16]}'})

        use_cdk("examples/api/processor.yaml", "destroy", "InferenceStack", "--force")
        assert client(aws.server, "apigateway").get_rest_apis()["items"] == []


class TestWhatIsBehindIt:
    def test_an_imported_endpoint_is_called_by_its_name(
        self, apis: dict[str, Api], served: Aws, tmp_path: Path
    ) -> None:
        def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
            endpoint = Endpoint.from_endpoint_name(stack, "Echo")
            return {"api": EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(authorization="none"))}

        assert deploy(served, tmp_path, define)["api"].post(b"1,2").body == b"1,2"

    def test_a_role_that_may_invoke_another_endpoint_alone_shows_the_caller_nothing(
        self, apis: dict[str, Api], served: Aws, tmp_path: Path
    ) -> None:
        class Confused(IEndpoint):
            endpoint_name = "Echo"
            endpoint_arn = f"arn:aws:sagemaker:us-east-1:{served.server.account}:endpoint/another"

        def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
            return {"api": EndpointApi(stack, "Api", endpoint=Confused(), api=ApiFront(authorization="none"))}

        answer = deploy(served, tmp_path, define)["api"].post(b"1,2")
        assert (answer.status, answer.message) == (500, {"message": "Internal server error"})

    def test_without_binary_media_types_what_is_no_text_would_be_broken(
        self, apis: dict[str, Api], served: Aws, tmp_path: Path
    ) -> None:
        def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
            endpoint = Endpoint.from_endpoint_name(stack, "Echo")
            api = EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(authorization="none"))
            api.node.find_child("Resource").binary_media_types = []  # type: ignore[attr-defined]
            return {"api": api}

        text_only = deploy(served, tmp_path, define)["api"]
        assert text_only.post(b"1,2").body == b"1,2"
        assert text_only.post(BINARY, content_type="application/x-npy").body != BINARY

    def test_a_role_that_api_gateway_may_not_take_on_is_a_wrong_configuration(
        self, apis: dict[str, Api], served: Aws, tmp_path: Path
    ) -> None:
        def define(stack: cdk.Stack) -> dict[str, EndpointApi]:
            endpoint = Endpoint.from_endpoint_name(stack, "Echo")
            api = EndpointApi(stack, "Api", endpoint=endpoint, api=ApiFront(authorization="none"))
            role = api.node.find_child("IntegrationRole")
            role.assume_role_policy_document = trust_policy("lambda.amazonaws.com")  # type: ignore[attr-defined]
            return {"api": api}

        answer = deploy(served, tmp_path, define)["api"].post(b"1,2")
        assert (answer.status, answer.message) == (500, {"message": "Internal server error"})
