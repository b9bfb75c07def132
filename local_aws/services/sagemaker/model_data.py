"""A model's data: where it is, whether the execution role may read it, and fetching it."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from local_aws import backend
from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.execution_role import ExecutionRole
from local_aws.scope import Scope
from local_aws.services.sagemaker.s3_data import split
from local_aws.services.sagemaker.state import is_multi_model


@dataclass(frozen=True, slots=True)
class ModelData:
    """The S3 object, or all objects under an S3 prefix, that a container gets at ``/opt/ml/model`` or beside it."""

    bucket: str
    key: str
    is_prefix: bool = False
    is_archive: bool = True

    @classmethod
    def of_container(cls, container: Parameters) -> ModelData | None:
        """Return the data of a container definition, or None when it brings none."""
        if "ModelDataSource" in container:
            return cls._of_source(container["ModelDataSource"]["S3DataSource"])
        url = container.get("ModelDataUrl")
        return None if url is None else cls(*split(url), is_prefix=is_multi_model(container))

    @classmethod
    def additional(cls, container: Parameters) -> dict[str, ModelData]:
        """Return the additional data of a container definition, by channel name."""
        sources = container.get("AdditionalModelDataSources", [])
        return {source["ChannelName"]: cls._of_source(source["S3DataSource"]) for source in sources}

    @classmethod
    def _of_source(cls, source: Parameters) -> ModelData:
        is_prefix = source["S3DataType"] == "S3Prefix"
        return cls(*split(source["S3Uri"]), is_prefix, is_archive=source["CompressionType"] == "Gzip")

    @property
    def url(self) -> str:
        """The data's address, as the user wrote it."""
        return f"s3://{self.bucket}/{self.key}"

    def target(self, key: str) -> ModelData:
        """Return one model of a multi-model prefix; its key is relative to the prefix."""
        return ModelData(self.bucket, f"{self.key.rstrip('/')}/{key.lstrip('/')}".lstrip("/"))

    def check(self, role: ExecutionRole, *, with_content: bool = True) -> None:
        """Refuse unless the role may read the data and the data is there, as CreateModel does.

        Parameters
        ----------
        role
            The execution role.
        with_content
            False: objects under a prefix need not be readable yet, since a multi-model container reads each when it
            is asked for.

        Raises
        ------
        ServiceError
            ``ValidationException`` in SageMaker's words, with IAM's own sentence after them.
        """
        try:
            self._require_rights(role, with_content=with_content)
        except ServiceError as denied:
            raise validation_error(
                f"Could not access model data at {self.url}. Please ensure that the role "
                f'"{role.arn}" exists and that its trust relationship policy allows the action "sts:AssumeRole" for '
                'the service principal "sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" '
                f"permissions and that the object is located in {role.scope.region}. If your Model uses multiple "
                'models or uncompressed models, please ensure that the role has "s3:ListBucket" permission. '
                f"({denied.message})"
            ) from denied
        if not self._keys(role.scope):
            raise validation_error(f"Could not find model data at {self.url}.")

    def fetch(self, role: ExecutionRole, into: Path) -> Path:
        """Write the data as one ``model.tar.gz`` into a directory, with the role's rights.

        Raises
        ------
        ServiceError
            When the role may not read it (any more) or it is gone.
        """
        self._require_rights(role)
        into.mkdir(exist_ok=True)
        archive = into / "model.tar.gz"
        contents = {key: backend.object_bytes(role.scope, self.bucket, key) for key in self._keys(role.scope)}
        found = {key: content for key, content in contents.items() if content is not None}
        if not found:
            raise validation_error(f"Failed to download model data: could not find {self.url}.")
        if self.is_archive and not self.is_prefix:
            archive.write_bytes(found[self.key])
            return archive
        root = self.key if self.is_prefix else self.key.rpartition("/")[0]
        with tarfile.open(archive, "w:gz", compresslevel=0) as packed:
            for key, content in found.items():
                member = tarfile.TarInfo(key.removeprefix(root).lstrip("/"))
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
        return archive

    def _require_rights(self, role: ExecutionRole, *, with_content: bool = True) -> None:
        if self.is_prefix:
            role.require("s3:ListBucket", [f"arn:aws:s3:::{self.bucket}"], {"s3:prefix": self.key})
            for key in self._keys(role.scope) if with_content else ():
                role.require("s3:GetObject", [f"arn:aws:s3:::{self.bucket}/{key}"])
        else:
            role.require("s3:GetObject", [f"arn:aws:s3:::{self.bucket}/{self.key}"])

    def _keys(self, scope: Scope) -> list[str]:
        if self.is_prefix:
            return backend.object_keys(scope, self.bucket, self.key)
        return [self.key] if backend.object_exists(scope, self.bucket, self.key) else []
