"""What the TensorFlow inference images do: TensorFlow Serving, with or without a handler around it.

The rules are those of the container's ``python_service.py``, ``tfs_utils.py`` and ``tensorflowServing.js``:
https://github.com/aws/sagemaker-tensorflow-serving-container/tree/master/docker/build_artifacts/sagemaker
"""

import csv
import importlib.util
import io
import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .tensorflow_rest import Response, TensorFlowServing
from .workers import Answer, Send, Worker

_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_JSON = "application/json"
_JSON_TYPES = (_JSON, "application/jsonlines", "application/jsons")

Handler = Callable[[io.BytesIO, "Context"], tuple[bytes | str, str]]


class Context(NamedTuple):
    """What a handler is told of a request: the container's own names."""

    model_name: str | None
    model_version: str | None
    method: str | None
    rest_uri: str
    grpc_port: str | None
    channel: object | None
    custom_attributes: str | None
    request_content_type: str
    accept_header: str
    content_length: int


def create(model_dir: Path) -> Worker:
    """Load the SavedModels in ``model_dir``, and ``code/inference.py`` if there is one."""
    sys.path.insert(0, str(model_dir / "code" / "lib"))
    script = model_dir / "code" / "inference.py"
    functions = _functions_of(script) if script.is_file() else None  # before the models: it fails faster
    serving = TensorFlowServing(model_dir)
    return TensorFlowWorker(serving, None if functions is None else _handler_of(functions, serving))


class TensorFlowWorker:
    """Passes requests to TensorFlow Serving, through the archive's handler if it has one."""

    def __init__(self, serving: TensorFlowServing, handler: Handler | None) -> None:
        self._serving = serving
        self._handler = handler

    def invoke(self, headers: Mapping[str, str], body: bytes, _send: Send) -> Answer:
        """Answer a request; an error of the handler is 500 with its text."""
        context = self._context({name.lower(): value for name, value in headers.items()}, body)
        if self._handler is None:
            return self._pass_on(context, body)
        try:
            content, content_type = self._handler(io.BytesIO(body), context)
        except Exception as error:
            traceback.print_exc()
            return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, json.dumps({"error": str(error)}), _JSON)
        return _answer(HTTPStatus.OK, content, content_type)

    def _pass_on(self, context: Context, body: bytes) -> Answer:
        kind = context.request_content_type.partition(";")[0].strip()
        if kind in _JSON_TYPES:
            request = _from_json(body.decode())
        elif kind == "text/csv":
            request = _from_csv(body.decode())
        else:
            error = {"error": f"Unsupported Media Type: {kind or 'Unknown'}"}
            return _answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, json.dumps(error), _JSON)
        response = self._serving.post(context.rest_uri, request.encode())
        return _answer(HTTPStatus(response.status_code), response.content, response.headers["Content-Type"])

    def _context(self, headers: Mapping[str, str], body: bytes) -> Context:
        custom = headers.get(_CUSTOM_ATTRIBUTES)
        asked = dict(re.findall(r"(tfs-[a-z-]+)=([^,]+)", custom or ""))
        name, version, method = (asked.get(f"tfs-{key}") for key in ("model-name", "model-version", "method"))
        return Context(
            model_name=name,
            model_version=version,
            method=method,
            rest_uri=self._serving.uri(name or self._serving.default_model, version, method or "predict"),
            grpc_port=None,
            channel=None,
            custom_attributes=custom,
            request_content_type=headers.get("content-type") or _JSON,
            accept_header=headers.get("accept") or _JSON,
            content_length=len(body),
        )


def _functions_of(script: Path) -> ModuleType:
    module = _imported(script)
    if not hasattr(module, "handler") and not (hasattr(module, "input_handler") and hasattr(module, "output_handler")):
        raise NotImplementedError(
            "code/inference.py has neither 'handler' nor both 'input_handler' and 'output_handler'"
        )
    return module


def _handler_of(functions: ModuleType, serving: TensorFlowServing) -> Handler:
    if hasattr(functions, "handler"):
        return functions.handler  # type: ignore[no-any-return]

    def handler(data: io.BytesIO, context: Context) -> tuple[bytes | str, str]:
        given = functions.input_handler(data, context)
        response: Response = serving.post(context.rest_uri, given.encode() if isinstance(given, str) else given)
        return functions.output_handler(response, context)  # type: ignore[no-any-return]

    return handler


def _imported(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("inference", script)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {script}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _from_json(text: str) -> str:
    """Give JSON in TensorFlow Serving's own form: plain values and JSON lines are instances."""
    if re.search(r'"(instances|inputs|examples)"\s*:', text):
        return text
    if re.search(r"[}\]]\s*[\[{]", text):
        return f'{{"instances": [{",".join(line for line in text.splitlines() if line.strip())}]}}'
    rows = text if re.match(r"\s*\[\s*\[", text) else f"[{text}]"
    return f'{{"instances": {rows}}}'


def _from_csv(text: str) -> str:
    """Give each line as an instance: a list, or one value if it has one column."""
    rows = [[_number(cell) for cell in row] for row in csv.reader(io.StringIO(text)) if row]
    return json.dumps({"instances": [row if len(row) > 1 else row[0] for row in rows]})


def _number(cell: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def _answer(status: HTTPStatus, content: bytes | str, content_type: str) -> Answer:
    body = content.encode() if isinstance(content, str) else content
    return Answer(status=status.value, phrase=status.phrase, headers={"Content-Type": content_type}, body=body)
