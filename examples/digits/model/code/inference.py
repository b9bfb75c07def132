"""Serves the digits classifier in SageMaker's PyTorch container.

The container calls four functions: `model_fn` once, then `input_fn`, `predict_fn` and `output_fn` for each request.
A request is JSON, one 8x8 image of pixels 0 to 16 per instance, or CSV, one image of 64 pixels per line:

    {"instances": [[[0, 0, 5, 13, 9, 1, 0, 0], …7 more rows…], …more images…]}

The answer has one prediction per image, in the same order. JSON has the digit and the probability of each digit,
CSV the digit alone:

    {"predictions": [{"digit": 7, "probabilities": [0.0, …ten of them…]}, …]}
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnxruntime  # here, so that requests can be tested where it is not installed
    from numpy.typing import NDArray

    Images = NDArray[np.float32]
    Probabilities = NDArray[np.float32]

JSON = "application/json"
CSV = "text/csv"
CONTENT_TYPES = (JSON, CSV)

SIDE = 8
BRIGHTEST = 16


def model_fn(model_dir: str) -> onnxruntime.InferenceSession:
    """Load the model that lies beside this code's folder.

    Parameters
    ----------
    model_dir
        Folder in which the container unpacked the model archive.
    """
    import onnxruntime  # here, so that requests can be tested where it is not installed

    options = onnxruntime.SessionOptions()
    # The container runs a worker per core, and a model this small gains nothing from more threads than that.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    return onnxruntime.InferenceSession(
        str(Path(model_dir) / "model.onnx"), sess_options=options, providers=["CPUExecutionProvider"]
    )


def input_fn(request_body: str | bytes | bytearray, content_type: str = JSON) -> Images:
    """Read the images of a request.

    Parameters
    ----------
    request_body
        Body of the request.
    content_type
        Its `Content-Type`: `application/json` or `text/csv`.

    Returns
    -------
    Images
        Array of shape (images, 1, 8, 8), pixels from 0 to 1.

    Raises
    ------
    ValueError
        If the request cannot be read as images, with what is wrong and what is expected.
    """
    readers: dict[str, Callable[[str], object]] = {JSON: _read_json, CSV: _read_csv}
    reader = readers[_media_type(content_type, "Content-Type")]
    text = request_body if isinstance(request_body, str) else _decode(request_body)
    return _images(reader(text))


def predict_fn(images: Images, model: onnxruntime.InferenceSession) -> Probabilities:
    """Give the probability of each digit for each image, as an array of shape (images, 10)."""
    (probabilities,) = model.run(["probabilities"], {"images": images})
    return np.asarray(probabilities, dtype=np.float32)


def output_fn(probabilities: Probabilities, accept: str = JSON) -> tuple[str, str]:
    """Write the answer in the format that the client accepts.

    Parameters
    ----------
    probabilities
        What `predict_fn` gave.
    accept
        The request's `Accept`: `application/json`, `text/csv`, or `*/*` for the first.

    Returns
    -------
    tuple
        The body and its content type.

    Raises
    ------
    ValueError
        If no accepted format is one of ours.
    """
    media_type = _media_type(accept, "Accept")
    digits = probabilities.argmax(axis=1).tolist()
    if media_type == CSV:
        return "".join(f"{digit}\n" for digit in digits), CSV
    predictions = [
        {"digit": digit, "probabilities": [round(probability, 6) for probability in row]}
        for digit, row in zip(digits, probabilities.tolist(), strict=True)
    ]
    return json.dumps({"predictions": predictions}), JSON


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


def _decode(body: bytes | bytearray) -> str:
    try:
        return bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the request is not UTF-8 text") from None


def _read_json(text: str) -> object:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"the request is not JSON: {error}") from None
    if not isinstance(document, dict) or "instances" not in document:
        raise ValueError('the request has no "instances"; expected {"instances": [image, …]}, an image being 8x8')
    return document["instances"]


def _read_csv(text: str) -> object:
    return [line.split(",") for line in text.splitlines() if line.strip()]


def _images(instances: object) -> Images:
    if not isinstance(instances, list) or not instances:
        raise ValueError("the request has no images; expected a list of at least one")
    images = np.empty((len(instances), 1, SIDE, SIDE), dtype=np.float32)
    for index, instance in enumerate(instances):
        images[index, 0] = _image(instance, f"image {index + 1} of {len(instances)}")
    return images / np.float32(BRIGHTEST)


def _image(instance: object, which: str) -> NDArray[np.float32]:
    try:
        pixels = np.asarray(instance, dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(
            f"{which} is not an array of numbers; expected {SIDE} rows of {SIDE} pixels, or {SIDE * SIDE} pixels"
        ) from None
    if pixels.shape not in {(SIDE, SIDE), (SIDE, SIDE, 1), (SIDE * SIDE,)}:
        raise ValueError(
            f"{which} has shape {pixels.shape}; expected {SIDE} rows of {SIDE} pixels, or {SIDE * SIDE} pixels"
        )
    # Written so that a NaN, which compares with nothing, is refused too.
    if not bool(np.all((pixels >= 0) & (pixels <= BRIGHTEST))):
        raise ValueError(f"{which} has a pixel that is not between 0 and {BRIGHTEST}")
    return pixels.reshape(SIDE, SIDE)
