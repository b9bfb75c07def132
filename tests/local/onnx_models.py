"""ONNX models that give what they get, written byte by byte: no test environment has the onnx package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# TensorProto.DataType
FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64, BFLOAT16 = (
    *range(1, 14),
    16,
)
Shape = Sequence[int | None]


def identity_model(inputs: Mapping[str, tuple[int, Shape]]) -> bytes:
    """Write a model that gives each input, of an element type and shape, as the output ``NAME_out``."""
    parts = [_field(2, b"identity")]
    for name, (element_type, shape) in inputs.items():
        output = f"{name}_out"
        parts += [
            _field(1, _field(1, name.encode()) + _field(2, output.encode()) + _field(4, b"Identity")),
            _field(11, _value_info(name, element_type, shape)),
            _field(12, _value_info(output, element_type, shape)),
        ]
    operators = _field(8, _field(1, b"") + _number(2, 16))
    return _number(1, 8) + operators + _field(7, b"".join(parts))


def _value_info(name: str, element_type: int, shape: Shape) -> bytes:
    sizes = (
        _field(2, f"{name}{place}".encode()) if size is None else _number(1, size) for place, size in enumerate(shape)
    )
    dimensions = b"".join(_field(1, size) for size in sizes)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, element_type) + _field(2, dimensions)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
