"""The handlers of the TensorFlow and PyTorch examples, without their frameworks."""

from __future__ import annotations

import io
import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def tensorflow() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / "tensorflow" / "handler" / "inference.py"))


@pytest.fixture
def pytorch() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / "pytorch" / "handler" / "inference.py"))


def test_tensorflow_json_is_passed_on(tensorflow: dict[str, Any]) -> None:
    context = SimpleNamespace(request_content_type="application/json")

    assert tensorflow["input_handler"](io.BytesIO(b'{"instances": [1]}'), context) == '{"instances": [1]}'


def test_tensorflow_csv_becomes_instances(tensorflow: dict[str, Any]) -> None:
    context = SimpleNamespace(request_content_type="text/csv")

    assert json.loads(tensorflow["input_handler"](io.BytesIO(b"1,2\n3,4\n"), context)) == {
        "instances": [[1, 2], [3, 4]]
    }


def test_tensorflow_refuses_other_content(tensorflow: dict[str, Any]) -> None:
    context = SimpleNamespace(request_content_type="image/png")

    with pytest.raises(ValueError, match="'image/png' is not supported; use application/json or text/csv"):
        tensorflow["input_handler"](io.BytesIO(b""), context)


def test_tensorflow_passes_the_answer_on_and_an_error_too(tensorflow: dict[str, Any]) -> None:
    context = SimpleNamespace(accept_header="application/json")
    good, bad = SimpleNamespace(status_code=200, content=b"{}"), SimpleNamespace(status_code=400, content=b"no input")

    assert tensorflow["output_handler"](good, context) == (b"{}", "application/json")
    with pytest.raises(ValueError, match=r"^no input$"):
        tensorflow["output_handler"](bad, context)


def test_pytorch_reads_instances_and_writes_predictions(pytorch: dict[str, Any]) -> None:
    assert pytorch["input_fn"](b'{"instances": [[1, 2, 3, 4]]}') == [[1, 2, 3, 4]]
    assert pytorch["output_fn"]([[0.5, 0.5]]) == ('{"predictions": [[0.5, 0.5]]}', "application/json")


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"1,2", "text/csv", "content type 'text/csv' is not supported"),
        (b"[1]", "application/json", 'the request has no "instances"'),
        (b'{"instances": 1}', "application/json", 'the request has no "instances"'),
    ],
)
def test_pytorch_refuses_other_requests(pytorch: dict[str, Any], body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pytorch["input_fn"](body, content_type)
