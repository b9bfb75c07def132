"""What SageMaker's Triton image does, for the ONNX models of a model repository.

Source: triton-inference-server/server, src/sagemaker_server.cc and src/http_server.cc (``FinalizeResponse``).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .multi_model import ONE_OF_MANY
from .triton_load import load
from .triton_model import LoadedModel
from .triton_repository import find_model
from .triton_request import BINARY, Request, RequestError, array_of, parse
from .triton_tensors import to_bytes
from .workers import Answer, Send, Worker

_JSON = "application/json"
_TARGET_MODEL = "x-amzn-sagemaker-target-model"


def create(model_dir: Path) -> Worker:
    """Load the model of the repository in ``model_dir``."""
    is_one_of_many = bool(os.environ.get(ONE_OF_MANY))
    return TritonWorker(load(find_model(model_dir, is_one_of_many=is_one_of_many)), is_one_of_many=is_one_of_many)


class TritonWorker:
    """Answers requests of the open inference protocol."""

    def __init__(self, model: LoadedModel, *, is_one_of_many: bool) -> None:
        self._model = model
        self._is_one_of_many = is_one_of_many

    def invoke(self, headers: Mapping[str, str], body: bytes, _send: Send) -> Answer:
        """Answer a request; an error is ``{"error": …}``."""
        given = {name.lower(): value for name, value in headers.items()}
        # A model of many has the name by which it is asked for.
        model = replace(self._model, name=given.get(_TARGET_MODEL) or self._model.name)
        try:
            request = parse(given.get("content-type", ""), body, model.name)
            return _response(model, request, _computed(model, request))
        except RequestError as error:
            # The API for many models answers 400, whatever went wrong.
            status = HTTPStatus.BAD_REQUEST if self._is_one_of_many else error.status
            return _answer(status, _dumped({"error": str(error)}), _JSON)


def _computed(model: LoadedModel, request: Request) -> dict[str, Any]:
    asked = list(request.outputs)
    try:
        model.check(request.inputs, asked)
        arrays = {given.name: array_of(given, model.name) for given in request.inputs}
    except RequestError as error:
        raise RequestError(f"[request id: {request.id or '<id_unknown>'}] {error}", error.status) from error
    return model.run(arrays, asked)


def _response(model: LoadedModel, request: Request, outputs: Mapping[str, Any]) -> Answer:
    described, binary = [], []
    for name, array in outputs.items():
        datatype = model.outputs[name].datatype
        output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
        if request.outputs.get(name, request.is_binary):
            binary.append(to_bytes(array))
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        elif datatype == "FP16":
            raise RequestError(
                "sending FP16 data via JSON is not supported. Please use the binary data format for output"
            )
        else:
            output["data"] = array.ravel().tolist()
        described.append(output)
    document: dict[str, Any] = {"id": request.id} if request.id else {}
    document |= {"model_name": model.name, "model_version": str(model.version), "outputs": described}
    head = _dumped(document)
    if any(binary):
        return _answer(HTTPStatus.OK, head + b"".join(binary), f"{BINARY}{len(head)}")
    return _answer(HTTPStatus.OK, head, _JSON)


def _dumped(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _answer(status: HTTPStatus, body: bytes, content_type: str) -> Answer:
    return Answer(status=status.value, phrase=status.phrase, headers={"Content-Type": content_type}, body=body)
