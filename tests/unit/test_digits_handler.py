"""The digits example's handler, called as SageMaker's container calls it."""

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = EXAMPLE / "model"


def _load_handler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_inference", MODEL / "code" / "inference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


handler = _load_handler()

IMAGE = [[0, 0, 5, 13, 9, 1, 0, 16]] * 8
CSV_LINE = "0,0,5,13,9,1,0,16," * 7 + "0,0,5,13,9,1,0,16"


def test_json_request_becomes_pixels_from_zero_to_one() -> None:
    images = handler.input_fn(json.dumps({"instances": [IMAGE, IMAGE]}), "application/json")

    assert images.shape == (2, 1, 8, 8)
    assert images.dtype == np.float32
    assert images[1, 0, 7].tolist() == [0, 0, 5 / 16, 13 / 16, 9 / 16, 1 / 16, 0, 1]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps({"instances": [IMAGE]}).encode(), "application/json; charset=utf-8"),
        (bytearray(b"\xef\xbb\xbf" + json.dumps({"instances": [IMAGE]}).encode()), "Application/JSON"),
        (json.dumps({"instances": [[[[pixel] for pixel in line] for line in IMAGE]]}), "application/json"),
        (json.dumps({"instances": [IMAGE[0] * 8]}), ""),
        (CSV_LINE, "text/csv"),
        (f"{CSV_LINE}\r\n\r\n".encode(), "text/csv; header=absent"),
    ],
)
def test_same_image_in_every_accepted_form_gives_the_same_pixels(body: str | bytes, content_type: str) -> None:
    expected = handler.input_fn(json.dumps({"instances": [IMAGE]}), "application/json")

    assert np.array_equal(handler.input_fn(body, content_type), expected)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "the request is not JSON: Expecting property name"),
        ("[" * 100_000, "the request is not JSON: maximum recursion depth"),
        (b"\xff\xfe\x00", "the request is not UTF-8 text"),
        ("[1, 2]", 'the request has no "instances"'),
        ('{"inputs": []}', 'the request has no "instances"'),
        ('{"instances": []}', "the request has no images"),
        ('{"instances": {"a": 1}}', "the request has no images"),
        ('{"instances": [3]}', r"image 1 of 1 has shape \(\); expected 8 rows of 8 pixels, or 64 pixels"),
        (json.dumps({"instances": [IMAGE, IMAGE[:7]]}), r"image 2 of 2 has shape \(7, 8\); expected 8 rows"),
        (json.dumps({"instances": [[[0] * 8] * 7 + [[0] * 9]]}), "image 1 of 1 is not an array of numbers"),
        (json.dumps({"instances": [[["dark"] * 8] * 8]}), "image 1 of 1 is not an array of numbers"),
        (json.dumps({"instances": [[[17] * 8] * 8]}), "image 1 of 1 has a pixel that is not between 0 and 16"),
        (json.dumps({"instances": [[[-1] * 8] * 8]}), "image 1 of 1 has a pixel that is not between 0 and 16"),
        (json.dumps({"instances": [[[float("nan")] * 8] * 8]}), "image 1 of 1 has a pixel that is not between"),
    ],
)
def test_fails_on_json_that_is_no_image_saying_what_is_expected(body: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        handler.input_fn(body, "application/json")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "the request has no images"),
        ("1,2,3\n", r"image 1 of 1 has shape \(3,\); expected 8 rows of 8 pixels, or 64 pixels"),
        (f"{CSV_LINE}\n{CSV_LINE[:-2]}x", "image 2 of 2 is not an array of numbers"),
    ],
)
def test_fails_on_csv_that_is_no_image_saying_what_is_expected(body: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        handler.input_fn(body, "text/csv")


def test_fails_on_unknown_content_type_naming_those_allowed() -> None:
    with pytest.raises(
        ValueError, match="Content-Type 'image/png' is not supported; use one of application/json, text"
    ):
        handler.input_fn(b"", "image/png")


PROBABILITIES = np.eye(10, dtype=np.float32)[[3, 9]]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "image/png, application/*;q=0.5"])
def test_json_answer_has_one_prediction_per_image_in_order(accept: str) -> None:
    body, content_type = handler.output_fn(PROBABILITIES, accept)

    assert content_type == "application/json"
    assert json.loads(body) == {
        "predictions": [
            {"digit": 3, "probabilities": [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]},
            {"digit": 9, "probabilities": [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]},
        ]
    }


@pytest.mark.parametrize("accept", ["text/csv", "text/csv; charset=utf-8", "text/*"])
def test_csv_answer_has_one_digit_per_line(accept: str) -> None:
    assert handler.output_fn(PROBABILITIES, accept) == ("3\n9\n", "text/csv")


def test_fails_when_no_accepted_format_is_ours_naming_those_allowed() -> None:
    with pytest.raises(ValueError, match="Accept 'image/png' is not supported; use one of application/json, text/csv"):
        handler.output_fn(PROBABILITIES, "image/png")


def test_artifact_stays_small_enough_to_commit() -> None:
    assert (MODEL / "model.onnx").stat().st_size < 500_000


def test_artifact_says_nothing_of_the_machine_that_made_it() -> None:
    model = (MODEL / "model.onnx").read_bytes()

    for trace in (b"/site-packages/", b".py", os.fsencode(Path.home()) + b"/"):
        assert trace not in model


def test_committed_model_reads_the_held_out_digits() -> None:
    pytest.importorskip("onnxruntime")
    lines = (EXAMPLE / "heldout.csv").read_text().splitlines()
    labels, images = zip(*(line.split(",", 1) for line in lines), strict=True)

    model = handler.model_fn(str(MODEL))
    probabilities = handler.predict_fn(handler.input_fn("\n".join(images), "text/csv"), model)
    body, _ = handler.output_fn(probabilities, "text/csv")

    digits = body.split()
    assert len(digits) == 450
    assert sum(digit == label for digit, label in zip(digits, labels, strict=True)) / len(labels) >= 0.98
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert handler.predict_fn(handler.input_fn(images[0], "text/csv"), model).shape == (1, 10)
