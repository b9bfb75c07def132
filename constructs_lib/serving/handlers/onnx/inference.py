"""Serves any ONNX model in SageMaker's PyTorch container: JSON, CSV and NPY in, JSON, CSV and NPY out.

JSON has the instances one by one; a model with several inputs takes an object for each, by the inputs' names:

    {"instances": [[1.0, 2.0], [5.0, 6.0]]}                     → {"predictions": [[2.5, 3.0], [4.5, 5.0]]}
    {"instances": [{"ids": [1, 2], "mask": [1, 1]}]}            → {"predictions": [{"logits": …, "state": …}]}

An answer has one prediction per instance, in the same order: the output's values, or an object by the outputs' names
where there are several. CSV is one instance per line, and NPY one array with the instances along its first axis; both
are for models with one input and, in the answer, one output.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnxruntime  # here, so that requests can be tested where it is not installed

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
CONTENT_TYPES = (JSON, CSV, NPY)

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


def model_fn(model_dir: str) -> onnxruntime.InferenceSession:
    """Load the one ``.onnx`` file that lies beside this code's folder.

    Raises
    ------
    ValueError
        When there is none, or more than one.
    """
    import onnxruntime  # here, so that requests can be tested where it is not installed

    found = sorted(Path(model_dir).glob("*.onnx"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ValueError(f"the archive must have one .onnx file at its top, found {names}")
    options = onnxruntime.SessionOptions()
    if threads := os.environ.get("OMP_NUM_THREADS"):
        options.intra_op_num_threads = int(threads)  # the container runs a worker per core
    there = onnxruntime.get_available_providers()
    wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in there]
    return onnxruntime.InferenceSession(str(found[0]), sess_options=options, providers=wanted)


def input_fn(request_body: str | bytes | bytearray, content_type: str = JSON) -> Any:
    """Read the instances of a request; which input each is for, and of which type, is the model's to say.

    Returns
    -------
    list or array
        A list of instances, or from NPY an array.

    Raises
    ------
    ValueError
        When the request cannot be read, with what is wrong and what is expected.
    """
    media_type = _media_type(content_type, "Content-Type")
    body = request_body.encode() if isinstance(request_body, str) else bytes(request_body)
    if media_type == NPY:
        return _read_npy(body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the request is not UTF-8 text") from None
    instances = _read_json(text) if media_type == JSON else _read_csv(text)
    if not instances:
        raise ValueError("the request has no instances; expected at least one")
    return instances


def predict_fn(instances: Any, model: onnxruntime.InferenceSession) -> dict[str, Any]:
    """Run the model on all instances at once.

    Returns
    -------
    dict
        The outputs' arrays by name.

    Raises
    ------
    ValueError
        When the instances do not fit the model's inputs.
    """
    wanted = model.get_inputs()
    feeds = {each.name: _feed(instances, each, alone=len(wanted) == 1) for each in wanted}
    names = [each.name for each in model.get_outputs()]
    try:
        return dict(zip(names, model.run(names, feeds), strict=True))
    except Exception as error:  # onnxruntime's own exceptions have no common class that its stubs name
        shapes = ", ".join(f"{each.name} {each.type}{each.shape}" for each in wanted)
        given = ", ".join(f"{name} {list(feed.shape)}" for name, feed in feeds.items())
        raise ValueError(f"the model takes {shapes}, got {given}: {error}") from None


def output_fn(outputs: dict[str, Any], accept: str = JSON) -> tuple[str | bytes, str]:
    """Write the answer in the format that the client accepts.

    Raises
    ------
    ValueError
        When no accepted format is one of ours, or the format takes one output and the model has several.
    """
    media_type = _media_type(accept, "Accept")
    if media_type == JSON:
        return json.dumps({"predictions": _predictions(outputs)}), JSON
    if len(outputs) != 1:
        raise ValueError(f"{media_type} takes one output, and the model has {', '.join(outputs)}; accept {JSON}")
    (array,) = (np.asarray(each) for each in outputs.values())
    if media_type == NPY:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return buffer.getvalue(), NPY
    rows = array.reshape(array.shape[0], -1) if array.ndim else array.reshape(1, 1)
    return "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()), CSV


def _feed(instances: Any, wanted: Any, *, alone: bool) -> Any:
    """Make the array of one input."""
    kind = _TYPES.get(wanted.type)
    if kind is None:
        raise ValueError(f"the model's input '{wanted.name}' is a {wanted.type}, which requests cannot carry")
    named = not isinstance(instances, np.ndarray) and isinstance(instances[0], dict)
    if not named and not alone:
        raise ValueError(
            f"the model has several inputs; expected each instance as an object with '{wanted.name}' in it"
        )
    values = instances
    if named:
        missing = [number for number, each in enumerate(instances, 1) if wanted.name not in _object(each)]
        if missing:
            raise ValueError(f"instance {missing[0]} of {len(instances)} has no '{wanted.name}'")
        values = [each[wanted.name] for each in instances]
    try:
        return np.asarray(values, dtype=kind)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"the instances are no array of {wanted.type} for the input '{wanted.name}' {wanted.shape}: "
            "all must have the same shape and be numbers"
        ) from None


def _object(instance: Any) -> dict[str, Any]:
    return instance if isinstance(instance, dict) else {}


def _predictions(outputs: dict[str, Any]) -> list[Any]:
    columns = {name: _plain(array) for name, array in outputs.items()}
    if len(columns) == 1:
        (only,) = columns.values()
        return only
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(output: Any) -> list[Any]:
    """Give an output as JSON can carry it: one entry per instance. Sequences of maps (scikit-learn's) stay lists."""
    values = output.tolist() if isinstance(output, np.ndarray) else output
    values = values if isinstance(values, list) else [values]
    return [{str(key): value for key, value in each.items()} if isinstance(each, dict) else each for each in values]


def _media_type(header: str | None, name: str) -> str:
    """Return the first of our media types that a header names, without its parameters; without a header, JSON."""
    for entry in (header or JSON).split(","):
        media_type = entry.split(";")[0].strip().lower()
        if media_type in CONTENT_TYPES:
            return media_type
        if name == "Accept" and media_type in {"*/*", "application/*"}:
            return JSON
        if name == "Accept" and media_type == "text/*":
            return CSV
    raise ValueError(f"{name} {header!r} is not supported; use one of {', '.join(CONTENT_TYPES)}")


def _read_json(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"the request is not JSON: {error}") from None
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list):
        raise ValueError('the request has no list of "instances"; expected {"instances": [instance, …]}')
    return instances


def _read_csv(text: str) -> list[Any]:
    return [line.split(",") for line in text.splitlines() if line.strip()]


def _read_npy(body: bytes) -> Any:
    try:
        array = np.load(io.BytesIO(body), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"the request is not an NPY array: {error}") from None
    if array.ndim == 0 or not array.size:
        raise ValueError("the request has no instances; expected an array with the instances along its first axis")
    return array
