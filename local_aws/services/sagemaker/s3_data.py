"""Objects that a job reads and writes, with its role's rights.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from local_aws import backend
from local_aws.errors import ServiceError, validation_error
from local_aws.execution_role import ExecutionRole

_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object, and the name that it has below the prefix that found it."""

    bucket: str
    key: str
    name: str

    def read(self, role: ExecutionRole) -> bytes:
        """Return the object's content.

        Raises
        ------
        ServiceError
            When the role may not read it, or it is gone.
        """
        role.require("s3:GetObject", [f"arn:aws:s3:::{self.bucket}/{self.key}"])
        content = backend.object_bytes(role.scope, self.bucket, self.key)
        if content is None:
            raise validation_error(f"s3://{self.bucket}/{self.key} does not exist")
        return content


def split(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an address: ``s3://``, or ``https://`` with the bucket in the host or the path.

    Raises
    ------
    ServiceError
        ``ValidationException`` when it is neither.
    """
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    if scheme == "s3" and host:
        return host, path
    found = _S3_HOST.fullmatch(host) if scheme == "https" else None
    if found is None:
        raise validation_error(f"Invalid S3 URI: {uri}")
    if found["bucket"]:
        return found["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def object_at(uri: str) -> S3Object:
    """Return the object at an address, whether it exists or not."""
    bucket, key = split(uri)
    return S3Object(bucket, key, key.rpartition("/")[2])


def find(role: ExecutionRole, uri: str, *, data_type: str = "S3Prefix") -> list[S3Object]:
    """Return the objects under a prefix, or those that a manifest lists; there may be none.

    Raises
    ------
    ServiceError
        When the role may not list them, or the manifest cannot be read.
    """
    if data_type == "ManifestFile":
        return _listed_in(object_at(uri).read(role), uri)
    bucket, prefix = split(uri)
    role.require("s3:ListBucket", [f"arn:aws:s3:::{bucket}"], {"s3:prefix": prefix})
    keys = [key for key in backend.object_keys(role.scope, bucket, prefix) if not key.endswith("/")]
    return [S3Object(bucket, key, _below(prefix, key)) for key in keys]


def write(role: ExecutionRole, uri: str, content: bytes, *, kms_key: str | None = None) -> None:
    """Write an object, encrypted with a key when one is given.

    Raises
    ------
    ServiceError
        When the role may not, or there is no such bucket.
    """
    bucket, key = split(uri)
    role.require("s3:PutObject", [f"arn:aws:s3:::{bucket}/{key}"])
    if kms_key and "alias/" not in kms_key:  # IAM is asked about keys, never about aliases
        arn = kms_key if kms_key.startswith("arn:") else role.scope.arn("kms", f"key/{kms_key}")
        role.require("kms:GenerateDataKey", [arn])
    backend.put_object(role.scope, bucket, key, content, "application/octet-stream")


def _below(prefix: str, key: str) -> str:
    directory = prefix if prefix.endswith("/") else f"{prefix}/"
    return key.removeprefix(directory) if key.startswith(directory) else key[prefix.rfind("/") + 1 :]


def _listed_in(manifest: bytes, uri: str) -> list[S3Object]:
    try:
        head, *rest = json.loads(manifest)
        addresses: list[Any] = [(head["prefix"] + name, name) for name in rest]
    except (ValueError, TypeError, KeyError) as error:
        raise ServiceError(
            "ValidationError", f'The manifest {uri} is not a JSON array of {{"prefix": …}} and the names below it.'
        ) from error
    return [S3Object(*split(address), name) for address, name in addresses]
