"""Scores rows of numbers by a linear model, to whose weights an adapter adds, which is kept apart from it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Linear = dict[str, Any]


def model_fn(model_dir: str) -> Linear:
    """Load the model, and add the adapter."""
    model = _read(Path(model_dir) / "model.json")
    adapter = _read(Path(os.environ["ADAPTER"]) / "adapter.json")
    model["weights"] = [w + more for w, more in zip(model["weights"], adapter["weights"], strict=True)]
    return model


def input_fn(body: str | bytes, content_type: str) -> list[list[float]]:
    """Read ``{"instances": [[…], …]}``."""
    if content_type != "application/json":
        raise ValueError(f"send application/json, not {content_type}")
    rows: list[list[float]] = json.loads(body)["instances"]
    return rows


def predict_fn(rows: list[list[float]], model: Linear) -> list[float]:
    """Give the score of each row."""
    return [sum(x * w for x, w in zip(row, model["weights"], strict=True)) + model["bias"] for row in rows]


def output_fn(scores: list[float], _accept: str) -> str:
    """Write ``{"predictions": […]}``."""
    return json.dumps({"predictions": scores})


def _read(file: Path) -> Linear:
    read: Linear = json.loads(file.read_text(encoding="utf-8"))
    return read
