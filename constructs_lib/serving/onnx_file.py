"""What an ONNX file takes and gives, read from the file itself, without the ``onnx`` package.

The file is one protobuf message. Only the few fields that describe inputs and outputs are read; weights are skipped, so
that a file of many gigabytes costs no more than a small one. Source of the field numbers: onnx/onnx, onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_LONGEST_NAME = 10_000


class OnnxFileError(ValueError):
    """A file that is no ONNX model; the text says why."""


@dataclass(frozen=True, slots=True)
class OnnxTensor:
    """An input or output of a model.

    Attributes
    ----------
    name
        Its name.
    element_type
        The number of its element type (``TensorProto.DataType``); None for a sequence, a map or a sparse tensor.
    shape
        Its dimensions, of which None is one that is free. None: the file does not say how many there are.
    """

    name: str
    element_type: int | None
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class OnnxSignature:
    """What a model takes and gives, in the order of the file."""

    inputs: tuple[OnnxTensor, ...]
    outputs: tuple[OnnxTensor, ...]


def read_onnx(path: Path) -> OnnxSignature:
    """Read the inputs and outputs of an ONNX file.

    Raises
    ------
    OnnxFileError
        When the file is no ONNX model, or is cut off.
    """
    with path.open("rb") as file:
        whole = _Field(0, _BYTES, 0, path.stat().st_size)
        graphs = [field for field in _fields(file, whole) if field.number == 7 and field.wire == _BYTES]
        if len(graphs) != 1:
            raise OnnxFileError("it has no graph")
        found: dict[int, list[OnnxTensor]] = {11: [], 12: []}
        weights = set()
        for field in _fields(file, graphs[0]):
            if field.number in found:
                found[field.number].append(_value_info(file, field))
            elif field.number == 5:  # initializer, which files of before 2019 list among the inputs as well
                weights.add(_text(file, field, 8))
        if not found[12]:
            raise OnnxFileError("its graph has no output")
        return OnnxSignature(tuple(each for each in found[11] if each.name not in weights), tuple(found[12]))


class _Field(NamedTuple):
    number: int
    wire: int
    start: int  # of its content
    value: int  # the number itself, or the bytes that the content has

    @property
    def end(self) -> int:
        return self.start + self.value


def _value_info(file: BinaryIO, info: _Field) -> OnnxTensor:
    name = _text(file, info, 1)
    # ValueInfoProto.type, TypeProto.tensor_type
    tensor = _inner(file, _inner(file, info, 2), 1)
    if tensor is None:
        return OnnxTensor(name, None, None)
    kind = next((field.value for field in _fields(file, tensor) if field.number == 1), None)
    shape = _inner(file, tensor, 2)
    if shape is None:
        return OnnxTensor(name, kind, None)
    return OnnxTensor(name, kind, tuple(_dimension(file, each) for each in _fields(file, shape) if each.number == 1))


def _dimension(file: BinaryIO, dimension: _Field) -> int | None:
    """Give a fixed size; None for a free one, which has a name (``dim_param``) or nothing."""
    sizes = (field.value for field in _fields(file, dimension) if field.number == 1 and field.wire == _VARINT)
    size = next(sizes, 0)
    return size if 0 < size < 2**63 else None


def _inner(file: BinaryIO, message: _Field | None, number: int) -> _Field | None:
    if message is None:
        return None
    return next((field for field in _fields(file, message) if (field.number, field.wire) == (number, _BYTES)), None)


def _text(file: BinaryIO, message: _Field, number: int) -> str:
    field = _inner(file, message, number)
    if field is None:
        return ""
    if field.value > _LONGEST_NAME:
        raise OnnxFileError("it has a name that is too long")
    file.seek(field.start)
    return file.read(field.value).decode("utf-8", errors="replace")


def _fields(file: BinaryIO, message: _Field) -> Iterator[_Field]:
    """Give the fields of a message one after the other; the content of none is read."""
    if message.wire != _BYTES:
        raise OnnxFileError("it is no protobuf message")
    position = message.start
    while position < message.end:
        file.seek(position)
        key = _varint(file)
        number, wire = key >> 3, key & 7
        if wire in (_VARINT, _BYTES):
            value = _varint(file)
            position = file.tell()
            field = _Field(number, wire, position, value)
            position += value if wire == _BYTES else 0
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
            position = file.tell() + size
            field = _Field(number, wire, position - size, size)
        else:
            raise OnnxFileError("it is no protobuf message")
        if not number or position > message.end:
            raise OnnxFileError("it is cut off, or no protobuf message")
        yield field


def _varint(file: BinaryIO) -> int:
    number = 0
    for place in range(_LONGEST_VARINT):
        byte = file.read(1)
        if not byte:
            raise OnnxFileError("it is cut off, or no protobuf message")
        number |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            return number
    raise OnnxFileError("it is no protobuf message")
