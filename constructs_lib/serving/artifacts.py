"""Where a model's weights are: in S3, in a local directory or archive, or still to be trained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from constructs_lib.serving.problems import InvalidValueError, Problem, is_token

ARCHIVE_SUFFIX = ".tar.gz"
TRAINING_JOB = "training-job://"
"""How the address begins of what a training job leaves."""
MAR_SUFFIX = ".mar"
"""TorchServe's own archive, which servers in a cluster read, and SageMaker does not."""
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_S3_URI_MAX = 1024  # botocore sagemaker ContainerDefinition.ModelDataUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Artifact:
    """Model data that is in S3 already.

    Attributes
    ----------
    bucket
        Name of the bucket.
    key
        Key of a ``.tar.gz`` or ``.mar`` object, or a prefix that ends with ``/`` under which the files lie unpacked.
    """

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The ``s3://`` address."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_archive(self) -> bool:
        """Whether the address names one compressed archive; otherwise it is a prefix of uncompressed files."""
        return not self.key.endswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalArtifact:
    """Model data on this machine, packaged and uploaded by the deployment.

    Attributes
    ----------
    path
        A directory, which becomes a ``model.tar.gz``, or a ``.tar.gz`` file, which is uploaded as it is.
    """

    path: Path

    @property
    def is_archive(self) -> bool:
        """Whether the path names a finished archive rather than a directory."""
        return self.path.name.endswith(ARCHIVE_SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedArtifact:
    """Model data that a training job of the same settings file leaves; `stacks` puts its address in the place of this.

    Attributes
    ----------
    training_job
        Name of the job among the settings' ``training_jobs``.
    """

    training_job: str

    @property
    def uri(self) -> str:
        """The address that settings write."""
        return f"{TRAINING_JOB}{self.training_job}"

    @property
    def is_archive(self) -> bool:
        """True: a training job leaves a ``model.tar.gz``."""
        return True

    def not_known(self) -> InvalidValueError:
        """Make the error of whoever needs the data, and is handed this."""
        return _wrong(
            f"'{self.uri}' names a training job of a settings file, and is no address outside of one; give the "
            "'artifact' of a TrainingJob construct"
        )


Artifact = S3Artifact | LocalArtifact | TrainedArtifact


@cache
def parse_artifact(location: str | Path) -> Artifact:
    """Read an artifact's location.

    Parameters
    ----------
    location
        ``s3://bucket/path/model.tar.gz``, ``s3://bucket/prefix/``, or the path of a local directory or ``.tar.gz``
        file. CDK tokens may stand in for the bucket and the key. In settings, ``training-job://NAME`` too.

    Raises
    ------
    InvalidValueError
        When an S3 address has no valid bucket, names a single object that is no ``.tar.gz``, or is too long; when
        the address has another scheme.
    """
    text = str(location)
    if text.startswith("s3://"):
        return _parse_s3(text)
    if text.startswith(TRAINING_JOB):
        return TrainedArtifact(training_job=text.removeprefix(TRAINING_JOB))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise _wrong(f"has the scheme of '{text}'; give an s3:// address, a local directory or a local .tar.gz file")
    if is_token(text):
        raise _wrong(
            "is an address that is known at deployment only, so that no role can be limited to it; give "
            "f's3://{bucket_name}/{key}', in which bucket and key may be tokens"
        )
    if not text.strip():
        raise _wrong("is empty; give an s3:// address, a local directory or a local .tar.gz file")
    return LocalArtifact(path=Path(location))


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Give the bucket of an ``s3://`` address, and the key or prefix behind it as it stands."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _parse_s3(uri: str) -> S3Artifact:
    bucket, key = split_s3_uri(uri)
    if not is_token(bucket) and not BUCKET_NAME.fullmatch(bucket):
        raise _wrong(
            f"'{uri}' names no valid bucket; give 's3://BUCKET/path/model.tar.gz', where BUCKET has 3 to 63 lower-case "
            "letters, digits, dots and hyphens"
        )
    if not key:
        raise _wrong(f"'{uri}' has no key; give the path of a .tar.gz object, or a prefix that ends with '/'")
    if not is_token(key) and not key.endswith(("/", ARCHIVE_SUFFIX, MAR_SUFFIX)):
        raise _wrong(
            f"'{uri}' is neither a .tar.gz object nor a prefix; end it with '.tar.gz', or with '/' for uncompressed "
            "files"
        )
    if len(uri) > _S3_URI_MAX:
        raise _wrong(f"is {len(uri)} characters long; SageMaker takes at most {_S3_URI_MAX}")
    return S3Artifact(bucket=bucket, key=key)


def _wrong(message: str) -> InvalidValueError:
    return InvalidValueError("artifact", [Problem("artifact", message)])
