"""Inference components with everything around them: deployed, called through their APIs, watched, captured, updated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from aws_clients import Aws
from botocore.exceptions import ClientError
from deployed_apis import Api
from patience import eventually
from stack_deployment import ENV, Deployment

from constructs_lib.sagemaker import Endpoint
from local_aws.process import LocalAws
from stacks.settings import Settings, load_settings

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "inference-components" / "around.yaml"
FLEET, FRAUD, DIGITS = "watched-fleet", "payment-fraud", "image-digits"
ROWS = json.dumps({"instances": [[1.0, 2.0]]}).encode()
JSON = "application/json"
CAPTURED = "amzn-s3-demo-bucket"


@pytest.fixture(scope="module")
def aws(local_aws: LocalAws) -> Aws:
    made = Aws(local_aws)
    made.s3.create_bucket(Bucket=CAPTURED)
    return made


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The example, whose APIs need no signature here, and whose rollouts bear what other tests do to the same metrics."""
    loaded = load_settings(EXAMPLE)
    fleet = loaded.inference_component_endpoints[FLEET]
    components = {
        name: replace(
            each,
            api=each.api and replace(each.api, authorization="none"),
            rollout=each.rollout and replace(each.rollout, max_errors=10**6, max_model_latency_ms=60_000),
        )
        for name, each in fleet.inference_components.items()
    }
    assert fleet.api is not None
    opened = replace(fleet, inference_components=components, api=replace(fleet.api, authorization="none"))
    return replace(loaded, inference_component_endpoints={FLEET: opened})


@pytest.fixture(scope="module")
def fleet(aws: Aws, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    deployment = Deployment(aws, tmp_path_factory.mktemp("fleet"))
    assert deployment.deploy(settings) == "CREATE_COMPLETE", aws.reasons(deployment.name)
    yield deployment
    deployment.delete()


def api(fleet: Deployment, output: str) -> Api:
    (stack,) = fleet.aws.cloudformation.describe_stacks(StackName=fleet.name)["Stacks"]
    (url,) = [each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == output]
    return Api(aws=fleet.aws, url=url, arn="", key=None)


def alarms(aws: Aws, component: str) -> dict[str, Any]:
    """Give the alarms on a component's metrics, by what they compare."""
    own = {"Name": "InferenceComponentName", "Value": component}
    found = [each for each in aws.cloudwatch.describe_alarms()["MetricAlarms"] if own in each.get("Dimensions", [])]
    return {each["MetricName"]: each for each in found if not each["AlarmDescription"].startswith("A rollout")}


def caller(aws: Aws, **targets: list[str]) -> Any:
    """Give a client of a user who was granted what `grant_invoke` grants."""
    stack = cdk.Stack(cdk.App(analytics_reporting=False), "Callers", env=ENV)
    role = iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal())
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{FLEET}"
    Endpoint.from_endpoint_arn(stack, arn).grant_invoke(role, **targets)
    (policy,) = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    return aws.as_user("sagemaker-runtime", policy["Properties"]["PolicyDocument"]["Statement"])


def test_an_api_of_a_component_answers_with_it(fleet: Deployment) -> None:
    image = json.dumps({"instances": [[[0.0] * 8] * 8]}).encode()

    answer = api(fleet, "imagedigitsInferenceComponentApiUrl").post(image, content_type=JSON)

    assert answer.status == 200, answer.body
    assert "digit" in answer.message["predictions"][0]


def test_a_request_cannot_choose_another_component_where_the_api_has_chosen(fleet: Deployment) -> None:
    chosen = {"X-Amzn-SageMaker-Inference-Component": FRAUD}

    answer = api(fleet, "imagedigitsInferenceComponentApiUrl").post(ROWS, content_type=JSON, **chosen)

    assert answer.status == 424, answer.body  # the digits model, which takes no such rows


def test_through_the_api_of_the_endpoint_each_request_names_its_component(fleet: Deployment) -> None:
    front = api(fleet, "watchedfleetApiUrl")

    named = front.post(ROWS, content_type=JSON, **{"X-Amzn-SageMaker-Inference-Component": FRAUD})

    assert (named.status, named.message) == (200, {"predictions": [3.0]})
    unnamed = front.post(ROWS, content_type=JSON)
    assert unnamed.status == 400
    assert "Inference Component Name header is required" in unnamed.message["Message"]


