"""Upload of an archive to S3, under a key that follows from its content.

What is there already is not sent again. A large archive goes up in parts, several at a time, each with its SHA-256,
which S3 checks. An upload that was interrupted leaves its parts in S3: the next one of the same archive finds them,
compares their checksums with the file, and sends what is missing. A bucket's lifecycle rule
(``AbortIncompleteMultipartUpload``) removes what nobody finishes.

S3 user guide: "Multipart upload limits", "Checking object integrity for data uploads".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from constructs_lib.serving.artifacts import ARCHIVE_SUFFIX, BUCKET_NAME, MAR_SUFFIX, split_s3_uri
from constructs_lib.tools import aws
from constructs_lib.tools.at_once import at_once
from constructs_lib.tools.command import ToolError

PART_BYTES = 8 << 20
MOST_PARTS = 10_000
AT_ONCE = 8


def upload(
    path: Path,
    destination: str,
    *,
    digest: str,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    client: Any = None,
) -> str:
    """Upload an archive as ``<destination><digest>/<name>``, unless it is there.

    Parameters
    ----------
    path
        The file.
    destination
        ``s3://bucket`` or ``s3://bucket/prefix/``.
    digest
        What its content is recognised by, as in `constructs_lib.serving.archive.Archive`.
    name
        The object's name under the digest. None: the file's own.
    progress
        Called with the bytes that S3 has, and all. None: nobody is told.
    client
        A boto3 client of S3. None: one with the caller's own credentials.

    Returns
    -------
    str
        The object's ``s3://`` address.

    Raises
    ------
    ToolError
        When the destination is none, when there are no credentials, when S3 refuses, or when it cannot be reached
        after several tries; what it has by then is kept for the next one.
    """
    bucket, prefix = _destination(destination)
    target = _Target(bucket, f"{prefix}{digest}/{name or path.name}")
    with aws.explained(f"upload to {target.uri}"):
        s3 = client or aws.client("s3", max_pool_connections=AT_ONCE)
        if not _is_there(s3, target):
            _send(s3, target, path, progress or (lambda *_: None))
    return target.uri


@dataclass(frozen=True, slots=True)
class _Target:
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def address(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key}


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Multipart:
    """An upload in parts that was begun, now or earlier."""

    s3: Any
    target: _Target
    path: Path
    upload_id: str
    kept: Mapping[int, Mapping[str, Any]]  # what S3 has of it: by part number, as ListParts tells it

    def send(self, part: _Part) -> dict[str, Any]:
        """Send a part, unless S3 has it with these bytes."""
        with self.path.open("rb") as file:
            file.seek(part.start)
            data = file.read(part.size)
        checksum = _base64(hashlib.sha256(data))
        answer = self.kept.get(part.number, {})
        if answer.get("ChecksumSHA256") != checksum:
            where = {**self.target.address, "UploadId": self.upload_id, "PartNumber": part.number}
            answer = self.s3.upload_part(**where, Body=data, ChecksumSHA256=checksum)
        return {"PartNumber": part.number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

    def complete(self, parts: list[dict[str, Any]]) -> None:
        """Make them the object."""
        where = {**self.target.address, "UploadId": self.upload_id}
        try:
            self.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except self.s3.exceptions.NoSuchUpload:
            # The answer to a first try was lost: then the object is there.
            if not _is_there(self.s3, self.target):
                raise


def _destination(text: str) -> tuple[str, str]:
    bucket, prefix = split_s3_uri(text)
    if not text.startswith("s3://") or not BUCKET_NAME.fullmatch(bucket):
        raise ToolError(f"'{text}' is no place to upload to; give s3://BUCKET/PREFIX/")
    if prefix.endswith((ARCHIVE_SUFFIX, MAR_SUFFIX)):
        raise ToolError(
            f"'{text}' names an object, whose key follows from the content; give the prefix that it goes under, "
            "s3://BUCKET/PREFIX/"
        )
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""


def _is_there(s3: Any, target: _Target) -> bool:
    try:
        s3.head_object(**target.address)
    except s3.exceptions.ClientError as error:
        # Whoever may not list the bucket is told 403 instead of 404. An answer to HEAD has no words: of an expired
        # token it is a bare 400, which the request that follows is told the reason of.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403, 404):
            return False
        raise
    return True


def _send(s3: Any, target: _Target, path: Path, progress: Callable[[int, int], None]) -> None:
    size = path.stat().st_size
    if size > PART_BYTES:
        upload_id, kept = _unfinished(s3, target) or (_begin(s3, target), {})
        _send_parts(_Multipart(s3, target, path, upload_id, kept), list(_parts(size)), progress)
        return
    data = path.read_bytes()
    s3.put_object(**target.address, Body=data, ChecksumSHA256=_base64(hashlib.sha256(data)))
    progress(size, size)


def _send_parts(upload: _Multipart, parts: list[_Part], progress: Callable[[int, int], None]) -> None:
    done, size = 0, sum(part.size for part in parts)
    sent = []
    try:
        for part, answer in at_once(upload.send, parts, most=AT_ONCE):
            sent.append(answer)
            done += part.size
            progress(done, size)
    except BaseException as error:
        error.add_note("run it again to go on: what has been sent is kept")
        raise
    upload.complete(sorted(sent, key=itemgetter("PartNumber")))


def _parts(size: int) -> Iterator[_Part]:
    """Cut a file of this size always in the same way, so that another upload of it finds its parts."""
    part_bytes = PART_BYTES
    while part_bytes * MOST_PARTS < size:
        part_bytes *= 2
    for number, start in enumerate(range(0, size, part_bytes), 1):
        yield _Part(number, start, min(part_bytes, size - start))


def _begin(s3: Any, target: _Target) -> str:
    return str(s3.create_multipart_upload(**target.address, ChecksumAlgorithm="SHA256")["UploadId"])


def _unfinished(s3: Any, target: _Target) -> tuple[str, dict[int, dict[str, Any]]] | None:
    """Find the latest upload of this object that was begun and not finished, and its parts."""
    try:
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=target.bucket, Prefix=target.key)
        begun = [upload for page in pages for upload in page.get("Uploads", ()) if upload["Key"] == target.key]
        # One that another tool began with another checksum takes none of ours.
        begun = [upload for upload in begun if upload.get("ChecksumAlgorithm", "SHA256") == "SHA256"]
        if not begun:
            return None
        upload_id = max(begun, key=lambda upload: upload["Initiated"])["UploadId"]
        pages = s3.get_paginator("list_parts").paginate(**target.address, UploadId=upload_id)
        return upload_id, {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}
    except s3.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):  # it may only write, or it has just gone
            return None
        raise


def _base64(digest: Any) -> str:
    return base64.b64encode(digest.digest()).decode()
