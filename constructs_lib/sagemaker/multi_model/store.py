"""Where the models of a stack's multi-model endpoints are kept: one bucket, and the function that fills it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.inline_function import define_function
from constructs_lib.sagemaker.stack_function import StackFunction
from constructs_lib.serving.artifacts import S3Artifact

_HANDLER = Path(__file__).parent / "handler" / "index.py"
_TIMEOUT = 900  # seconds; S3 copies some 100 MB per second
_NAMED_MAX = 40  # archives; all inline policies of a role have 10,240 characters: IAM user guide, "IAM and STS quotas"


class MultiModelStore(StackFunction):
    """Defines the bucket, the function, its role and its log group; use :meth:`of`, which makes them once per stack.

    The bucket goes with the stack: every multi-model endpoint takes its own files away before.
    """

    ID = "MultiModelStore"

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
    ) -> None:
        super().__init__(scope, id)
        self._sources: dict[S3Artifact, None] = {}
        self._bucket = _bucket(self, self._place)
        self.bucket_name = self._bucket.ref
        """Name of the bucket; a token."""
        self.function_arn = define_function(
            self,
            "Function",
            source=_HANDLER,
            description="Keeps the models of multi-model endpoints under their names",
            role_arn=self._role_arn,
            log_group_name=self._log_group_name,
            timeout=_TIMEOUT,
            memory_size=512,
        ).attr_arn
        """ARN of the function; a token."""

    def read(self, uploads: Iterable[S3Artifact]) -> None:
        """Let the function copy what the deployment uploads: each archive, or if they are many, all of their bucket.

        Parameters
        ----------
        uploads
            Archives among the stack's assets.
        """
        self._sources |= dict.fromkeys(uploads)
        named = len(self._sources) <= _NAMED_MAX
        readable = [f"{each.bucket}/{each.key if named else f'*{Path(each.key).suffix}'}" for each in self._sources]
        s3_arn = f"arn:{self._place.partition}:s3:::"
        bucket = f"{s3_arn}{self.bucket_name}"
        statements = [
            permissions.allow(["s3:GetObject"], [f"{s3_arn}{path}" for path in dict.fromkeys(readable)]),
            permissions.allow(["s3:ListBucket"], [bucket]),
            permissions.allow(
                ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [f"{bucket}/*"]
            ),
            self._logging,
        ]
        self._allow("MultiModelStore", statements)


def _bucket(scope: Construct, place: permissions.Place) -> s3.CfnBucket:
    bucket = s3.CfnBucket(
        scope,
        "Bucket",
        public_access_block_configuration=s3.CfnBucket.PublicAccessBlockConfigurationProperty(
            block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
        ),
        bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
            server_side_encryption_configuration=[
                s3.CfnBucket.ServerSideEncryptionRuleProperty(
                    server_side_encryption_by_default=s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                        sse_algorithm="AES256"
                    )
                )
            ]
        ),
    )
    arn = f"arn:{place.partition}:s3:::{bucket.ref}"
    over_tls = {
        "Action": "s3:*",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.CfnBucketPolicy(scope, "Policy", bucket=bucket.ref, policy_document=permissions.document([over_tls]))
    return bucket
