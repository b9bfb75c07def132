"""Endpoints that others use from stacks of their own: other regions, other accounts, roles that several share."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from constructs_lib.jobs import BatchTransform, SageMakerJob, TrainingJob, Transform
from constructs_lib.sagemaker import (
    Endpoint,
    EndpointApi,
    EndpointConfig,
    EndpointMonitoring,
    InferenceDashboard,
    InferenceEndpoint,
    InstanceVariant,
    Model,
)
from constructs_lib.sagemaker.endpoint_interface import IEndpoint
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import FIXED
from tests.snapshot.construct_templates import ARCHIVE, OWN_IMAGE, tree

ARN = "arn:aws:sagemaker:us-east-1:111111111111:endpoint/digits"
IRELAND = cdk.Environment(account="111111111111", region="eu-west-1")
ELSEWHERE = (
    "is in us-east-1 of account 111111111111, and its metrics are not in eu-west-1 of account 111111111111; define this "
    "in a stack of the endpoint's own account and region"
)
VARIANT = InstanceVariant(instance_type="ml.c6i.large")


def made(stack: cdk.Stack) -> IEndpoint:
    return InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", endpoint_name="digits")


def by_name(stack: cdk.Stack) -> IEndpoint:
    return Endpoint.from_endpoint_name(stack, "digits")


def by_arn(stack: cdk.Stack) -> IEndpoint:
    return Endpoint.from_endpoint_arn(stack, ARN)


def alarm_on(endpoint: IEndpoint, stack: cdk.Stack) -> None:
    cloudwatch.Alarm(stack, "Slow", metric=endpoint.metric_model_latency(), threshold=1, evaluation_periods=1)


@pytest.mark.parametrize("get", [made, by_name, by_arn])
class TestMetrics:
    """An alarm that looks where the endpoint is not would never go off."""

    def test_an_alarm_in_another_region_is_refused(
        self, get: Callable[[cdk.Stack], IEndpoint], app: cdk.App, stack: cdk.Stack
    ) -> None:
        other = cdk.Stack(app, "Consumers", env=IRELAND)

        with pytest.raises(RuntimeError, match="in region 'eu-west-1' based on metric 'ModelLatency' in 'us-east-1'"):
            alarm_on(get(stack), other)

    def test_an_alarm_in_another_account_names_the_endpoints_own(
        self, get: Callable[[cdk.Stack], IEndpoint], app: cdk.App, stack: cdk.Stack
    ) -> None:
        other = cdk.Stack(app, "Consumers", env=cdk.Environment(account="222222222222", region="us-east-1"))
        alarm_on(get(stack), other)

        (alarm,) = Template.from_stack(other).find_resources("AWS::CloudWatch::Alarm").values()
        assert [each["AccountId"] for each in alarm["Properties"]["Metrics"]] == ["111111111111"]

    def test_an_alarm_beside_the_endpoint_says_nothing_of_it(
        self, get: Callable[[cdk.Stack], IEndpoint], stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        alarm_on(get(stack), stack)

        (alarm,) = template().find_resources("AWS::CloudWatch::Alarm").values()
        assert "Metrics" not in alarm["Properties"]


def test_monitoring_in_another_region_is_refused(app: cdk.App, stack: cdk.Stack) -> None:
    other = cdk.Stack(app, "Consumers", env=IRELAND)

    with pytest.raises(InvalidValueError) as raised:
        EndpointMonitoring(other, "Monitoring", endpoint=made(stack), variants=[VARIANT])

    assert str(raised.value) == f"EndpointMonitoring: 'endpoint' {ELSEWHERE}"
    assert tree(other) == ["Consumers"]


def test_a_dashboard_in_another_region_is_refused(app: cdk.App, stack: cdk.Stack) -> None:
    other = cdk.Stack(app, "Consumers", env=IRELAND)
    endpoint = InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large")

    with pytest.raises(InvalidValueError) as raised:
        InferenceDashboard(other, "Dashboard", endpoints=[endpoint])

    assert str(raised.value) == f"InferenceDashboard: 'endpoints.0' {ELSEWHERE}"
    assert tree(other) == ["Consumers"]


def test_an_api_in_another_region_calls_the_endpoint_in_its_own(app: cdk.App, stack: cdk.Stack) -> None:
    other = cdk.Stack(app, "Consumers", env=IRELAND, cross_region_references=True)
    EndpointApi(other, "Api", endpoint=made(stack))

    (method,) = Template.from_stack(other).find_resources("AWS::ApiGateway::Method").values()
    assert ":us-east-1:runtime.sagemaker:" in str(method["Properties"]["Integration"]["Uri"])


def test_stacks_that_share_a_role_do_not_take_each_others_policies_away(app: cdk.App) -> None:
    stacks = [
        cdk.Stack(app, stack_id, env=env, stack_name=name)
        for stack_id, env, name in (
            ("Blue", FIXED, "Blue"),
            ("Green", FIXED, "Green"),
            ("Ireland", IRELAND, "Blue"),
            ("Agnostic", None, "Blue"),
        )
    ]
    for stack in stacks:
        role = iam.Role.from_role_name(stack, "Role", "serving")
        InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", role=role)

    policies = [Template.from_stack(stack).find_resources("AWS::IAM::Policy") for stack in stacks]
    names = [str(policy["Properties"]["PolicyName"]) for found in policies for policy in found.values()]
    assert len(set(names)) == len(names)
    assert "AWS::Region" in names[-1]
    assert max(map(len, names[:-1])) <= 128


def test_policies_of_a_long_path_have_names_that_iam_takes(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    role = iam.Role.from_role_name(stack, "Role", "serving")
    InferenceEndpoint(stack, "Digits" * 40, model=OWN_IMAGE, instance_type="ml.c6i.large", role=role)

    (policy,) = template().find_resources("AWS::IAM::Policy").values()
    assert len(policy["Properties"]["PolicyName"]) <= 128


def test_several_batch_transforms_go_over_one_model(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    model = Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c5.xlarge")
    buckets = [cdk.CfnParameter(stack, name).value_as_string for name in ("First", "Second")]
    for number, bucket in enumerate([*buckets, buckets[0]]):  # which differ by tokens, or not at all
        transform = Transform(
            input=f"s3://{bucket}/in/",
            output=f"s3://{bucket}/out/",
            instance_type="ml.c5.xlarge",
            schedule="rate(1 day)",
            on_deploy=False,
        )
        BatchTransform(stack, f"Scores{number}", model=model, transform=transform)

    (served,) = template().find_resources("AWS::SageMaker::Model").values()
    policies = template().find_resources("AWS::IAM::Policy")
    assert set(served["DependsOn"]) == set(policies)
    written = str([each["Properties"]["PolicyDocument"] for each in policies.values()])
    assert written.count("s3:PutObject") == 2
    assert all(f"{{'Ref': '{name}'}}, '/out/*'" in written for name in ("First", "Second"))


def role_arn(stack: cdk.Stack) -> object:
    role: iam.IRole = "arn:aws:iam::111111111111:role/serving"  # type: ignore[assignment]
    return InferenceEndpoint(stack, "New", model=OWN_IMAGE, instance_type="ml.c6i.large", role=role)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (
            role_arn,
            "InferenceEndpoint: 'role' must be a construct, got 'arn:aws:iam::111111111111:role/serving'; give "
            "iam.Role.from_role_arn(self, 'Role', 'arn:aws:iam::111111111111:role/serving')",
        ),
        (
            lambda stack: InferenceEndpoint(
                stack,
                "New",
                model=OWN_IMAGE,
                instance_type="ml.c6i.large",
                endpoint_name=7,  # type: ignore[arg-type]
            ),
            "InferenceEndpoint: 'endpoint_name' must be text, got 7; write \"7\"",
        ),
        (
            lambda stack: Model(stack, "New", model=ARCHIVE, instance_type="ml.c6i.large"),  # type: ignore[arg-type]
            "Model: 'model' must be a TensorFlowModel, a PyTorchModel, an OnnxModel, a HuggingFaceModel, a "
            "LargeLanguageModel, a ContainerModel, a ModelPackageModel, a MultiModel or a MultiContainerModel, got "
            "'s3://my-models/model.tar.gz'",
        ),
        (
            lambda stack: EndpointConfig(stack, "New", model="digits", variants=[VARIANT]),  # type: ignore[arg-type]
            "EndpointConfig: 'model' must be a construct, got 'digits'; give Model.from_model_name('digits')",
        ),
        (
            lambda stack: EndpointConfig(
                stack,
                "New",
                model=Model.from_model_name("digits"),
                variants=VARIANT,  # type: ignore[arg-type]
            ),
            "EndpointConfig: 'variants' must be a list, got an InstanceVariant object; put it into a list: [...]",
        ),
        (
            lambda stack: Endpoint(stack, "New", endpoint_config="digits"),  # type: ignore[arg-type]
            "Endpoint: 'endpoint_config' must be a construct, got 'digits'; give "
            "EndpointConfig.from_endpoint_config_name('digits')",
        ),
        (
            lambda stack: EndpointMonitoring(stack, "New", endpoint="digits", variants=[VARIANT]),  # type: ignore[arg-type]
            "EndpointMonitoring: 'endpoint' must be a construct, got 'digits'; give "
            "Endpoint.from_endpoint_name(self, 'digits')",
        ),
        (
            lambda stack: InferenceDashboard(stack, "New", endpoints=[by_name(stack)]),  # type: ignore[list-item]
            "InferenceDashboard: 'endpoints.0' is no endpoint that is made here; give the EndpointMonitoring of an "
            "imported one",
        ),
        (
            lambda stack: by_name(stack).grant_invoke("arn:aws:iam::111111111111:role/app"),  # type: ignore[arg-type]
            "grant_invoke: 'grantee' must be a construct, got 'arn:aws:iam::111111111111:role/app'; give "
            "iam.Role.from_role_arn(self, 'Caller', 'arn:aws:iam::111111111111:role/app')",
        ),
        (
            lambda stack: TrainingJob(stack, "New", training={"framework": "pytorch"}),  # type: ignore[arg-type]
            "TrainingJob: 'training' must be a Training, got {'framework': 'pytorch'}; write Training(...)",
        ),
        (
            lambda stack: BatchTransform(stack, "New", model="digits", transform={}),  # type: ignore[arg-type]
            "BatchTransform: 'transform' must be a Transform, got {}; write Transform(...)\n"
            "BatchTransform: 'model' must be a construct, got 'digits'; give Model.from_model_name('digits')",
        ),
        (
            lambda stack: SageMakerJob(stack, "New", kind="TrainingJob", request={}, role="arn:aws:iam::1:role/x"),  # type: ignore[arg-type]
            "SageMakerJob: 'role' must be a construct, got 'arn:aws:iam::1:role/x'; give iam.Role.from_role_arn(self, "
            "'Role', 'arn:aws:iam::1:role/x')",
        ),
    ],
)
def test_what_stands_for_a_construct_is_refused(
    attempt: Callable[[cdk.Stack], object], message: str, stack: cdk.Stack
) -> None:
    with pytest.raises(InvalidValueError) as raised:
        attempt(stack)

    assert str(raised.value) == message
    assert tree(stack) == ["TheirStack"]
