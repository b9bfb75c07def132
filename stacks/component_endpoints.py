"""The endpoints of the settings that host inference components, and what to call them by."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.inference_components.endpoint import InferenceComponentEndpoint
from stacks.component_settings import ComponentEndpointSettings


def define_component_endpoints(
    stack: cdk.Stack, scope: Construct, settings: Mapping[str, ComponentEndpointSettings]
) -> None:
    """Define the endpoints under a scope of the stack, and their names and ARNs as outputs of the stack."""
    for name, endpoint in settings.items():
        made = InferenceComponentEndpoint(scope, name, endpoint_name=name, **endpoint.options())
        cdk.CfnOutput(stack, f"{name}EndpointName", value=made.endpoint_name)
        cdk.CfnOutput(stack, f"{name}EndpointArn", value=made.endpoint_arn)
