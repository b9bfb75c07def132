"""The Lambda function between an API and its endpoint that passes the model's answer on while the model makes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.api.front import COMPONENT_HEADER, NAMED_MODEL, ApiFront
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from constructs_lib.sagemaker.inline_function import define_function
from constructs_lib.sagemaker.invoke_permissions import called_arns
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
_MEMORY_MIB = 512
# The operation's reference asks for the first, the Service Authorization Reference for the second.
_ACTIONS = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]


def stream_problems(endpoint: IEndpoint) -> Iterator[Problem]:
    """Hold that SageMaker streams from an endpoint; of an imported one nothing is known."""
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
    log = logs.CfnLogGroup(scope, "StreamLog", retention_in_days=api.log_retention_days)
    resources = called_arns(endpoint, inference_component)
    role = iam.CfnRole(
        scope,
        "StreamRole",
        assume_role_policy_document=permissions.trust_policy("lambda.amazonaws.com"),
        policies=[
            iam.CfnRole.PolicyProperty(
                policy_name="InvokeEndpoint",
                policy_document=permissions.document(
                    [
                        {"Action": _ACTIONS, "Effect": "Allow", "Resource": resources},
                        {
                            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                            "Effect": "Allow",
                            "Resource": log.attr_arn,
                        },
                    ]
                ),
            )
        ],
    )
    members = {"content-type": "ContentType", "accept": "Accept"}
    named = {} if inference_component is None else {"INFERENCE_COMPONENT_NAME": inference_component}
    passed = {name.lower() for name in api.passed_headers} - ({COMPONENT_HEADER.lower()} if named else set())
    members |= {name.lower(): member for name, member in STREAMED_HEADERS.items() if name.lower() in passed}
    return define_function(
        scope,
        "Stream",
        source=_SOURCE,
        description="Passes on what an endpoint's model answers while the model makes it",
        runtime="nodejs24.x",
        role_arn=role.attr_arn,
        log_group_name=log.ref,
        timeout=api.integration_timeout,
        memory_size=_MEMORY_MIB,
        environment={
            "ENDPOINT_NAME": endpoint.endpoint_name,
            "ENDPOINT_REGION": region,
            "HEADERS": json.dumps(members),
            **named,
        },
    ).attr_arn
