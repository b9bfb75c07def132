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

_MEMORY_MIB = 512  # a body of 6 MB is held several times over: as text, in base64, and decoded


def define_processor(scope: Construct, directory: str, *, api: ApiFront, endpoint: IEndpoint, region: str) -> str:
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
    region
        Where the endpoint is.
    """
    code = assets.Asset(scope, "ProcessorCode", path=directory, exclude=["__pycache__", "*.pyc"])
    log = logs.CfnLogGroup(scope, "ProcessorLog", retention_in_days=api.log_retention_days)
    role = iam.CfnRole(
        scope,
        "ProcessorRole",
        assume_role_policy_document=permissions.trust_policy("lambda.amazonaws.com"),
        policies=[
            iam.CfnRole.PolicyProperty(
                policy_name="InvokeEndpoint",
                policy_document=permissions.document(
                    [
                        {"Action": "sagemaker:InvokeEndpoint", "Effect": "Allow", "Resource": endpoint.endpoint_arn},
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
    function = lambda_.CfnFunction(
        scope,
        "Processor",
        runtime="python3.14",
        handler="handler.handler",
        code=lambda_.CfnFunction.CodeProperty(s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key),
        role=role.attr_arn,
        timeout=api.timeout,
        memory_size=_MEMORY_MIB,
        environment=lambda_.CfnFunction.EnvironmentProperty(
            variables={"ENDPOINT_NAME": endpoint.endpoint_name, "ENDPOINT_REGION": region}
        ),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=log.ref),
    )
    return function.attr_arn
