"""The custom resources that let an endpoint be updated whose variants scale: their order, their rights, their cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import Autoscaling, Endpoint, EndpointConfig, InferenceEndpoint
from constructs_lib.serving.models import OnnxModel
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import FIXED, MODEL, new_app, only

Json = dict[str, Any]
ONNX = OnnxModel(artifact=MODEL, entry_point="inference.py")
RECOVER, RELEASE, RESTORE = (f"Custom::ScalingGuard{name}" for name in ("Recover", "Release", "Restore"))


def add(scope: cdk.Stack, name: str = "digits", instance_type: str = "ml.c6i.large", **more: Any) -> InferenceEndpoint:
    given: Json = {"autoscaling": Autoscaling(max=4, invocations_per_instance=600), "safe_update": True} | more
    return InferenceEndpoint(scope, name, model=ONNX, instance_type=instance_type, endpoint_name=name, **given)


def synthesized(directory: Path, **more: Any) -> Template:
    stack = cdk.Stack(new_app(directory), "Stack", env=FIXED)
    add(stack, **more)
    return Template.from_stack(stack)


def depends_on(resource: Json) -> list[str]:
    found = resource.get("DependsOn", [])
    return [found] if isinstance(found, str) else list(found)


def test_cloudformation_visits_recover_release_endpoint_restore_target(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    add(stack)

    made = template()
    recover, _ = only(made, RECOVER)
    release, release_resource = only(made, RELEASE)
    endpoint, endpoint_resource = only(made, "AWS::SageMaker::Endpoint")
    restore, restore_resource = only(made, RESTORE)
    _, target = only(made, "AWS::ApplicationAutoScaling::ScalableTarget")

    assert recover in depends_on(release_resource)
    assert release in depends_on(endpoint_resource)
    assert endpoint in depends_on(restore_resource)
    assert restore in depends_on(target)


def test_each_is_told_the_instance_types(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    add(stack)

    made = template()
    for kind in (RECOVER, RELEASE, RESTORE):
        properties = dict(only(made, kind)[1]["Properties"])
        token = properties.pop("ServiceToken")
        assert list(token) == ["Fn::GetAtt"]
        assert properties == {
            "ServiceTimeout": 420,
            "Action": kind.removeprefix("Custom::ScalingGuard"),
            "EndpointName": "digits",
            "InstanceTypes": {"AllTraffic": "ml.c6i.large"},
        }


def test_another_instance_type_makes_another_recover_and_other_policies(tmp_path: Path) -> None:
    before = synthesized(tmp_path / "1")
    same = synthesized(tmp_path / "2", instance_count=2)
    after = synthesized(tmp_path / "3", instance_type="ml.c6i.xlarge")

    def name(made: Template) -> str:
        return str(only(made, "AWS::ApplicationAutoScaling::ScalingPolicy")[1]["Properties"]["PolicyName"])

    assert only(before, RECOVER)[0] == only(same, RECOVER)[0] != only(after, RECOVER)[0]
    assert only(before, RELEASE)[0] == only(after, RELEASE)[0]
    assert only(before, RESTORE)[0] == only(after, RESTORE)[0]
    assert name(before) == name(same)
    assert name(before).startswith("SageMakerVariantInvocationsPerInstance-ml.c6i.large-")
    assert name(after).startswith("SageMakerVariantInvocationsPerInstance-ml.c6i.xlarge-")


def test_another_target_value_makes_another_policy(tmp_path: Path) -> None:
    names = {
        only(synthesized(tmp_path / str(value), autoscaling=scaling), "AWS::ApplicationAutoScaling::ScalingPolicy")[1][
            "Properties"
        ]["PolicyName"]
        for value in (600, 1200)
        for scaling in [Autoscaling(max=4, invocations_per_instance=value)]
    }

    assert len(names) == 2


def test_without_it_nothing_is_added(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    add(stack, safe_update=False)

    made = template()
    made.resource_count_is("AWS::Lambda::Function", 0)
    made.resource_count_is(RELEASE, 0)
    _, policy = only(made, "AWS::ApplicationAutoScaling::ScalingPolicy")
    assert policy["Properties"]["PolicyName"] == "SageMakerVariantInvocationsPerInstance"


def test_one_function_serves_every_endpoint_of_a_stack_and_only_those(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    add(stack, "digits")
    add(stack, "Letters", autoscaling=None)
    add(stack, "words", safe_update=False)

    made = template()
    made.resource_count_is("AWS::Lambda::Function", 1)
    made.resource_count_is(RELEASE, 2)
    roles = made.find_resources("AWS::IAM::Role", {"Properties": {"Policies": [{"PolicyName": "ScalingGuard"}]}})
    (role,) = roles.values()
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert statements[0]["Resource"] == [
        f"arn:aws:sagemaker:us-east-1:111111111111:endpoint/{name}" for name in ("digits", "letters")
    ]
    everywhere = [statement["Action"] for statement in statements if statement["Resource"] == ["*"]]
    assert everywhere == [
        [
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "application-autoscaling:DescribeScheduledActions",
            "cloudwatch:DescribeAlarms",
        ]
    ]


def test_the_function_keeps_its_logs_for_a_month(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    add(stack)

    made = template()
    log_group, resource = only(made, "AWS::Logs::LogGroup")
    _, function = only(made, "AWS::Lambda::Function")
    assert resource["Properties"] == {"RetentionInDays": 30}
    assert function["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": log_group}}
    assert function["Properties"]["Runtime"] == "python3.14"


def test_fails_without_a_name(stack: cdk.Stack) -> None:
    text = "'safe_update' needs an 'endpoint_name', by which the scalable targets are found; give it one"
    with pytest.raises(InvalidValueError, match=text):
        InferenceEndpoint(stack, "Digits", model=ONNX, instance_type="ml.c6i.large", safe_update=True)


def test_fails_with_an_imported_configuration(stack: cdk.Stack) -> None:
    config = EndpointConfig.from_endpoint_config_name("theirs")

    with pytest.raises(InvalidValueError, match="'safe_update' needs to know the variants: give a configuration"):
        Endpoint(stack, "Endpoint", endpoint_config=config, endpoint_name="digits", safe_update=True)


def test_the_template_is_valid(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    cdk.Validations.of(app).add_plugins(cdk.CloudFormationValidatePlugin())
    add(cdk.Stack(app, "Stack", env=FIXED))

    app.synth()

    report = json.loads((tmp_path / "validation-report.json").read_text())
    (told,) = [violation for each in report["pluginReports"] for violation in each["violations"]]
    assert told["ruleName"].endswith("inference:image-end-of-patch")