def test_requests_to_components_are_captured(fleet: Deployment) -> None:
    answer = fleet.aws.runtime.invoke_endpoint(
        EndpointName=FLEET, InferenceComponentName=FRAUD, Body=ROWS, ContentType=JSON, InferenceId="row-7"
    )
    assert json.loads(answer["Body"].read()) == {"predictions": [3.0]}

    def captured() -> list[Any]:
        s3, prefix = fleet.aws.s3, f"fleet/{FLEET}/AllTraffic/"
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=CAPTURED, Prefix=prefix).get("Contents", [])]
        lines = [json.loads(s3.get_object(Bucket=CAPTURED, Key=key)["Body"].read()) for key in keys]
        return [line for line in lines if line["eventMetadata"].get("inferenceId") == "row-7"]

    (line,) = captured()
    assert line["captureData"]["endpointInput"]["data"] == ROWS.decode()
    assert json.loads(line["captureData"]["endpointOutput"]["data"]) == {"predictions": [3.0]}


def test_each_component_has_alarms_and_a_place_on_the_dashboards(fleet: Deployment) -> None:
    aws = fleet.aws
    latency = alarms(aws, FRAUD)["ModelLatency"]
    assert (latency["Namespace"], latency["ExtendedStatistic"], latency["Threshold"]) == (
        "AWS/SageMaker",
        "p99",
        500_000,
    )
    assert {"Invocation5XXErrors", "ModelLatency"} < set(alarms(aws, FRAUD))
    bodies = [
        aws.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
        for name in fleet.physical("AWS::CloudWatch::Dashboard")
    ]
    assert len(bodies) == 2  # the endpoint's and the stack's
    for body in bodies:
        drawn = [row for each in json.loads(body)["widgets"] for row in each["properties"].get("metrics", [])]
        assert {row[3] for row in drawn if len(row) > 3 and row[2] == "InferenceComponentName"} == {FRAUD, DIGITS}
        assert latency["AlarmArn"] in body


def test_the_metrics_of_a_component_are_there_under_its_own_dimension(fleet: Deployment) -> None:
    def metrics() -> set[tuple[str, str]]:
        own: Any = [{"Name": "InferenceComponentName", "Value": FRAUD}]
        found = fleet.aws.cloudwatch.list_metrics(Dimensions=own)["Metrics"]
        return {(each["Namespace"], each["MetricName"]) for each in found}

    fleet.aws.runtime.invoke_endpoint(EndpointName=FLEET, InferenceComponentName=FRAUD, Body=ROWS, ContentType=JSON)

    invocations = {"Invocations", "InvocationsPerCopy", "ModelLatency", "Invocation5XXErrors"}
    wanted = {("AWS/SageMaker", name) for name in invocations}
    wanted |= {("/aws/sagemaker/InferenceComponents", f"{name}UtilizationNormalized") for name in ("CPU", "Memory")}
    assert eventually(lambda: wanted <= metrics()), metrics()


def test_a_caller_who_may_ask_one_component_is_refused_another(fleet: Deployment) -> None:
    def ask(client: Any, component: str) -> Any:
        answer = client.invoke_endpoint(
            EndpointName=FLEET, InferenceComponentName=component, Body=ROWS, ContentType=JSON
        )
        return json.loads(answer["Body"].read())["predictions"]

    team = caller(fleet.aws, inference_components=[FRAUD])
    assert ask(team, FRAUD) == [3.0]
    for refused, component in ((team, DIGITS), (caller(fleet.aws), FRAUD)):
        with pytest.raises(ClientError, match=f"InvokeEndpoint on resource: .*inference-component/{component}"):
            ask(refused, component)


def test_an_update_of_a_component_rolls(fleet: Deployment, settings: Settings) -> None:
    aws = fleet.aws
    configured = settings.inference_component_endpoints[FLEET]
    components = dict(configured.inference_components)
    components[DIGITS] = replace(components[DIGITS], min_memory_mb=1100)
    changed = replace(
        settings, inference_component_endpoints={FLEET: replace(configured, inference_components=components)}
    )

    assert fleet.deploy(changed) == "UPDATE_COMPLETE", aws.reasons(fleet.name)

    described = aws.sagemaker.describe_inference_component(InferenceComponentName=DIGITS)
    assert described["Specification"]["ComputeResourceRequirements"]["MinMemoryRequiredInMb"] == 1100
    rolled = described["LastDeploymentConfig"]
    assert rolled["RollingUpdatePolicy"] == {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 120,
    }
    names = [each["AlarmName"] for each in rolled["AutoRollbackConfiguration"]["Alarms"]]
    watched = {each["MetricName"] for each in aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]}
    assert watched == {"Invocation5XXErrors", "ModelLatency"}
    assert "LastDeploymentConfig" not in aws.sagemaker.describe_inference_component(InferenceComponentName=FRAUD)
