"""Messages of ``application/vnd.amazon.eventstream``, as which AWS services send what they have not finished yet.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7  # type of a header's value


def event(kind: str, payload: bytes) -> bytes:
    """Return the message of an event whose payload is bytes."""
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/octet-stream"}
    return _message(headers, payload)


def exception(kind: str, members: Mapping[str, str]) -> bytes:
    """Return the message of an exception, with which a stream ends."""
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return _message(headers, json.dumps(members).encode())


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    encoded = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack("!II", len(encoded) + len(payload) + 16, len(encoded))
    message = lengths + _checksum(lengths) + encoded + payload
    return message + _checksum(message)


def _checksum(data: bytes) -> bytes:
    return struct.pack("!I", zlib.crc32(data))
