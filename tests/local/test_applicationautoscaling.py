"""Application Auto Scaling."""

from __future__ import annotations

from typing import Any

import pytest
from aws_clients import Aws, refusal

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def target(endpoint: str) -> Any:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/main",
        "ScalableDimension": _DIMENSION,
    }


def tracking(**more: Any) -> Any:
    return {
        "PolicyName": "invocations",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 600.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
            **more,
        },
    }


@pytest.fixture(scope="module")
def endpoint(aws: Aws) -> str:
    name = aws.make_endpoint()
    aws.autoscaling.register_scalable_target(**target(name), MinCapacity=1, MaxCapacity=4)
    return name


def test_a_variant_is_registered_scaled_by_a_policy_and_deregistered(aws: Aws) -> None:
    name = aws.make_endpoint()

    aws.autoscaling.register_scalable_target(**target(name), MinCapacity=1, MaxCapacity=4)
    arn = aws.autoscaling.put_scaling_policy(**target(name), **tracking())["PolicyARN"]
    aws.autoscaling.put_scheduled_action(
        **target(name),
        ScheduledActionName="night",
        Schedule="cron(0 20 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )

    resource = target(name)["ResourceId"]
    policies = aws.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)
    actions = aws.autoscaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=resource)
    assert arn.endswith(f":resource/sagemaker/{resource}:policyName/invocations")
    assert policies["ScalingPolicies"][0]["PolicyARN"] == arn
    assert actions["ScheduledActions"][0]["ScheduledActionName"] == "night"
    aws.autoscaling.deregister_scalable_target(**target(name))
    found = aws.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
    assert found["ScalableTargets"] == []


def test_registering_again_changes_the_capacities(aws: Aws, endpoint: str) -> None:
    aws.autoscaling.register_scalable_target(**target(endpoint), MaxCapacity=8)

    found = aws.autoscaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target(endpoint)["ResourceId"]]
    )["ScalableTargets"][0]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 8)


@pytest.mark.parametrize(
    ("minimum", "maximum", "message"),
    [
        (5, 4, "Maximum capacity cannot be less than minimum capacity."),
        (0, 4, "Minimum capacity must be greater than or equal to 1 for endpoint/"),
        (-1, 4, "Minimum and maximum capacity must be greater than or equal to 0."),
    ],
)
def test_fails_to_register_with_capacities(aws: Aws, endpoint: str, minimum: int, maximum: int, message: str) -> None:
    parameters = {**target(endpoint), "MinCapacity": minimum, "MaxCapacity": maximum}

    assert refusal(aws.autoscaling.register_scalable_target, **parameters).startswith(f"ValidationException: {message}")


def test_fails_to_register_a_variant_that_is_not_there(aws: Aws) -> None:
    assert (
        refusal(aws.autoscaling.register_scalable_target, **target("absent"), MinCapacity=1, MaxCapacity=2)
        == "ValidationException: Could not find SageMaker endpoint variant: endpoint/absent/variant/main"
    )


def test_fails_to_register_a_burstable_instance_type(aws: Aws) -> None:
    name = aws.make_endpoint(InstanceType="ml.t2.medium")

    assert refusal(aws.autoscaling.register_scalable_target, **target(name), MinCapacity=1, MaxCapacity=2).startswith(
        "ValidationException: The instance type ml.t2.medium of endpoint/"
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ScaleInCooldown": -1}, "ScaleInCooldown must be greater than or equal to 0."),
        ({"TargetValue": 0.0}, "The target value must be greater than 0."),
        (
            {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}},
            "Predefined metric type ECSServiceAverageCPUUtilization is not supported for scalable dimension "
            f"{_DIMENSION}.",
        ),
    ],
)
def test_fails_to_put_a_policy_with(aws: Aws, endpoint: str, more: dict[str, Any], message: str) -> None:
    parameters = {**target(endpoint), **tracking(**more)}

    assert refusal(aws.autoscaling.put_scaling_policy, **parameters) == f"ValidationException: {message}"


def test_what_is_described_comes_in_pages(aws: Aws) -> None:
    name = aws.make_endpoint()
    aws.autoscaling.register_scalable_target(**target(name), MinCapacity=1, MaxCapacity=4)
    for number in range(3):
        aws.autoscaling.put_scaling_policy(**target(name), **{**tracking(), "PolicyName": f"p{number}"})
    asked: Any = {"ServiceNamespace": "sagemaker", "ResourceId": target(name)["ResourceId"]}

    first = aws.autoscaling.describe_scaling_policies(**asked, MaxResults=2)
    second = aws.autoscaling.describe_scaling_policies(**asked, MaxResults=2, NextToken=first["NextToken"])

    assert [policy["PolicyName"] for policy in first["ScalingPolicies"]] == ["p0", "p1"]
    assert [policy["PolicyName"] for policy in second["ScalingPolicies"]] == ["p2"]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"ScalableDimension": _DIMENSION},
            "If you specify a scalable dimension, you must also specify a resource ID.",
        ),
        ({"MaxResults": 11}, "MaxResults must be between 1 and 10."),
        ({"NextToken": "nobody's"}, "Invalid NextToken."),
    ],
)
def test_fails_to_describe_policies_by(aws: Aws, asked: dict[str, Any], message: str) -> None:
    parameters = {"ServiceNamespace": "sagemaker", **asked}

    assert refusal(aws.autoscaling.describe_scaling_policies, **parameters) == f"ValidationException: {message}"


def test_fails_to_put_a_policy_on_what_is_not_registered(aws: Aws) -> None:
    assert refusal(aws.autoscaling.put_scaling_policy, **target("absent"), **tracking()) == (
        "ObjectNotFoundException: No scalable target registered for service namespace: sagemaker, resource ID: "
        f"endpoint/absent/variant/main, scalable dimension: {_DIMENSION}"
    )


def test_an_update_that_changes_the_instance_type_of_a_registered_variant_is_refused(aws: Aws, endpoint: str) -> None:
    config = aws.make_config(InstanceType="ml.c6i.xlarge")

    assert refusal(aws.sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName=config) == (
        'ValidationException: The variant(s) "[main]" must be deregistered as scalable targets with AutoScaling before '
        "they can be removed or have their instance type changed."
    )


def test_an_update_of_the_model_alone_is_taken_while_the_variant_is_registered(aws: Aws, endpoint: str) -> None:
    config = aws.make_config({"VERSION": "2"})

    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)

    assert aws.settle(endpoint)["EndpointConfigName"] == config


def test_deleting_an_endpoint_deregisters_its_variants(aws: Aws) -> None:
    name = aws.make_endpoint()
    aws.autoscaling.register_scalable_target(**target(name), MinCapacity=1, MaxCapacity=4)

    aws.sagemaker.delete_endpoint(EndpointName=name)
    while aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"]:
        pass

    resource = target(name)["ResourceId"]
    found = aws.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
    assert found["ScalableTargets"] == []
