"""Reads requests and writes answers around a model that Neo has compiled.

Neo's ONNX container runs the model itself, and calls `neo_preprocess` before and `neo_postprocess` after it. Local AWS
has no compiler: it serves the model as it was, and calls `model_fn`, `input_fn`, `predict_fn` and `output_fn`.

    {"instances": [[1.0, 2.0, 5.0]]}  →  {"predictions": [[2.0, 4.0, 10.0]]}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnxruntime
    from numpy.typing import NDArray

JSON = "application/json"


def neo_preprocess(payload: str | bytes | bytearray, content_type: str) -> NDArray[np.float32]:
    """Read the rows of a request."""
    if content_type.partition(";")[0].strip() != JSON:
        raise ValueError(f"cannot read '{content_type}'; send {JSON}")
    return np.asarray(json.loads(payload)["instances"], dtype=np.float32)


def neo_postprocess(result: Sequence[Any]) -> tuple[str, str]:
    """Write the answer, of the model's first output, and say what it is."""
    return json.dumps({"predictions": np.asarray(result[0]).tolist()}), JSON


def model_fn(model_dir: str) -> onnxruntime.InferenceSession:
    """Load the model that was not compiled."""
    import onnxruntime

    (model,) = Path(model_dir).glob("*.onnx")
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])


def input_fn(request_body: str | bytes | bytearray, content_type: str = JSON) -> NDArray[np.float32]:
    """Read the rows of a request."""
    return neo_preprocess(request_body, content_type)


def predict_fn(rows: NDArray[np.float32], model: onnxruntime.InferenceSession) -> list[Any]:
    """Run the model that was not compiled."""
    return list(model.run(None, {model.get_inputs()[0].name: rows}))


def output_fn(result: list[Any], accept: str = JSON) -> str:
    """Write the answer."""
    return neo_postprocess(result)[0]
