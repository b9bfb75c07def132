"""Triton's HTTP API, which is the open inference protocol, version 2.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke import http
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import JSON, Payload, json_payload
from constructs_lib.tools.invoke.servers import ModelServer

_NUMPY_TYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Triton(ModelServer):
    """Triton over HTTP.

    A JSON object with ``inputs`` is sent as it is. An array, the rows of a CSV and a list of instances become the
    model's only input, in the type that the model asks for.
    """

    def call(self, payload: Payload) -> Answer:
        """Ask for inference."""
        if payload.kind == JSON and isinstance(document := payload.document(), dict) and "inputs" in document:
            ready = payload
        else:
            ready = json_payload({"inputs": [self._only_input(payload)]})
        answer = self._send("POST", f"{self._model_path()}/infer", ready.body)
        with self.reading():
            return Answer(body=_shaped(answer.body), content_type=JSON, details=answer.details)

    def _only_input(self, payload: Payload) -> dict[str, Any]:
        answer = self._send("GET", self._model_path())
        with self.reading():
            inputs = [(each["name"], each.get("datatype")) for each in json.loads(answer.body)["inputs"]]
        if len(inputs) != 1:
            names = ", ".join(name for name, _ in inputs)
            raise ToolError(f"'{self.model}' has {len(inputs)} inputs ({names}); give a JSON object with 'inputs'")
        ((name, datatype),) = inputs
        if datatype not in _NUMPY_TYPES:
            raise ToolError(f"'{name}' is of {datatype}, which has no array; give JSON with 'inputs'")
        try:
            array = payload.array().astype(_NUMPY_TYPES[datatype])
        except (TypeError, ValueError, OverflowError) as error:
            raise ToolError(f"'{name}' takes {_NUMPY_TYPES[datatype]}: {error}") from error
        return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}

    def _model_path(self) -> str:
        version = "" if self.version is None else f"/versions/{self.version}"
        return f"/v2/models/{self.named_model()}{version}"

    def _send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {**self.headers, "content-type": JSON}
        return http.request(method, self.path(path), body=body, headers=headers, timeout=self.timeout)


def _shaped(body: bytes) -> bytes:
    """Fold each output's flat data into its shape, for its reader."""
    document = json.loads(body)
    for output in document.get("outputs", ()):
        if "data" in output:
            output["data"] = _fold(output["data"], output["shape"])
    outputs = document.get("outputs", ())
    named: Mapping[str, Any] = {each["name"]: each.get("data") for each in outputs}
    return json.dumps({"predictions": next(iter(named.values()))} if len(named) == 1 else named).encode()


def _fold(flat: list[Any], shape: list[int]) -> list[Any]:
    if len(shape) < 2:
        return flat
    size = len(flat) // shape[0] if shape[0] else 0
    return [_fold(flat[row * size : (row + 1) * size], shape[1:]) for row in range(shape[0])]
