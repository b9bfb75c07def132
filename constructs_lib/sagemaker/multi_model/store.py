"""Where the models of a stack's multi-model endpoints are kept: one bucket, and the function that fills it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.private_bucket import define_bucket, require_tls
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

    def __init__(self, stack: cdk.Stack) -> None:
        super().__init__(stack)
        self._sources: dict[S3Artifact, None] = {}
        bucket = define_bucket(self, "Bucket")
        self.bucket_name = bucket.ref
        """Name of the bucket; a token."""
        self._bucket_arn = self._place.s3_arn(self.bucket_name)
        require_tls(self, "Policy", bucket=bucket, bucket_arn=self._bucket_arn)
        description = "Keeps the models of multi-model endpoints under their names"
        self.function_arn = self._define_function(
            "Function", source=_HANDLER, description=description, timeout=_TIMEOUT, memory_size=512
        )
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
        sources = [self._place.s3_arn(path) for path in dict.fromkeys(readable)]
        keeping = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        statements = [
            permissions.allow(["s3:GetObject"], sources),
            permissions.allow(["s3:ListBucket"], [self._bucket_arn]),
            permissions.allow(keeping, [f"{self._bucket_arn}/*"]),
            self._logging,
        ]
        self._allow("MultiModelStore", statements)
