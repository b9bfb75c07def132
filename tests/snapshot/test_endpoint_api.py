"""An endpoint's API in templates: who may call it, what it passes on, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import ApiFront, Endpoint, EndpointApi
from constructs_lib.serving.problems import InvalidValueError
from local_aws.validation import service_model
from tests.snapshot.conftest import new_app, only
from tests.snapshot.endpoint_apis import ACCOUNT, DIGITS, define, method


def deployments(template: Template) -> set[str]:
    return set(template.find_resources("AWS::ApiGateway::Deployment"))


def test_the_method_invokes_the_endpoint_without_a_function(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack)

    synthesized = template()
    integration = method(synthesized)["Integration"]
    assert integration["Type"] == "AWS"
    assert integration["IntegrationHttpMethod"] == "POST"
    assert integration["Uri"] == (
        "arn:aws:apigateway:us-east-1:runtime.sagemaker:path/endpoints/${stageVariables.endpoint}/invocations"
    )
    synthesized.has_resource_properties("AWS::ApiGateway::Stage", {"Variables": {"endpoint": "digits"}})
    synthesized.resource_count_is("AWS::Lambda::Function", 0)


def test_api_gateway_may_invoke_this_endpoint_and_nothing_else(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack, account_log_role=False)

    _, role = only(template(), "AWS::IAM::Role")
    (policy,) = role["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Action": "sagemaker:InvokeEndpoint", "Effect": "Allow", "Resource": DIGITS}
    ]
    (trusted,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "apigateway.amazonaws.com"}


def test_an_endpoint_of_another_region_is_called_there(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    arn = DIGITS.replace("us-east-1", "eu-west-1")
    EndpointApi(stack, "Api", endpoint=Endpoint.from_endpoint_arn(stack, arn))

    assert method(template())["Integration"]["Uri"].startswith("arn:aws:apigateway:eu-west-1:runtime.sagemaker:")


def test_fails_on_an_endpoint_of_another_account(stack: cdk.Stack) -> None:
    endpoint = Endpoint.from_endpoint_arn(stack, DIGITS.replace(ACCOUNT, "222222222222"))

    with pytest.raises(InvalidValueError, match="'endpoint' is of account 222222222222, and SageMaker lets no other"):
        EndpointApi(stack, "Api", endpoint=endpoint)
    assert stack.node.try_find_child("Api") is None


@pytest.mark.parametrize(
    ("authorization", "kind", "key"), [("iam", "AWS_IAM", False), ("api_key", "NONE", True), ("none", "NONE", False)]
)
def test_the_method_asks_for_what_the_authorization_says(
    authorization: str, kind: str, key: bool, stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    api = define(stack, authorization=authorization)

    synthesized = template()
    assert (method(synthesized)["AuthorizationType"], method(synthesized)["ApiKeyRequired"]) == (kind, key)
    synthesized.resource_count_is("AWS::ApiGateway::UsagePlan", int(key))
    synthesized.resource_count_is("AWS::ApiGateway::ApiKey", int(key))
    assert (api.api_key_id is not None) is key


def test_a_key_has_its_daily_quota(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack, authorization="api_key", requests_per_day=1000)

    template().has_resource_properties("AWS::ApiGateway::UsagePlan", {"Quota": {"Limit": 1000, "Period": "DAY"}})


def test_a_grant_is_for_this_method_alone(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    api = define(stack, path="/v1/predict", stage="beta")
    role = iam.Role.from_role_name(stack, "Caller", "caller")

    api.grant_call(role)

    synthesized = template()
    api_id, _ = only(synthesized, "AWS::ApiGateway::RestApi")
    _, policy = only(synthesized, "AWS::IAM::Policy")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    arn = ["", [f"arn:aws:execute-api:us-east-1:{ACCOUNT}:", {"Ref": api_id}, "/beta/POST/v1/predict"]]
    assert statement == {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": {"Fn::Join": arn}}


@pytest.mark.parametrize("authorization", ["api_key", "none"])
def test_fails_to_grant_what_iam_does_not_decide(authorization: str, stack: cdk.Stack) -> None:
    api = define(stack, authorization=authorization)

    with pytest.raises(InvalidValueError, match=f"'authorization' is '{authorization}', so no grant decides"):
        api.grant_call(iam.Role.from_role_name(stack, "Caller", "caller"))


def test_limits_logs_and_timeout_are_those_of_the_settings(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack, rate_limit=2.5, burst_limit=7, timeout=12, log_retention_days=90)

    synthesized = template()
    _, stage = only(synthesized, "AWS::ApiGateway::Stage")
    assert stage["Properties"]["MethodSettings"] == [
        {
            "HttpMethod": "*",
            "ResourcePath": "/*",
            "LoggingLevel": "ERROR",
            "DataTraceEnabled": False,
            "ThrottlingRateLimit": 2.5,
            "ThrottlingBurstLimit": 7,
        }
    ]
    assert method(synthesized)["Integration"]["TimeoutInMillis"] == 12_000
    groups = synthesized.find_resources("AWS::Logs::LogGroup").values()
    assert [group["Properties"]["RetentionInDays"] for group in groups] == [90, 90]


def test_access_logs_have_no_bodies(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack)

    _, stage = only(template(), "AWS::ApiGateway::Stage")
    logged = json.loads(stage["Properties"]["AccessLogSetting"]["Format"])
    assert logged["requestId"] == "$context.requestId"
    assert all(value.startswith("$context.") for value in logged.values())


def test_the_accounts_log_role_is_set_once_per_stack_and_kept(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack, "One")
    define(stack, "Two")

    synthesized = template()
    account_id, account = only(synthesized, "AWS::ApiGateway::Account")
    assert account["DeletionPolicy"] == "Retain"
    for stage in synthesized.find_resources("AWS::ApiGateway::Stage").values():
        assert account_id in stage["DependsOn"]


def test_the_accounts_log_role_is_left_alone_when_asked(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack, account_log_role=False)

    template().resource_count_is("AWS::ApiGateway::Account", 0)


def test_a_change_of_the_method_makes_another_deployment_and_a_change_of_the_stage_does_not(tmp_path: Path) -> None:
    def deployed(name: str, **choices: Any) -> set[str]:
        stack = cdk.Stack(new_app(tmp_path / name), "S", env=cdk.Environment(account=ACCOUNT, region="us-east-1"))
        define(stack, **choices)
        return deployments(Template.from_stack(stack))

    first = deployed("first")
    assert deployed("same") == first
    assert deployed("limited", rate_limit=1.0, log_retention_days=7) == first
    for change in ({"timeout": 5}, {"passed_headers": ()}, {"authorization": "none"}, {"path": "/predict"}):
        assert not deployed(json.dumps(change).translate({ord("/"): None}), **change) & first


def test_only_the_headers_that_are_asked_for_reach_sagemaker(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack, passed_headers=("X-Amzn-SageMaker-Target-Model",))

    synthesized = template()
    assert method(synthesized)["Integration"]["RequestParameters"] == {
        f"integration.request.header.{name}": f"method.request.header.{name}"
        for name in ("Content-Type", "Accept", "X-Amzn-SageMaker-Target-Model")
    }
    assert method(synthesized)["RequestParameters"] == {
        "method.request.header.Content-Type": True,
        "method.request.header.Accept": False,
        "method.request.header.X-Amzn-SageMaker-Target-Model": False,
    }


def test_every_body_passes_as_it_is(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    define(stack)

    synthesized = template()
    synthesized.has_resource_properties("AWS::ApiGateway::RestApi", {"BinaryMediaTypes": ["*/*"]})
    integration = method(synthesized)["Integration"]
    assert "RequestTemplates" not in integration
    assert not any("ResponseTemplates" in each for each in integration["IntegrationResponses"])


def test_a_model_error_stays_one_and_a_refusal_of_the_role_is_not_passed_on(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack)

    responses = method(template())["Integration"]["IntegrationResponses"]
    statuses = {each["SelectionPattern"]: each["StatusCode"] for each in responses}
    assert statuses["424"] == "424"
    assert statuses["500|530"] == "502"
    assert "403" not in statuses
    assert all(each["SelectionPattern"] for each in responses)


def test_every_error_that_the_operation_may_answer_with_has_a_status(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    define(stack)
    operation = service_model("sagemaker-runtime").operation_model("InvokeEndpoint")
    errors = {str(error.metadata["error"]["httpStatusCode"]) for error in operation.error_shapes}

    responses = method(template())["Integration"]["IntegrationResponses"]
    assert errors <= {status for each in responses for status in each["SelectionPattern"].split("|")}


class TestProcessor:
    @pytest.fixture
    def directory(self, tmp_path: Path) -> str:
        (tmp_path / "processor").mkdir()
        (tmp_path / "processor" / "handler.py").write_text("def handler(event, context): ...")
        return str(tmp_path / "processor")

    def test_api_gateway_may_call_the_function_and_the_function_the_endpoint(
        self, directory: str, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        define(stack, processor=directory, account_log_role=False)

        synthesized = template()
        function_id, _ = only(synthesized, "AWS::Lambda::Function")
        log_id = next(name for name in synthesized.find_resources("AWS::Logs::LogGroup") if "Processor" in name)
        roles = synthesized.find_resources("AWS::IAM::Role").items()
        allowed = {name: role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"] for name, role in roles}
        (integration,) = [each for name, each in allowed.items() if "Integration" in name]
        (processor,) = [each for name, each in allowed.items() if "Processor" in name]
        function_arn = {"Fn::GetAtt": [function_id, "Arn"]}
        assert integration == [{"Action": "lambda:InvokeFunction", "Effect": "Allow", "Resource": function_arn}]
        assert processor == [
            {"Action": "sagemaker:InvokeEndpoint", "Effect": "Allow", "Resource": DIGITS},
            {
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Effect": "Allow",
                "Resource": {"Fn::GetAtt": [log_id, "Arn"]},
            },
        ]

    def test_the_function_answers_by_proxy_and_knows_its_endpoint(
        self, directory: str, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        arn = DIGITS.replace("us-east-1", "eu-west-1")
        front = ApiFront(processor=directory, timeout=7)
        EndpointApi(stack, "Api", endpoint=Endpoint.from_endpoint_arn(stack, arn), api=front)

        synthesized = template()
        _, function = only(synthesized, "AWS::Lambda::Function")
        assert function["Properties"]["Environment"]["Variables"] == {
            "ENDPOINT_NAME": "digits",
            "ENDPOINT_REGION": "eu-west-1",
        }
        assert function["Properties"]["Timeout"] == 7
        integration = method(synthesized)["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert integration["Uri"]["Fn::Join"][1][0] == (
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
        )

    def test_fails_without_a_handler_before_anything_is_defined(self, stack: cdk.Stack, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match="'processor' must be a directory with a"):
            define(stack, processor=str(tmp_path))
        assert stack.node.try_find_child("Api") is None
