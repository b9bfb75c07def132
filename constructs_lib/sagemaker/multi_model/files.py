"""The models of one multi-model container, uploaded under the names that requests call them."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.multi_model.store import MultiModelStore
from constructs_lib.serving.artifacts import S3Artifact

_SERVICE_TIMEOUT = 960  # seconds; more than the function's own, so that its answer comes first


class MultiModelFiles(Construct):
    """Defines the models under one prefix of the stack's own bucket.

    Parameters
    ----------
    scope, id
        Where in the construct tree they stand, which is also where in the bucket.
    uploads
        Where the deployment uploads each archive, by the name that requests call it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        uploads: Mapping[str, S3Artifact],
    ) -> None:
        super().__init__(scope, id)
        self._store = MultiModelStore.of(self)
        self._prefix = f"{self.node.path}/"
        self._uploads = dict(uploads)
        self._store.read(self._uploads.values())
        self._resource = cdk.CfnResource(
            self,
            "Resource",
            type="Custom::MultiModelFiles",
            properties={
                "ServiceToken": self._store.function_arn,
                "ServiceTimeout": _SERVICE_TIMEOUT,
                "Bucket": self._store.bucket_name,
                "Prefix": self._prefix,
                "Files": self._files(),
            },
        )
        self.uri = cdk.Token.as_string(self._resource.get_att("Uri"))
        """``s3://BUCKET/PREFIX/`` of the models; a token that changes when one of them does."""

    def add(self, name: str, upload: S3Artifact) -> None:
        """Upload one more model."""
        self._uploads[name] = upload
        self._store.read([upload])
        self._resource.add_property_override("Files", self._files())

    def read(self, place: permissions.Place) -> list[permissions.Statement]:
        """Let a role read the models, those of coming deployments included."""
        return permissions.read_prefix(place, self._store.bucket_name, self._prefix)

    def _files(self) -> dict[str, str]:
        return {name: f"{each.bucket}/{each.key}" for name, each in sorted(self._uploads.items())}
