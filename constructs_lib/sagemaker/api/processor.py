"""The Lambda function of yours between an API and its endpoint."""

from __future__ import annotations

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.sagemaker.api.caller import define_caller
from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.serving.artifacts import S3Artifact


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
    return define_caller(
        scope,
        "Processor",
        source=S3Artifact(bucket=code.s3_bucket_name, key=code.s3_object_key),
        entry="handler.handler",
        runtime="python3.14",
        actions=["sagemaker:InvokeEndpoint"],
        api=api,
        endpoint=endpoint,
        inference_component=inference_component,
        region=region,
    )
