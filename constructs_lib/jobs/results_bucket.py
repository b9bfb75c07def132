"""The bucket in which the jobs of a stack leave their results, where nobody gives them another."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.stack_facts import StackFacts

_ID = "JobResults"


def own_output(scope: Construct, kind: str) -> str:
    """Give the prefix of a job that nobody gave one, ``s3://BUCKET/KIND/NAME``; the bucket is a token.

    Parameters
    ----------
    scope
        The job's construct, after which the prefix is named.
    kind
        What the job leaves.
    """
    name = cdk.Names.unique_resource_name(scope, max_length=60, separator="-")
    return f"s3://{_bucket_name(scope)}/{kind}/{name}"


def _bucket_name(scope: Construct) -> str:
    """Give the name of the bucket, which is made once per stack, and stays when the stack goes, with what is in it."""
    stack = StackFacts.of(scope).stack
    if stack not in _BUCKETS:
        from constructs_lib.sagemaker.private_bucket import (
            define_bucket,
            require_tls,
        )  # S3, where it is needed

        bucket = define_bucket(stack, _ID)
        # Not RETAIN_ON_UPDATE_OR_DELETE: a bucket that a job has written to cannot be deleted, and a first deployment
        # that fails after the job could not be rolled back.
        bucket.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        require_tls(stack, f"{_ID}Policy", bucket=bucket, bucket_arn=bucket.attr_arn)
        _BUCKETS[stack] = bucket.ref
    return _BUCKETS[stack]


# By stack, as long as the process lives: the constructs are never released from jsii's kernel either.
_BUCKETS: dict[cdk.Stack, str] = {}
