"""The HTTPS APIs in front of the endpoints of the settings, and where they are called."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.endpoint import Endpoint


def define_api(
    scope: Construct, name: str, api: ApiFront | None, *, endpoint: Endpoint, inference_component: str | None = None
) -> None:
    """Define an API, and its address and the id of its key as outputs of the stack.

    Parameters
    ----------
    scope
        The construct that the API stands under.
    name
        Beginning of the outputs' names.
    api
        What the API looks like. None: there is none.
    endpoint
        What it calls.
    inference_component
        Name of the component that answers. None: the endpoint does.
    """
    if api is None:
        return
    from constructs_lib.sagemaker.api.endpoint_api import EndpointApi  # API Gateway, where it is wanted

    made = EndpointApi(scope, "Api", endpoint=endpoint, api=api, inference_component=inference_component)
    stack = cdk.Stack.of(scope)
    cdk.CfnOutput(stack, f"{name}ApiUrl", value=made.url)
    if made.api_key_id is not None:
        cdk.CfnOutput(stack, f"{name}ApiKeyId", value=made.api_key_id)
