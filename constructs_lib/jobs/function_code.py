"""The code of the functions that run and start jobs: one archive for all of them."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.artifacts import S3Artifact

_ID = "SageMakerJobsCode"


def function_code(scope: Construct) -> S3Artifact:
    """Give the archive, which is uploaded once per stack; ``handler/`` is a package in it."""
    stack = StackFacts.of(scope).stack
    if stack not in _CODE:
        made = assets.Asset(
            stack,
            _ID,
            path=str(Path(__file__).parent),
            exclude=["/*", "!/handler", "__pycache__"],
            ignore_mode=cdk.IgnoreMode.GIT,
        )
        _CODE[stack] = S3Artifact(bucket=made.s3_bucket_name, key=made.s3_object_key)
    return _CODE[stack]


# By stack, as long as the process lives: the constructs are never released from jsii's kernel either.
_CODE: dict[cdk.Stack, S3Artifact] = {}
