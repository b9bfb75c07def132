"""Models with additional data in templates: a custom resource of the same properties, and what its function may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.jobs import BatchTransform, Transform
from constructs_lib.sagemaker import InferenceEndpoint, Model, Overrides
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, Json, new_app, only, statements
from tests.snapshot.endpoint_templates import hold_against_the_service
from tests.snapshot.masked_json import MaskedJson

S3 = "s3://my-models/model.tar.gz"
DRAFT = "s3://my-models/draft/"
CUSTOM = "Custom::SageMakerModel"
OURS = ("NamePrefix", "ServiceTimeout", "ServiceToken")
KEY = "arn:aws:kms:us-east-1:111111111111:key/0123-abcd"
EVERYTHING: Json = {
    "artifact": S3,
    "environment": {"DRAFT": "/opt/ml/additional-model-data-sources/draft"},
    "network_isolation": True,
    "vpc": VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",)),
    "artifact_kms_key_arn": KEY,
}


def torch(sources: dict[str, str], **more: Any) -> PyTorchModel:
    return PyTorchModel(**{"artifact": S3, "additional_model_data_sources": sources, **more})


def endpoint(stack: cdk.Stack, model: Any, **more: Any) -> Template:
    InferenceEndpoint(stack, "Endpoint", model=model, instance_type="ml.c6i.large", **more)
    return Template.from_stack(stack)


def allowed(found: list[Json], action: str) -> list[Any]:
    return [each["Resource"] for each in found if action in each["Action"]]


def test_the_template_of_the_example_is_as_it_was(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(ROOT / "examples" / "additional-model-data" / "inference.yaml")
    stack = InferenceStack(new_app(tmp_path), "InferenceStack", settings=settings, env=FIXED)

    found = Template.from_stack(stack).to_json()
    (function,) = [each for each in found["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    del function["Properties"]["Code"]
    assert found == snapshot(extension_class=MaskedJson)


def test_the_properties_are_those_that_cloudformation_would_get_and_one_more(tmp_path: Path) -> None:
    found = []
    for name, sources in (("plain", {}), ("more", {"draft": DRAFT, "packed": "s3://my-models/lora.tar.gz"})):
        stack = cdk.Stack(new_app(tmp_path / name), "Stack", env=FIXED)
        template = endpoint(stack, torch(sources, **EVERYTHING), tags={"team": "a"})
        hold_against_the_service(template)
        _, resource = only(template, CUSTOM if sources else "AWS::SageMaker::Model")
        found.append({key: value for key, value in resource["Properties"].items() if key not in OURS})
    plain, more = found

    sources = more["PrimaryContainer"].pop("AdditionalModelDataSources")
    archive = {"S3DataType": "S3Object", "CompressionType": "Gzip"}
    assert sources == [
        {"ChannelName": "draft", "S3DataSource": {"S3Uri": DRAFT, "S3DataType": "S3Prefix", "CompressionType": "None"}},
        {"ChannelName": "packed", "S3DataSource": {"S3Uri": "s3://my-models/lora.tar.gz", **archive}},
    ]
    assert more["PrimaryContainer"].pop("ModelDataSource") == {"S3DataSource": {"S3Uri": S3, **archive}}
    assert plain["PrimaryContainer"].pop("ModelDataUrl") == S3
    assert plain == more
    assert plain["Tags"] == [{"Key": "team", "Value": "a"}]


def test_the_endpoint_serves_the_custom_resources_model(stack: cdk.Stack) -> None:
    template = endpoint(stack, torch({"draft": DRAFT}))

    model, resource = only(template, CUSTOM)
    _, config = only(template, "AWS::SageMaker::EndpointConfig")
    (variant,) = config["Properties"]["ProductionVariants"]
    assert variant["ModelName"] == {"Fn::GetAtt": [model, "ModelName"]}
    policy, _ = only(template, "AWS::IAM::Policy")
    assert resource["DependsOn"] == [policy]
    assert template.find_resources("AWS::SageMaker::Model") == {}


def test_a_model_that_gets_its_first_source_is_another_resource(tmp_path: Path) -> None:
    names = []
    for name, sources in (("plain", {}), ("more", {"draft": DRAFT})):
        template = endpoint(cdk.Stack(new_app(tmp_path / name), "Stack", env=FIXED), torch(sources))
        names.append(only(template, CUSTOM if sources else "AWS::SageMaker::Model")[0])

    assert names[0] != names[1]  # CloudFormation changes no resource's type


def test_the_execution_role_may_read_exactly_that(stack: cdk.Stack) -> None:
    sources = {"draft": DRAFT, "packed": "s3://my-models/lora.tar.gz"}

    found = statements(endpoint(stack, torch(sources, artifact_kms_key_arn=KEY)))

    bucket = "arn:aws:s3:::my-models"
    assert allowed(found, "s3:GetObject") == [
        f"{bucket}/model.tar.gz",
        f"{bucket}/draft/*",
        f"{bucket}/lora.tar.gz",
    ]
    assert allowed(found, "s3:ListBucket") == [bucket]
    assert allowed(found, "kms:Decrypt") == [KEY]


def test_one_function_makes_a_stacks_models_and_nothing_else(stack: cdk.Stack) -> None:
    role = iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    Model(stack, "One", model=torch({"draft": DRAFT}), instance_type="ml.c6i.large")
    Model(stack, "Two", model=torch({"other": DRAFT}), instance_type="ml.c6i.large", role=role)

    template = Template.from_stack(stack)

    function, _ = only(template, "AWS::Lambda::Function")
    models = template.find_resources(CUSTOM).values()
    assert [model["Properties"]["ServiceToken"] for model in models] == [{"Fn::GetAtt": [function, "Arn"]}] * 2
    assert {model["Properties"]["NamePrefix"] for model in models} == {"theirstack"}
    ((_, own),) = [
        (name, each) for name, each in template.find_resources("AWS::IAM::Role").items() if "Function" in name
    ]
    (policy,) = own["Properties"]["Policies"]
    changes, passing, logs = policy["PolicyDocument"]["Statement"]
    assert changes["Action"] == [
        f"sagemaker:{name}" for name in ("AddTags", "CreateModel", "DeleteModel", "DeleteTags", "DescribeModel")
    ]
    assert changes["Resource"] == ["arn:aws:sagemaker:us-east-1:111111111111:model/theirstack-*"]
    roles = [model["Properties"]["ExecutionRoleArn"] for model in models]
    assert (passing["Action"], passing["Resource"]) == ("iam:PassRole", roles)
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert logs["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]


def test_a_stack_without_it_has_no_function(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    Model(stack, "Model", model=torch({}), instance_type="ml.c6i.large")

    assert template().find_resources("AWS::Lambda::Function") == {}


def test_each_of_several_containers_has_its_own(stack: cdk.Stack) -> None:
    model = MultiContainerModel(containers={"one": torch({}), "two": torch({"draft": DRAFT})})

    template = endpoint(stack, model)

    _, resource = only(template, CUSTOM)
    one, two = resource["Properties"]["Containers"]
    assert "AdditionalModelDataSources" not in one
    assert [source["ChannelName"] for source in two["AdditionalModelDataSources"]] == ["draft"]
    hold_against_the_service(template)


def test_any_property_of_the_api_can_be_added_by_its_name(stack: cdk.Stack) -> None:
    path = "PrimaryContainer.ModelDataSource.S3DataSource.ModelAccessConfig.AcceptEula"

    template = endpoint(stack, torch({"draft": DRAFT}), overrides=Overrides(model={path: True}))

    _, resource = only(template, CUSTOM)
    source = resource["Properties"]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source["ModelAccessConfig"] == {"AcceptEula": True}
    assert source["S3Uri"] == S3


def test_a_bucket_of_another_stack_is_referred_to(app: cdk.App, stack: cdk.Stack) -> None:
    bucket = s3.Bucket(cdk.Stack(app, "Storage", env=FIXED), "Drafts")

    template = endpoint(stack, torch({"draft": f"s3://{bucket.bucket_name}/draft/"}))

    _, resource = only(template, CUSTOM)
    (source,) = resource["Properties"]["PrimaryContainer"]["AdditionalModelDataSources"]
    before, name, after = source["S3DataSource"]["S3Uri"]["Fn::Join"][1]
    assert (before, after) == ("s3://", "/draft/")
    assert "Storage" in str(name)
    assert {"Fn::Join": ["", ["arn:aws:s3:::", name, "/draft/*"]]} in allowed(statements(template), "s3:GetObject")


@pytest.mark.parametrize("several", [False, True])
def test_fails_in_batch_transform_with_a_model_that_is_there(stack: cdk.Stack, several: bool) -> None:
    served = torch({"draft": DRAFT})
    pipeline = MultiContainerModel(containers={"one": torch({}), "two": served})
    model = Model(stack, "Model", model=pipeline if several else served, instance_type="ml.m5.large")
    transform = Transform(input="s3://my-data/in/", instance_type="ml.m5.large")

    with pytest.raises(InvalidValueError, match=r"'model\.additional_model_data_sources' do not work with batch"):
        BatchTransform(stack, "Batch", model=model, transform=transform)


def test_fails_at_a_local_source_that_is_not_there_before_anything_is_built(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError, match=r"'additional_model_data_sources\.gone' does not exist: 'nowhere'"):
        Model(stack, "Model", model=torch({"gone": "nowhere"}), instance_type="ml.m5.large")

    assert stack.node.children == []
