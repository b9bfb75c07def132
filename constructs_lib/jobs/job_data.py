"""Data that a job reads: under an S3 prefix, or in a local directory that the deployment uploads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.artifacts import split_s3_uri
from constructs_lib.serving.problems import Problem, is_token
from constructs_lib.serving.source_file import ArchiveError

_URI_MAX = 1024  # botocore sagemaker S3Uri
_FILES_MAX = 500  # each is an asset of its own, which the deployment uploads in turn


def is_local(location: str) -> bool:
    """Tell whether data is on this machine, rather than in S3."""
    return not location.startswith("s3://")


def data_problems(field: str, location: str) -> Iterator[Problem]:
    """Check that a field is the address of an S3 prefix, which is not a whole bucket, or the path of a directory.

    Parameters
    ----------
    field
        The field.
    location
        ``s3://BUCKET/PREFIX``, where CDK tokens may stand in for bucket and prefix, or a path.
    """
    if not is_local(location):
        wrong = list(prefix_problems(field, location, most=_URI_MAX))
        yield from wrong
        _, prefix = split_s3_uri(location)
        if not wrong and not prefix.strip("/"):
            yield Problem(field, f"has an empty prefix: '{location}' is a whole bucket; give 's3://BUCKET/PREFIX/'")
    elif is_token(location):
        yield Problem(field, f"is known at deployment only; give f's3://{{bucket_name}}/prefix/', got '{location}'")
    elif not location.strip():
        yield Problem(field, "is empty; give 's3://BUCKET/PREFIX/', or a local directory")
    elif "://" in location:
        yield Problem(field, f"must be an s3:// address or a local directory, got '{location}'")


def file_problems(field: str, location: str) -> Iterator[Problem]:
    """Check that data on this machine is a directory of files that can be uploaded; S3 is not asked."""
    if not is_local(location):
        return
    try:
        count = len(list_files(Path(location)))
    except ArchiveError as error:
        yield from (Problem(field, line) for line in str(error).splitlines())
        return
    if count > _FILES_MAX:
        yield Problem(
            field,
            f"has {count} files in '{location}', and the deployment uploads at most {_FILES_MAX}; upload them to S3 "
            "yourself (`aws s3 sync`), and give the s3:// address",
        )


def relative_to(location: str, directory: Path) -> str:
    """Read a local path as seen from a directory; an S3 address stays as it is."""
    return str(directory / location) if is_local(location) else location
