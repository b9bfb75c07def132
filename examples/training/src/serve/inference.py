"""The handler of the trained digits: JSON in, JSON out, as examples/digits/predict.py asks."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BRIGHTEST = 16

Array = NDArray[np.float64]


def model_fn(model_dir: str) -> dict[str, Array]:
    """Load the weights that train.py wrote."""
    with np.load(Path(model_dir) / "weights.npz") as weights:
        return dict(weights)


def input_fn(body: str | bytes, content_type: str) -> Array:
    """Read ``{"instances": [8x8 images]}``, pixels from 0 to 16."""
    if content_type != "application/json":
        raise ValueError(f"send application/json, not {content_type}")
    images = np.array(json.loads(body)["instances"], dtype=np.float64)
    pixels: Array = images.reshape(len(images), -1) / BRIGHTEST
    return pixels


def predict_fn(pixels: Array, weights: dict[str, Array]) -> Array:
    """Give the probability of each digit."""
    active = np.maximum(pixels @ weights["hidden"] + weights["hidden_bias"], 0)
    logits = active @ weights["output"] + weights["output_bias"]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def output_fn(probabilities: Array, accept: str) -> str:
    """Write one prediction per image."""
    del accept  # JSON whatever is asked for
    predictions = [{"digit": int(each.argmax()), "probabilities": each.tolist()} for each in probabilities]
    return json.dumps({"predictions": predictions})
