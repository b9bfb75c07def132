"""Who may call inference components in templates: by grants, and through APIs."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from constructs_lib.sagemaker import ApiFront, Endpoint, EndpointApi, InferenceComponent
from constructs_lib.sagemaker.api.method import InvocationMethod
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.component_endpoints import fleet
from tests.snapshot.conftest import ROOT, Json
from tests.snapshot.endpoint_templates import Synthesize, hold_against_the_service, properties

HEADER = "X-Amzn-SageMaker-Inference-Component"


class TestWhoMayCall:
    def granted(self, stack: cdk.Stack, template: Synthesize, grant: Any) -> Json:
        role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
        grant(role)
        policies = template().find_resources("AWS::IAM::Policy").items()
        (policy,) = [each for key, each in policies if key.startswith("Caller")]
        (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Action"] == ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        return dict(statement)

    def test_an_endpoint_and_all_of_its_components(self, stack: cdk.Stack, template: Synthesize) -> None:
        made = fleet(stack)
        statement = self.granted(stack, template, made.grant_invoke)
        references = [each["Ref"] for each in statement["Resource"]]
        kinds = [template().to_json()["Resources"][each]["Type"] for each in references]
        assert kinds == ["AWS::SageMaker::Endpoint", *["AWS::SageMaker::InferenceComponent"] * 2]

    @pytest.mark.parametrize("by_component", [True, False])
    def test_one_component_only(self, stack: cdk.Stack, template: Synthesize, by_component: bool) -> None:
        made = fleet(stack)

        def grant(role: iam.Role) -> iam.Grant:
            if by_component:
                return made.inference_components["chat"].grant_invoke(role)
            return made.grant_invoke(role, inference_components=["chat"])

        statement = self.granted(stack, template, grant)
        endpoint, component = (each["Ref"] for each in statement["Resource"])
        resources = template().to_json()["Resources"]
        assert resources[endpoint]["Type"] == "AWS::SageMaker::Endpoint"
        assert resources[component]["Properties"]["InferenceComponentName"] == "chat"

    def test_components_of_an_imported_endpoint_are_named(self, stack: cdk.Stack, template: Synthesize) -> None:
        arn = "arn:aws:sagemaker:eu-west-1:111111111111:endpoint/theirs"
        theirs = Endpoint.from_endpoint_arn(stack, arn)
        statement = self.granted(
            stack, template, lambda role: theirs.grant_invoke(role, inference_components=["Chat", "rank-*"])
        )
        place = "arn:aws:sagemaker:eu-west-1:111111111111:inference-component"
        assert statement["Resource"] == [arn, f"{place}/chat", f"{place}/rank-*"]

    def test_an_imported_component_is_granted_and_watched_like_one_that_is_made(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        arn = "arn:aws:sagemaker:eu-west-1:111111111111:endpoint/theirs"
        theirs = Endpoint.from_endpoint_arn(stack, arn)
        component = InferenceComponent.from_inference_component_name("Chat", endpoint=theirs)
        statement = self.granted(stack, template, component.grant_invoke)
        assert statement["Resource"] == [arn, "arn:aws:sagemaker:eu-west-1:111111111111:inference-component/chat"]
        assert component.metric_invocations().dimensions == {"InferenceComponentName": "Chat"}
        assert component.endpoint is theirs
        with pytest.raises(InvalidValueError, match="InferenceComponent: 'inference_component_name' is 'a_b'"):
            InferenceComponent.from_inference_component_name("a_b", endpoint=theirs)

    def test_and_of_one_whose_arn_is_known_at_deployment(self, stack: cdk.Stack) -> None:
        arn = cdk.CfnParameter(stack, "Arn").value_as_string
        (found,) = Endpoint.from_endpoint_arn(stack, arn).component_arns(["chat"])
        place = {"Fn::Select": [0, {"Fn::Split": [":endpoint/", {"Ref": "Arn"}]}]}
        assert stack.resolve(found) == {"Fn::Join": ["", [place, ":inference-component/chat"]]}

    def test_fails_for_a_component_that_it_has_not(self, stack: cdk.Stack) -> None:
        made = fleet(stack)
        role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
        for refused in (
            lambda: made.grant_invoke(role, inference_components=["chart"]),
            lambda: EndpointApi(stack, "Api", endpoint=made, inference_component="chart"),
        ):
            with pytest.raises(InvalidValueError) as caught:
                refused()
            assert str(caught.value) == (
                "InferenceComponentEndpoint: 'inference_components' has no 'chart', but chat, Rank; give one of those"
            )
        with pytest.raises(InvalidValueError, match="'inference_components' is given as well as 'target_models'"):
            made.grant_invoke(role, target_models=["a"], inference_components=["chat"])


class TestApis:
    def test_the_api_of_a_component_names_it_and_nobody_else_may(self, stack: cdk.Stack, template: Synthesize) -> None:
        EndpointApi(stack, "Api", endpoint=fleet(stack), inference_component="chat")

        synthesized = template()
        method = properties(synthesized, "AWS::ApiGateway::Method")
        asked = method["Integration"]["RequestParameters"]
        assert asked[f"integration.request.header.{HEADER}"] == "'chat'"
        assert f"method.request.header.{HEADER}" not in method["RequestParameters"]
        (role,) = [
            each["Properties"]
            for key, each in synthesized.find_resources("AWS::IAM::Role").items()
            if key.startswith("ApiIntegrationRole")
        ]
        (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
        named = [synthesized.to_json()["Resources"][each["Ref"]]["Properties"] for each in statement["Resource"]]
        assert [each.get("InferenceComponentName") for each in named] == [None, "chat"]
        hold_against_the_service(synthesized)

    def test_that_of_the_endpoint_passes_on_what_a_request_names(self, stack: cdk.Stack, template: Synthesize) -> None:
        EndpointApi(stack, "Api", endpoint=fleet(stack))

        asked = properties(template(), "AWS::ApiGateway::Method")["Integration"]["RequestParameters"]
        assert asked[f"integration.request.header.{HEADER}"] == f"method.request.header.{HEADER}"

    def test_another_component_makes_another_deployment(self) -> None:
        def fingerprint(component: str | None) -> str:
            method = InvocationMethod(
                api=ApiFront(), partition="aws", region="us-east-1", inference_component=component
            )
            return method.fingerprint

        assert len({fingerprint(component) for component in ("chat", "rank", None)}) == 3

    def test_a_processor_is_told_the_component(self, stack: cdk.Stack, template: Synthesize) -> None:
        front = ApiFront(processor=str(ROOT / "examples" / "api" / "processor"))
        EndpointApi(stack, "Api", endpoint=fleet(stack), api=front, inference_component="chat")

        variables = properties(template(), "AWS::Lambda::Function")["Environment"]["Variables"]
        assert variables["INFERENCE_COMPONENT_NAME"] == "chat"

    def test_fails_with_a_name_that_no_component_has(self, stack: cdk.Stack) -> None:
        theirs = Endpoint.from_endpoint_name(stack, "fleet")
        with pytest.raises(InvalidValueError, match="EndpointApi: 'inference_component' is 'a_b'"):
            EndpointApi(stack, "Api", endpoint=theirs, inference_component="a_b")
