"""SavedModels, found and called as TensorFlow Serving does.

https://www.tensorflow.org/tfx/serving/api_rest, "Predict API" and "JSON mapping". TensorFlow is imported when a model
is loaded, and may be missing.
"""

import base64
import importlib
import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FILE = "saved_model.pb"
_DEFAULT = "serving_default"


class RequestError(Exception):
    """A request that TensorFlow Serving would refuse with 400."""


def find_models(directory: Path) -> dict[str, dict[int, Path]]:
    """Find the versions of each model: each ``<name>/<version>/saved_model.pb``, as the container does.

    Returns
    -------
    dict
        The directories by the model's name and version. A version right at the top belongs to ``"model"``.
    """
    found: dict[str, dict[int, Path]] = {}
    for file in sorted(directory.rglob(_FILE)):
        if file.parent.name.isascii() and file.parent.name.isdigit():
            found.setdefault(file.parent.parent.name, {})[int(file.parent.name)] = file.parent
    return found


class SavedModel:
    """A loaded SavedModel.

    Parameters
    ----------
    directory
        The directory of its version.

    Raises
    ------
    NotImplementedError
        When TensorFlow is not installed.
    """

    def __init__(self, directory: Path) -> None:
        if importlib.util.find_spec("tensorflow") is None:
            raise NotImplementedError(
                "a SavedModel needs tensorflow where local AWS runs: pip install tensorflow-cpu, or tensorflow"
            )
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        self._tf: Any = importlib.import_module("tensorflow")
        self._model = self._tf.saved_model.load(str(directory))

    def predict(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the body of a ``:predict`` request, in rows (``instances``) or in columns (``inputs``).

        Raises
        ------
        RequestError
            When the request does not fit the signature, or the model refuses its values.
        """
        name = request.get("signature_name", _DEFAULT)
        signature = self._model.signatures.get(name)
        if signature is None:
            raise RequestError(f"the model has no signature '{name}'; it has {', '.join(self._model.signatures)}")
        specs = signature.structured_input_signature[1]
        in_rows = "instances" in request
        if in_rows == ("inputs" in request):
            raise RequestError("the request must have either 'instances' or 'inputs'")
        columns = _columns(request["instances"], specs) if in_rows else _named(request["inputs"], specs)
        try:
            tensors = {key: self._tf.constant(_decoded(columns[key]), spec.dtype) for key, spec in specs.items()}
            outputs = {key: _listed(value.numpy(), key) for key, value in signature(**tensors).items()}
        except (ValueError, TypeError, self._tf.errors.OpError) as error:
            raise RequestError(str(error)) from error
        return {"predictions": _rows(outputs)} if in_rows else {"outputs": _bare(outputs)}


def parse(body: bytes) -> dict[str, Any]:
    """Parse the body of a request.

    Raises
    ------
    RequestError
        When it is no JSON object.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise RequestError(f"JSON parse error: {error}") from error
    if not isinstance(request, dict):
        raise RequestError("the request must be a JSON object")
    return request


def _columns(instances: Any, specs: Mapping[str, Any]) -> dict[str, Any]:
    """Turn rows into one list for each input."""
    if not isinstance(instances, list) or not instances:
        raise RequestError("'instances' must be a list that is not empty")
    if all(isinstance(row, dict) and set(row) == set(specs) for row in instances):
        return {key: [row[key] for row in instances] for key in specs}
    if len(specs) != 1:
        raise RequestError(f"each of 'instances' must be an object with {', '.join(specs)}")
    return dict.fromkeys(specs, instances)


def _named(inputs: Any, specs: Mapping[str, Any]) -> dict[str, Any]:
    """Give each input its value: the one input of a model needs no name."""
    if isinstance(inputs, dict) and set(inputs) == set(specs):
        return inputs
    if len(specs) != 1:
        raise RequestError(f"'inputs' must be an object with {', '.join(specs)}")
    return dict.fromkeys(specs, inputs)


def _decoded(value: Any) -> Any:
    """Decode the objects ``{"b64": …}`` that stand for bytes."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"])
    return value


def _listed(array: Any, name: str) -> Any:
    """Turn an output into what JSON can say; bytes are text, or ``b64`` where the output's name ends so."""

    def encoded(value: Any) -> Any:
        if isinstance(value, list):
            return [encoded(item) for item in value]
        if isinstance(value, bytes):
            return {"b64": base64.b64encode(value).decode()} if name.endswith("_bytes") else value.decode()
        return value

    return encoded(array.tolist())


def _rows(outputs: Mapping[str, Any]) -> list[Any]:
    if len({len(rows) if isinstance(rows, list) else None for rows in outputs.values()} - {None}) != 1:
        raise RequestError("the outputs have no common first dimension to be given in rows; ask with 'inputs'")
    if len(outputs) == 1:
        return list(next(iter(outputs.values())))
    return [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]


def _bare(outputs: Mapping[str, Any]) -> Any:
    return next(iter(outputs.values())) if len(outputs) == 1 else dict(outputs)
