"""The bucket in which the jobs of a stack leave their results, where nobody gives them another."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.stack_facts import StackFacts

_ID = "JobResults"


def results_bucket(scope: Construct) -> str:
    """Give the name of the bucket, which is made once per stack; a token.

    It is encrypted, private and reached by TLS alone, and stays when the stack goes, with the models in it.
    """
    stack = StackFacts.of(scope).stack
    if stack not in _BUCKETS:
        from aws_cdk import aws_s3 as s3  # for who gives no bucket

        bucket = s3.CfnBucket(
            stack,
            _ID,
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[
                    s3.CfnBucket.ServerSideEncryptionRuleProperty(
                        server_side_encryption_by_default=s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                            sse_algorithm="AES256"
                        )
                    )
                ]
            ),
            public_access_block_configuration=s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
            ),
        )
        # Not RETAIN_ON_UPDATE_OR_DELETE: a bucket that a job has written to cannot be deleted, and a first deployment
        # that fails after the job could not be rolled back.
        bucket.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        arn = bucket.attr_arn
        statement = {
            "Action": "s3:*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Resource": [arn, f"{arn}/*"],
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        s3.CfnBucketPolicy(stack, f"{_ID}Policy", bucket=bucket.ref, policy_document=document)
        _BUCKETS[stack] = bucket.ref
    return _BUCKETS[stack]


# By stack, as long as the process lives: the constructs are never released from jsii's kernel either.
_BUCKETS: dict[cdk.Stack, str] = {}
