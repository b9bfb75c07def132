"""Where the models of a stack's multi-model endpoints are kept: one bucket, and the function that fills it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.inline_function import LOG_RETENTION, define_function
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.artifacts import S3Artifact

_ID = "MultiModelStore"
_HANDLER = Path(__file__).parent / "handler" / "index.py"
_TIMEOUT = 900  # seconds; S3 copies some 100 MB per second
_NAMED_MAX = 40  # archives; all inline policies of a role have 10,240 characters: IAM user guide, "IAM and STS quotas"


class MultiModelStore(Construct):
    """Defines the bucket, the function, its role and its log group; use :meth:`of`, which makes them once per stack.

    The bucket goes with the stack: every multi-model endpoint takes its own files away before.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
    ) -> None:
        super().__init__(scope, id)
        self._place = StackFacts.of(scope).place
        self._sources: dict[S3Artifact, None] = {}
        self._bucket = _bucket(self, self._place)
        self.bucket_name = self._bucket.ref
        """Name of the bucket; a token."""
        log_group = logs.CfnLogGroup(self, "LogGroup", retention_in_days=LOG_RETENTION)
        self._log_group_arn = log_group.attr_arn
        trust = permissions.trust_policy("lambda.amazonaws.com")
        self._role = iam.CfnRole(self, "Role", assume_role_policy_document=trust)
        self.function_arn = define_function(
            self,
            "Function",
            source=_HANDLER,
            description="Keeps the models of multi-model endpoints under their names",
            role_arn=self._role.attr_arn,
            log_group_name=log_group.ref,
            timeout=_TIMEOUT,
            memory_size=512,
        ).attr_arn
        """ARN of the function; a token."""

    @staticmethod
    def of(scope: Construct) -> MultiModelStore:
        """Give the store of the stack that a construct is in."""
        stack = StackFacts.of(scope).stack
        if stack not in _STORES:
            _STORES[stack] = MultiModelStore(stack, _ID)
        return _STORES[stack]

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
            _allow(["s3:GetObject"], [f"{s3_arn}{path}" for path in dict.fromkeys(readable)]),
            _allow(["s3:ListBucket"], [bucket]),
            _allow(["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [f"{bucket}/*"]),
            _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [self._log_group_arn]),
        ]
        # With the role, not beside it: nothing of a stack that goes may be left without its rights.
        self._role.policies = [
            iam.CfnRole.PolicyProperty(policy_name="MultiModelStore", policy_document=permissions.document(statements))
        ]


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


def _allow(actions: list[str], resources: list[str]) -> permissions.Statement:
    return {"Action": actions, "Effect": "Allow", "Resource": resources}


# By stack, as long as the process lives: the constructs are never released from jsii's kernel either.
_STORES: dict[cdk.Stack, MultiModelStore] = {}
