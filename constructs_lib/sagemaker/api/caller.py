"""A Lambda function between an API and its endpoint: with a role that may call that endpoint, and a log group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.sagemaker.invoke_permissions import called_arns
from constructs_lib.sagemaker.lambda_function import define_function
from constructs_lib.serving.artifacts import S3Artifact

_MEMORY_MIB = 512  # a body of 6 MB is held several times over: as text, in base64, and decoded


def define_caller(
    scope: Construct,
    name: str,
    *,
    source: Path | S3Artifact,
    entry: str,
    runtime: str,
    actions: list[str],
    api: ApiFront,
    endpoint: IEndpoint,
    inference_component: str | None,
    region: str,
    description: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Define the function, which may call the endpoint and write its own logs, and give its ARN.

    Parameters
    ----------
    scope, name
        The construct that it stands under, and how its id and those of what it needs begin.
    source, entry, runtime, description
        As `define_function` takes them.
    actions
        What it may do with the endpoint.
    api
        How long it may take, and how long its logs are kept.
    endpoint
        What it calls.
    inference_component
        Name of the inference component that it calls. None: the request, or it, names one where there are any.
    region
        Where the endpoint is.
    environment
        More environment variables. None: the function is told what it calls, and nothing else.
    """
    log = logs.CfnLogGroup(scope, f"{name}Log", retention_in_days=api.log_retention_days)
    statements = [
        permissions.allow(actions, called_arns(endpoint, inference_component)),
        permissions.allow(["logs:CreateLogStream", "logs:PutLogEvents"], log.attr_arn),
    ]
    role = iam.CfnRole(
        scope,
        f"{name}Role",
        assume_role_policy_document=permissions.trust_policy("lambda.amazonaws.com"),
        policies=[
            iam.CfnRole.PolicyProperty(policy_name="InvokeEndpoint", policy_document=permissions.document(statements))
        ],
    )
    named = {} if inference_component is None else {"INFERENCE_COMPONENT_NAME": inference_component}
    called = {"ENDPOINT_NAME": endpoint.endpoint_name, "ENDPOINT_REGION": region, **named}
    return define_function(
        scope,
        name,
        source=source,
        entry=entry,
        runtime=runtime,
        description=description,
        role_arn=role.attr_arn,
        log_group_name=log.ref,
        timeout=api.integration_timeout,
        memory_size=_MEMORY_MIB,
        environment={**called, **(environment or {})},
    ).attr_arn
