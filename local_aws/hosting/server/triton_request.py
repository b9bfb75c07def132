"""Requests of the open inference protocol (KServe v2), with the binary extension, as Triton reads them.

Sources: triton-inference-server/server, src/http_server.cc (``ParseJsonTritonIO``, ``ReadDataFromJson``) and
src/sagemaker_server.cc (the content type). The texts of refusals are near theirs. What is missing or of another JSON
type, Triton takes for an error of its own: it answers 500.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np

from .triton_tensors import NUMPY_TYPES, texts_of

BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="
"""Content type of a body that is JSON of so many bytes, and the tensors' data after it."""

_INTERNAL, _NOT_SERVED = HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.NOT_IMPLEMENTED
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "array": (lambda value: isinstance(value, list), "non-array as array"),
    "object": (lambda value: isinstance(value, dict), "non-object as object"),
    "string": (lambda value: isinstance(value, str), "non-string as string"),
    "boolean": (lambda value: isinstance(value, bool), "non-boolean as boolean"),
    "unsigned": (lambda value: type(value) is int and 0 <= value < 2**64, "non-unsigned-integer as unsigned-integer"),
    "signed": (lambda value: type(value) is int and -(2**63) <= value < 2**63, "non-signed-integer as signed-integer"),
    "double": (lambda value: type(value) in (int, float) and abs(value) < 2**1024, "non-number as double"),
}
# What Triton reads each type's JSON as, before it casts it.
_WIDE: dict[str, tuple[str, type[Any]]] = {
    "BOOL": ("boolean", np.bool_),
    "INT": ("signed", np.int64),
    "UINT": ("unsigned", np.uint64),
    "FP": ("double", np.float64),
}


class RequestError(Exception):
    """A request that Triton refuses.

    Parameters
    ----------
    message
        Why.
    status
        The status of the answer.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Given:
    """An input of a request: its type and shape as they are stated, and its data.

    From JSON the data is a flat array, or a list of texts; else it is in the binary form, and not looked into yet.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any


@dataclass(frozen=True, slots=True)
class Request:
    """What a body asks for.

    Attributes
    ----------
    id
        What the answer repeats; empty if there is none.
    inputs
        The inputs.
    outputs
        The outputs that are asked for, and whether each is to be binary. Empty: all of them.
    is_binary
        Whether outputs are binary where none are named.
    """

    id: str
    inputs: list[Given]
    outputs: dict[str, bool]
    is_binary: bool


def parse(content_type: str, body: bytes, model: str) -> Request:
    """Read a request to a model.

    Raises
    ------
    RequestError
        When Triton would refuse it, whatever the model is.
    """
    size = _json_size(content_type, body)
    try:
        document = json.loads(body[:size])
    except (ValueError, RecursionError) as error:
        raise RequestError(f"failed to parse the request JSON buffer: {error}", _INTERNAL) from error
    rest = body[size:]
    inputs: dict[str, Given] = {}
    for each in _member(document, "inputs", "array"):
        given, used = _input(each, rest, model)
        if given.name in inputs:
            raise RequestError(f"input '{given.name}' already exists in request")
        inputs[given.name] = given
        rest = rest[used:]
    if rest:
        raise RequestError(f"unexpected additional input data for model '{model}'")
    return Request(
        id=_member(document, "id", "string", default=""),
        inputs=list(inputs.values()),
        outputs=dict(map(_output, _member(document, "outputs", "array", default=[]))),
        is_binary=_member(_parameters(document), "binary_data_output", "boolean", default=False),
    )


def array_of(given: Given, model: str) -> Any:
    """Give an input's data as an array in its shape.

    Raises
    ------
    RequestError
        When the data has another size than the shape.
    """
    array, count = _flat_array(given, model), math.prod(given.shape)
    what = f"for inference input '{given.name}' for model '{model}'"
    if given.datatype == "BYTES" and len(array) != count:
        raise RequestError(f"expected {count} string elements {what}, got {len(array)}")
    try:
        return array.reshape(given.shape)
    except (ValueError, OverflowError) as error:  # no elements, and dimensions beyond any memory
        raise RequestError(f"the shape is too large {what}") from error


def _flat_array(given: Given, model: str) -> Any:
    kind = np.dtype(NUMPY_TYPES[given.datatype])
    if given.datatype == "BYTES":
        return np.array(_texts(given, model), dtype=kind)
    if isinstance(given.data, np.ndarray):
        return given.data
    size = math.prod(given.shape) * kind.itemsize
    if len(given.data) != size:
        raise RequestError(
            f"input byte size mismatch for input '{given.name}' for model '{model}'. Expected {size}, got "
            f"{len(given.data)}"
        )
    return np.frombuffer(given.data, dtype=kind)


