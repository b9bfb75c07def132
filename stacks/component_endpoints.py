"""The endpoints of the settings that host inference components, and what to call them by."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.inference_components.endpoint import InferenceComponentEndpoint
from stacks.component_settings import ComponentEndpointSettings
from stacks.endpoint_apis import define_api


def define_component_endpoints(
    stack: cdk.Stack, scope: Construct, settings: Mapping[str, ComponentEndpointSettings]
) -> list[InferenceComponentEndpoint]:
    """Define the endpoints under a scope of the stack, and their names, ARNs and APIs as outputs of the stack."""
    made = []
    for name, endpoint in settings.items():
        fleet = InferenceComponentEndpoint(scope, name, endpoint_name=name, **endpoint.options())
        cdk.CfnOutput(stack, f"{name}EndpointName", value=fleet.endpoint_name)
        cdk.CfnOutput(stack, f"{name}EndpointArn", value=fleet.endpoint_arn)
        define_api(fleet, name, endpoint.api, endpoint=fleet)
        for component, each in endpoint.inference_components.items():
            scope_of_it, label = fleet.inference_components[component], f"{component}InferenceComponent"
            define_api(scope_of_it, label, each.api, endpoint=fleet, inference_component=component)
        made.append(fleet)
    return made
