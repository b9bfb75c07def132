"""The Lambda function between an API and its endpoint, for whoever asks for one."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.sagemaker.invoke_permissions import called_arns

_MEMORY_MIB = 512  # a body of 6 MB is held several times over: as text, in base64, and decoded


def define_processor(
    scope: Construct,
    directory: str,
    *,
    api: ApiFront,
    endpoint: IEndpoint,
    inference_component: str | None,
    region: str,
) -> str:
    """Define the function, which may invoke the endpoint and write its own logs, and give its ARN.

    Parameters
    ----------
    scope
        The construct that it stands under.
    directory
        Where its ``handler.py`` is.
    api
        How long it may take, and how long its logs are kept.
    endpoint
        What it calls.
    inference_component
        Name of the inference component that it calls. None: it chooses, where there are any.
    region
        Where the endpoint is.
    """
    code = assets.Asset(scope, "ProcessorCode", path=directory, exclude=["__pycache__", "*.pyc"])
    log = logs.CfnLogGroup(scope, "ProcessorLog", retention_in_days=api.log_retention_days)
    resources = called_arns(endpoint, inference_component)
    role = iam.CfnRole(
        scope,
        "ProcessorRole",
        assume_role_policy_document=permissions.trust_policy("lambda.amazonaws.com"),
        policies=[
            iam.CfnRole.PolicyProperty(
                policy_name="InvokeEndpoint",
                policy_document=permissions.document(
                    [
                        {"Action": "sagemaker:InvokeEndpoint", "Effect": "Allow", "Resource": resources},
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
    named = {} if inference_component is None else {"INFERENCE_COMPONENT_NAME": inference_component}
    function = lambda_.CfnFunction(
        scope,
        "Processor",
        runtime="python3.14",
        handler="handler.handler",
        code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
        role=role.attr_arn,
        timeout=api.integration_timeout,
        memory_size=_MEMORY_MIB,
        environment=lambda_.CfnFunction.EnvironmentProperty(
            variables={"ENDPOINT_NAME": endpoint.endpoint_name, "ENDPOINT_REGION": region, **named}
        ),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
    )
    return function.attr_arn
