"""Execution roles, and what is imported, in another team's stack."""

from __future__ import annotations

import json
from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from constructs_lib.sagemaker import Endpoint, EndpointConfig, InferenceEndpoint, InstanceVariant, Model
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import only
from tests.snapshot.construct_templates import ARCHIVE, OWN_IMAGE, allowed, served


class TestRoles:
    def test_a_role_of_the_stack_gets_the_permissions_and_the_model_waits_for_them(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        role = iam.Role(stack, "TheirRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large", role=role)

        synthesized = template()
        role_id, _ = only(synthesized, "AWS::IAM::Role")
        policy_id, policy = only(synthesized, "AWS::IAM::Policy")
        _, model = only(synthesized, "AWS::SageMaker::Model")
        assert policy["Properties"]["Roles"] == [{"Ref": role_id}]
        assert len(allowed(synthesized, "s3:GetObject")) == 1
        assert len(allowed(synthesized, "ecr:BatchGetImage")) == 1
        assert model["Properties"]["ExecutionRoleArn"] == {"Fn::GetAtt": [role_id, "Arn"]}
        assert policy_id in model["DependsOn"]

    def test_a_given_role_may_call_the_endpoint_that_it_executes(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        role = iam.Role(stack, "TheirRole", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        served = InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", role=role)

        served.grant_invoke(role)

        synthesized = template()  # which fails where resources wait for each other in a circle
        synthesized.resource_count_is("AWS::IAM::Policy", 2)
        _, model = only(synthesized, "AWS::SageMaker::Model")
        assert len(model["DependsOn"]) == 1

    def test_an_imported_role_gets_the_permissions_and_the_model_waits_for_them(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        role = iam.Role.from_role_arn(stack, "TheirRole", "arn:aws:iam::111111111111:role/serving")
        Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large", role=role)

        synthesized = template()
        policy_id, policy = only(synthesized, "AWS::IAM::Policy")
        _, model = only(synthesized, "AWS::SageMaker::Model")
        synthesized.resource_count_is("AWS::IAM::Role", 0)
        assert policy["Properties"]["Roles"] == ["serving"]
        assert model["Properties"]["ExecutionRoleArn"] == "arn:aws:iam::111111111111:role/serving"
        assert model["DependsOn"] == [policy_id]

    def test_an_imported_role_that_may_not_be_changed_is_used_as_it_is(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        arn = "arn:aws:iam::111111111111:role/serving"
        role = iam.Role.from_role_arn(stack, "TheirRole", arn, mutable=False)
        Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large", role=role)

        synthesized = template()
        synthesized.resource_count_is("AWS::IAM::Policy", 0)
        synthesized.has_resource_properties("AWS::SageMaker::Model", {"ExecutionRoleArn": arn})

    def test_the_made_role_can_be_given_more(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        bucket = s3.Bucket.from_bucket_name(stack, "Lookup", "lookup-tables")
        model = served(stack, PyTorchModel(artifact=ARCHIVE))

        bucket.grant_read(model.role)

        synthesized = template()
        role_id, _ = only(synthesized, "AWS::IAM::Role")
        policies = synthesized.find_resources("AWS::IAM::Policy").values()
        assert [policy["Properties"]["Roles"] for policy in policies] == [[{"Ref": role_id}]] * 2

    def test_a_role_without_an_endpoints_name_may_write_the_logs_of_any(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        served(stack, OWN_IMAGE)

        assert "log-group:/aws/sagemaker/Endpoints/*" in json.dumps(allowed(template(), "logs:PutLogEvents"))

    def test_no_managed_policy_is_attached(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        served(stack, OWN_IMAGE)

        template().has_resource_properties("AWS::IAM::Role", {"ManagedPolicyArns": Match.absent()})


class TestImports:
    def test_an_imported_model_and_configuration_are_used_by_their_names(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        config = EndpointConfig(
            stack,
            "Config",
            model=Model.from_model_name("their-model"),
            variants=[
                InstanceVariant(instance_type="ml.c6i.large", name="blue", weight=3),
                InstanceVariant(instance_type="ml.c6i.large", name="green", instance_count=2),
            ],
        )
        Endpoint(stack, "Endpoint", endpoint_config=config)
        Endpoint(stack, "Other", endpoint_config=EndpointConfig.from_endpoint_config_name("their-config"))

        synthesized = template()
        config_id, definition = only(synthesized, "AWS::SageMaker::EndpointConfig")
        assert [
            (each["VariantName"], each["ModelName"], each["InitialInstanceCount"], each["InitialVariantWeight"])
            for each in definition["Properties"]["ProductionVariants"]
        ] == [("blue", "their-model", 1, 3), ("green", "their-model", 2, 1)]
        configs = [
            endpoint["Properties"] for endpoint in synthesized.find_resources("AWS::SageMaker::Endpoint").values()
        ]
        assert {"EndpointConfigName": {"Fn::GetAtt": [config_id, "EndpointConfigName"]}} in configs
        assert {"EndpointConfigName": "their-config"} in configs

    def test_an_endpoint_is_imported_by_its_name_which_its_arn_has_in_lower_case(self, stack: cdk.Stack) -> None:
        endpoint = Endpoint.from_endpoint_name(stack, "Digits-A")

        assert endpoint.endpoint_name == "Digits-A"
        assert stack.resolve(endpoint.endpoint_arn) == "arn:aws:sagemaker:us-east-1:111111111111:endpoint/digits-a"

    def test_an_endpoint_is_imported_by_its_arn_from_any_account(self, stack: cdk.Stack) -> None:
        arn = "arn:aws-cn:sagemaker:cn-north-1:222222222222:endpoint/digits"
        endpoint = Endpoint.from_endpoint_arn(stack, arn)

        assert (endpoint.endpoint_name, endpoint.endpoint_arn) == ("digits", arn)

    def test_an_endpoint_is_imported_by_an_arn_that_is_a_token(self, stack: cdk.Stack) -> None:
        endpoint = Endpoint.from_endpoint_arn(stack, cdk.Fn.import_value("TheirEndpoint"))

        assert stack.resolve(endpoint.endpoint_name) == {
            "Fn::Select": [1, {"Fn::Split": ["/", {"Fn::ImportValue": "TheirEndpoint"}]}]
        }

    @pytest.mark.parametrize(
        "arn",
        ["digits", "arn:aws:sagemaker:us-east-1:111111111111:model/digits", "arn:aws:sagemaker:us-east-1::endpoint/"],
    )
    def test_fails_at_what_is_no_endpoints_arn(self, arn: str, stack: cdk.Stack) -> None:
        with pytest.raises(InvalidValueError) as raised:
            Endpoint.from_endpoint_arn(stack, arn)

        assert str(raised.value) == (
            f"Endpoint: 'endpoint_arn' must look like arn:PARTITION:sagemaker:REGION:ACCOUNT:endpoint/NAME, got '{arn}'"
        )

    def test_fails_at_a_name_that_no_endpoint_has(self, stack: cdk.Stack) -> None:
        with pytest.raises(
            InvalidValueError, match=r"^Endpoint: 'endpoint_name' is 'my_digits' \(9 characters\), but "
        ):
            Endpoint.from_endpoint_name(stack, "my_digits")
