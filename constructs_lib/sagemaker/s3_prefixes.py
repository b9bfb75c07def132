"""S3 prefixes that an endpoint or a job reads from or writes to, as ``s3://`` addresses."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.serving.artifacts import BUCKET_NAME, split_s3_uri
from constructs_lib.serving.problems import Problem, is_token

_MAX_LENGTH = 512  # botocore sagemaker DestinationS3Uri


def prefix_problems(name: str, uri: str | None, *, most: int = _MAX_LENGTH) -> Iterator[Problem]:
    """Check that a field is the address of an S3 prefix; None is not checked.

    Parameters
    ----------
    name
        The field.
    uri
        ``s3://BUCKET/PREFIX``; CDK tokens may stand in for bucket and prefix.
    most
        Most characters that SageMaker takes.
    """
    if uri is None:
        return
    if not uri.startswith("s3://"):
        hint = "; write 's3://' in front of the token of the bucket's name" if is_token(uri) else ""
        yield Problem(name, f"must look like 's3://BUCKET/PREFIX', got '{uri}'{hint}")
        return
    bucket, _ = split_s3_uri(uri)
    if not is_token(bucket) and not BUCKET_NAME.fullmatch(bucket):
        allowed = "3 to 63 lower-case letters, digits, dots and hyphens"
        yield Problem(name, f"must look like 's3://BUCKET/PREFIX', where BUCKET has {allowed}, got '{uri}'")
    if not is_token(uri) and len(uri) > most:
        yield Problem(name, f"is {len(uri)} characters long; SageMaker takes at most {most}")


def split_prefix(uri: str) -> tuple[str, str]:
    """Give the bucket of an address and the prefix in it, which ends with ``/`` unless it is empty."""
    bucket, prefix = split_s3_uri(uri)
    return bucket, f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
