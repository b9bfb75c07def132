"""ONNX files written byte by byte, as the onnx package would."""

from __future__ import annotations

from collections.abc import Sequence

FLOAT = 1


def varint(number: int) -> bytes:
    """Write a number as protobuf does."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, content: bytes) -> bytes:
    """Write a field that is text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def dimension(size: int | None) -> bytes:
    return field(1, field(2, b"batch") if size is None else varint(1 << 3) + varint(size))


def tensor(number: int, name: str, element_type: int, shape: Sequence[int | None] | None) -> bytes:
    """Write an input (11) or output (12) of a graph."""
    sizes = b"" if shape is None else field(2, b"".join(map(dimension, shape)))
    kind = varint(1 << 3) + varint(element_type) + sizes
    return field(number, field(1, name.encode()) + field(2, field(1, kind)))


def graph(*parts: bytes) -> bytes:
    return field(7, b"".join(parts))


def model(*parts: bytes) -> bytes:
    """Write a file: version 8 of the format, then the graph."""
    return varint(1 << 3) + varint(8) + graph(*parts)
