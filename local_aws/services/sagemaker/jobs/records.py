"""The records of an input object, and the payloads that they are sent in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from local_aws.services.sagemaker.jobs.job import JobFailedError

# https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading
_RECORD_IO_MAGIC, _LENGTH_BITS = 0xCED7230A, 29


@dataclass(frozen=True, slots=True)
class Record:
    """One record: as it stands in its object, and without what surrounds it there."""

    framed: bytes
    content: bytes


def split(body: bytes, split_type: str) -> list[Record]:
    """Return the records of an object; the whole object when it is not to be split.

    Raises
    ------
    JobFailedError
        When the object is not of that format.
    """
    if split_type == "None":
        return [Record(body, body)]
    if split_type == "Line":
        lines = body.splitlines(keepends=True)
        return [Record(line, line.rstrip(b"\r\n")) for line in lines if line.strip()]
    try:
        return list(_record_io(body) if split_type == "RecordIO" else _tf_records(body))
    except struct.error as error:
        raise JobFailedError(f"ClientError: the object is not a file of {split_type} records: {error}") from error


def payloads(records: list[Record], *, strategy: str, limit: int) -> list[list[Record]]:
    """Return the records of each payload: one, or as many as fit.

    Parameters
    ----------
    records
        The records of one object.
    strategy
        ``SingleRecord`` or ``MultiRecord``.
    limit
        The most bytes of a payload; 0: there is no limit.

    Raises
    ------
    JobFailedError
        When a record is larger than a payload may be.
    """
    batches: list[list[Record]] = []
    room = 0
    for record in records:
        size = len(record.framed)
        if limit and size > limit:
            raise JobFailedError(f"ClientError: Too much data for max payload size: a record has {size} bytes")
        if not batches or strategy == "SingleRecord" or (limit and size > room):
            batches.append([])
            room = limit
        batches[-1].append(record)
        room -= size
    return batches


def body_of(batch: list[Record], *, strategy: str) -> bytes:
    """Return a payload; a single record is sent without what surrounds it in its object."""
    if strategy == "SingleRecord":
        return batch[0].content
    return b"".join(record.framed for record in batch)


def _record_io(body: bytes) -> Iterator[Record]:
    position = 0
    while position < len(body):
        magic, length = struct.unpack_from("<II", body, position)
        if magic != _RECORD_IO_MAGIC or length >> _LENGTH_BITS:
            raise struct.error(f"there is no whole record at byte {position}")
        start = position + 8
        end = start + length
        framed_end = end + -length % 4
        yield Record(_slice(body, position, framed_end), body[start:end])
        position = framed_end


def _tf_records(body: bytes) -> Iterator[Record]:
    position = 0
    while position < len(body):
        (length,) = struct.unpack_from("<Q", body, position)
        start = position + 12
        yield Record(_slice(body, position, start + length + 4), body[start : start + length])
        position = start + length + 4


def _slice(body: bytes, start: int, end: int) -> bytes:
    if end > len(body):
        raise struct.error(f"the record at byte {start} is cut off")
    return body[start:end]