def _json_size(content_type: str, body: bytes) -> int:
    if not content_type.startswith(BINARY):
        return len(body)
    text = content_type.removeprefix(BINARY)
    if not text.isdecimal() or int(text) > len(body):
        raise RequestError(f"inference header size should be in range (0, {len(body)}), got: {text}")
    if int(text) == 0:
        raise RequestError("local AWS takes no raw binary requests: a request has JSON", _NOT_SERVED)
    return int(text)


def _input(document: Any, rest: bytes, model: str) -> tuple[Given, int]:
    """Read an input, and say how many bytes of the binary data are its own."""
    parameters = _parameters(document)
    there = [
        *(["data"] if isinstance(document, dict) and "data" in document else []),
        *(name for name in ("binary_data_size", "shared_memory_region") if name in parameters),
    ]
    if len(there) != 1:
        raise RequestError(
            "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', "
            "'shared_memory_region' in 'parameters'. But"
            + (f" set {' '.join(map(repr, there))}" if there else " no field is set")
        )
    name = _member(document, "name", "string")
    datatype = _member(document, "datatype", "string")
    shape = tuple(_value("shape", size, "unsigned") for size in _member(document, "shape", "array"))
    _refuse_shared_memory(parameters)
    if there == ["data"]:
        return Given(name, datatype, shape, _json_data(name, datatype, shape, _member(document, "data", "array"))), 0
    size = _member(parameters, "binary_data_size", "unsigned")
    if size > len(rest):
        raise RequestError(
            f"unexpected size for input '{name}', expecting {size - len(rest)} additional bytes for model '{model}'"
        )
    return Given(name, datatype, shape, rest[:size]), size


def _json_data(name: str, datatype: str, shape: tuple[int, ...], data: list[Any]) -> Any:
    if datatype == "FP16":
        raise RequestError(
            f"receiving FP16 data via JSON is not supported. Please use the binary data format for input {name}"
        )
    if datatype not in NUMPY_TYPES:
        raise RequestError(f"invalid datatype for input {name}")
    if datatype == "BYTES":
        return [_value("data", text, "string") for text in _flat(data)]
    kind, wide = _WIDE[datatype.rstrip("0123456789")]
    values = [_value("data", value, kind) for value in _flat(data)]
    if len(values) != math.prod(shape):
        raise RequestError("Unable to parse 'data': Shape does not match true shape of 'data' field", _INTERNAL)
    with np.errstate(over="ignore"):
        return np.array(values, dtype=wide).astype(NUMPY_TYPES[datatype])


def _texts(given: Given, model: str) -> list[str]:
    if isinstance(given.data, list):
        return given.data
    what = f"inference input '{given.name}' for model '{model}'"
    try:
        return [text.decode() for text in texts_of(given.data)]
    except UnicodeDecodeError as error:  # ONNX Runtime's Python interface takes no others
        raise RequestError(f"local AWS takes texts in UTF-8, and {what} has another", _NOT_SERVED) from error
    except ValueError as error:
        raise RequestError(f"incomplete string data for {what}: {error}") from error


def _output(document: Any) -> tuple[str, bool]:
    name, parameters = _member(document, "name", "string"), _parameters(document)
    _refuse_shared_memory(parameters)
    if parameters.get("classification"):
        raise RequestError(
            f"local AWS gives no 'classification' of output '{name}'; ask for the output itself",
            _NOT_SERVED,
        )
    return name, _member(parameters, "binary_data", "boolean", default=False)


def _refuse_shared_memory(parameters: dict[str, Any]) -> None:
    if "shared_memory_region" in parameters:  # SageMaker gives no way to register one
        raise RequestError(f"Unable to find shared memory region: '{parameters['shared_memory_region']}'")


def _flat(data: list[Any]) -> Iterator[Any]:
    """Give the values of nested lists; their depth may be any."""
    stack = [iter(data)]
    while stack:
        for value in stack[-1]:
            if isinstance(value, list):
                stack.append(iter(value))
                break
            yield value
        else:
            stack.pop()


def _parameters(document: Any) -> dict[str, Any]:
    found: dict[str, Any] = _member(document, "parameters", "object", default={})
    return found


def _member(document: Any, name: str, kind: str, *, default: Any = None) -> Any:
    if isinstance(document, dict) and name in document:
        return _value(name, document[name], kind)
    if default is None:
        raise RequestError(
            f"Unable to parse '{name}': attempt to access non-existing object member '{name}'", _INTERNAL
        )
    return default


def _value(name: str, value: Any, kind: str) -> Any:
    fits, wrong = _KINDS[kind]
    if not fits(value):
        raise RequestError(f"Unable to parse '{name}': attempt to access JSON {wrong}", _INTERNAL)
    return value
