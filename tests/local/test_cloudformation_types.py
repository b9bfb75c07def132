"""The CloudFormation types that local AWS adds, against CloudFormation's own schemas."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local_aws.cloudformation.properties import parameters_of
from local_aws.cloudformation.sagemaker import NOT_IN_TEMPLATES
from local_aws.validation import service_model

_TYPES = {
    "AWS::SageMaker::Model": ("sagemaker", "CreateModel", {"ModelArn"}),
    "AWS::SageMaker::EndpointConfig": ("sagemaker", "CreateEndpointConfig", {"EndpointConfigArn"}),
    "AWS::SageMaker::Endpoint": (
        "sagemaker",
        "CreateEndpoint",
        {
            "EndpointArn",
            "RetainAllVariantProperties",
            "ExcludeRetainedVariantProperties",
            "RetainDeploymentConfig",
        },
    ),
    "AWS::SageMaker::InferenceComponent": (
        "sagemaker",
        "CreateInferenceComponent",
        {
            "CreationTime",
            "CurrentCopyCount",
            "CurrentDataCacheConfig",
            "DeployedImage",
            "DeploymentConfig",
            "DesiredCopyCount",
            "EndpointArn",
            "FailureReason",
            "InferenceComponentArn",
            "InferenceComponentStatus",
            "LastModifiedTime",
            "PlacementStatus",
        },
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        "application-autoscaling",
        "RegisterScalableTarget",
        {"Id", "ScheduledActions"},
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        "application-autoscaling",
        "PutScalingPolicy",
        {"Arn", "ScalingTargetId"},
    ),
}


@pytest.mark.parametrize("name", _TYPES)
def test_the_types_properties_are_the_operations_members_or_handled(name: str) -> None:
    service, operation, handled = _TYPES[name]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
    shape: Any = service_model(service).operation_model(operation).input_shape

    only_in_template, only_in_api = differences(schema, schema, shape)

    assert only_in_template == handled
    # Retired on AWS, and still in the CDK's types; and members that one of Specification and Specifications has alone.
    in_some_places = {"AcceleratorType", "InstanceType", "BaseInferenceComponentName"}
    assert only_in_api - in_some_places <= NOT_IN_TEMPLATES


def differences(schema: dict[str, Any], root: dict[str, Any], shape: Any) -> tuple[set[str], set[str]]:
    """Return the properties that only a type's schema has, and those that only the operation has."""
    while "$ref" in schema:
        schema = functools.reduce(operator.getitem, schema["$ref"].split("/")[1:], root)
    if shape.type_name == "list" and "items" in schema:
        return differences(schema["items"], root, shape.member)
    if shape.type_name != "structure" or "properties" not in schema:
        return set(), set()
    properties = schema["properties"]
    found = (properties.keys() - shape.members.keys(), shape.members.keys() - properties.keys())
    for name in properties.keys() & shape.members.keys():
        below = differences(properties[name], root, shape.members[name])
        found = (found[0] | below[0], found[1] | below[1])
    return found


def test_numbers_and_booleans_written_as_text_are_converted() -> None:
    found = parameters_of(
        {"MaxCapacity": "4", "SuspendedState": {"DynamicScalingInSuspended": "true"}},
        service="application-autoscaling",
        operation="RegisterScalableTarget",
        logical_id="Target",
    )

    assert found == {"MaxCapacity": 4, "SuspendedState": {"DynamicScalingInSuspended": True}}
