"""The stack of the settings: how many instances an endpoint starts with, keeps and scales to."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_cdk.assertions import Match, Template

from constructs_lib.sagemaker import Autoscaling
from stacks.settings import load_settings
from tests.snapshot.conftest import Json, only
from tests.snapshot.stack_templates import DEFAULT, digits, synthesize


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The default stack, in a fixed environment."""
    return synthesize(tmp_path_factory.mktemp("default"), load_settings(DEFAULT))


def test_the_endpoint_keeps_its_instances_through_an_update_when_it_scales(default: Template) -> None:
    default.has_resource_properties("AWS::SageMaker::Endpoint", {"RetainAllVariantProperties": True})


def test_the_endpoint_takes_the_instances_of_its_settings_when_it_does_not_scale(tmp_path: Path) -> None:
    template = synthesize(tmp_path, digits(instance_count=2))

    template.has_resource_properties("AWS::SageMaker::Endpoint", {"RetainAllVariantProperties": Match.absent()})
    template.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)
    assert variant(template)["InitialInstanceCount"] == 2


def variant(template: Template) -> Json:
    _, config = only(template, "AWS::SageMaker::EndpointConfig")
    (found,) = config["Properties"]["ProductionVariants"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("choices", "count"),
    [
        ({}, 1),
        ({"instance_count": 3}, 3),
        ({"autoscaling": Autoscaling(min=2, max=4, invocations_per_instance=60)}, 2),
        ({"autoscaling": Autoscaling(min=2, max=4, invocations_per_instance=60), "instance_count": 3}, 3),
    ],
)
def test_the_variant_starts_with_what_is_asked_for(choices: Json, count: int, tmp_path: Path) -> None:
    template = synthesize(tmp_path, digits(**choices))
    model_id, _ = only(template, "AWS::SageMaker::Model")

    assert variant(template) == {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": [model_id, "ModelName"]},
        "InstanceType": "ml.c6i.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": 1,
    }


def test_the_scalable_target_waits_for_the_endpoint(default: Template) -> None:
    endpoint_id, _ = only(default, "AWS::SageMaker::Endpoint")
    _, target = only(default, "AWS::ApplicationAutoScaling::ScalableTarget")

    assert target["Properties"] == {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": {
            "Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": [endpoint_id, "EndpointName"]}, "/variant/AllTraffic"]]
        },
        "MinCapacity": 1,
        "MaxCapacity": 4,
    }


def test_the_policy_tracks_invocations_per_instance(tmp_path: Path) -> None:
    scaling = Autoscaling(
        max=4,
        invocations_per_instance=42.5,
        scale_in_cooldown=120,
        scale_out_cooldown=0,
        disable_scale_in=True,
    )
    template = synthesize(tmp_path, digits(autoscaling=scaling))
    target_id, _ = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    _, policy = only(template, "AWS::ApplicationAutoScaling::ScalingPolicy")

    assert policy["Properties"] == {
        "PolicyName": "SageMakerVariantInvocationsPerInstance",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": target_id},
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "TargetValue": 42.5,
            "ScaleInCooldown": 120,
            "ScaleOutCooldown": 0,
            "DisableScaleIn": True,
        },
    }


def test_the_default_cool_downs_are_those_of_the_console(default: Template) -> None:
    default.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "TargetTrackingScalingPolicyConfiguration": Match.object_like(
                {"ScaleInCooldown": 300, "ScaleOutCooldown": 300, "DisableScaleIn": False}
            )
        },
    )
