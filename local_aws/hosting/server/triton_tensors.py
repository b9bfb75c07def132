"""Triton's data types and shapes, and what ONNX Runtime and NumPy call them.

Sources: triton-inference-server/server, src/http_server.cc (``ReadDataFromJson``, ``WriteDataToJson``); the binary form
of BYTES: docs/protocol/extension_binary_data.md.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

NUMPY_TYPES: dict[str, type[Any]] = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}
"""Triton's name of each type that its ONNX Runtime backend serves."""

ONNX_TYPES = {
    "tensor(bool)": "BOOL",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
    **{f"tensor({name.lower()})": name for name in NUMPY_TYPES if "INT" in name},
}
"""The same types by ONNX Runtime's names."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or output as a configuration declares it.

    Attributes
    ----------
    name
        Its name.
    datatype
        Its type, as requests name it.
    dims
        Its shape without the dimension of the batch; -1 is any size.
    reshape
        The shape that the model itself has for it. None: the same.
    optional
        Whether a request may leave it out.
    """

    name: str
    datatype: str
    dims: tuple[int, ...]
    reshape: tuple[int, ...] | None = None
    optional: bool = False


def shown(dims: Iterable[int]) -> str:
    """Write a shape as Triton's messages do."""
    return f"[{','.join(map(str, dims))}]"


def to_bytes(array: Any) -> bytes:
    """Write a tensor in the binary form; a text is its length in four bytes, and itself."""
    if array.dtype != np.object_:
        return bytes(np.ascontiguousarray(array).tobytes())
    texts = [text.encode() for text in array.ravel()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def texts_of(data: bytes) -> Iterator[bytes]:
    """Read the texts of the binary form.

    Raises
    ------
    ValueError
        When the last one is cut off.
    """
    position = 0
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "little")
        if start > len(data) or position > len(data):
            raise ValueError("a text is cut off")
        yield data[start:position]
