"""The Lambda function between an API and its endpoint that passes the model's answer on while the model makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from constructs import Construct

from constructs_lib.sagemaker.api.caller import define_caller
from constructs_lib.sagemaker.api.front import COMPONENT_HEADER, NAMED_MODEL, ApiFront
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from constructs_lib.serving.multi_container import names_model
from constructs_lib.serving.problems import Problem

# botocore sagemaker-runtime, InvokeEndpointWithResponseStreamInput: what it has of InvokeEndpoint's headers.
STREAMED_HEADERS = {
    "X-Amzn-SageMaker-Custom-Attributes": "CustomAttributes",
    COMPONENT_HEADER: "InferenceComponentName",
    "X-Amzn-SageMaker-Inference-Id": "InferenceId",
    "X-Amzn-SageMaker-Prefix-Aware-Id": "PrefixAwareId",
    "X-Amzn-SageMaker-Session-Id": "SessionId",
    "X-Amzn-SageMaker-Target-Container-Hostname": "TargetContainerHostname",
    "X-Amzn-SageMaker-Target-Variant": "TargetVariant",
}
_SOURCE = Path(__file__).with_name("streaming") / "index.js"
# The operation's reference asks for the first, the Service Authorization Reference for the second.
_ACTIONS = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]


def stream_problems(endpoint: IEndpoint) -> Iterator[Problem]:
    """Check that SageMaker streams from an endpoint; of an imported one nothing is known."""
    if not isinstance(endpoint, InferenceEndpoint):
        return
    if endpoint.endpoint_config.async_inference is not None:
        yield Problem("endpoint", "puts its answers into S3, and streams none; leave 'streaming' out")
    if any(names_model(model.served) for model in endpoint.models.values()):
        yield Problem("endpoint", f"{NAMED_MODEL}; leave 'streaming' out")


def define_stream(
    scope: Construct, *, api: ApiFront, endpoint: IEndpoint, inference_component: str | None, region: str
) -> str:
    """Define the function, which may invoke the endpoint and write its own logs, and give its ARN.

    Parameters
    ----------
    scope
        The construct that it stands under.
    api
        Which headers it passes on, how long it may take, and how long its logs are kept.
    endpoint
        What it calls.
    inference_component
        Name of the inference component that it calls. None: a request names it, where there are any.
    region
        Where the endpoint is.
    """
    members = {"content-type": "ContentType", "accept": "Accept"}
    passed = {name.lower() for name in api.passed_headers}
    if inference_component is not None:
        passed.discard(COMPONENT_HEADER.lower())
    members |= {name.lower(): member for name, member in STREAMED_HEADERS.items() if name.lower() in passed}
    return define_caller(
        scope,
        "Stream",
        source=_SOURCE,
        entry="handler",
        runtime="nodejs24.x",
        description="Passes on what an endpoint's model answers while the model makes it",
        actions=_ACTIONS,
        api=api,
        endpoint=endpoint,
        inference_component=inference_component,
        region=region,
        environment={"HEADERS": json.dumps(members)},
    )
