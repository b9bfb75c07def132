"""Buckets of the library's own: encrypted, closed to the public, and reached by TLS alone."""

from __future__ import annotations

from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib.sagemaker import permissions


def define_bucket(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own name for it
) -> s3.CfnBucket:
    """Define the bucket; `require_tls` belongs to it.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    """
    return s3.CfnBucket(
        scope,
        id,
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
            block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
        ),
    )


def require_tls(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own name for it
    *,
    bucket: s3.CfnBucket,
    bucket_arn: str,
) -> None:
    """Define the policy by which a bucket refuses whoever does not come over TLS.

    Parameters
    ----------
    scope, id
        Where in the construct tree the policy stands.
    bucket
        The bucket.
    bucket_arn
        Its ARN; a token.
    """
    statement = permissions.refuse_without_tls("s3", [bucket_arn, f"{bucket_arn}/*"])
    s3.CfnBucketPolicy(scope, id, bucket=bucket.ref, policy_document=permissions.document([statement]))
