"""Scores rows of numbers by the weights in `model.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def model_fn(model_dir: str) -> dict[str, Any]:
    """Load the weights."""
    loaded: dict[str, Any] = json.loads((Path(model_dir) / "model.json").read_text(encoding="utf-8"))
    return loaded


def transform_fn(model: dict[str, Any], body: str | bytes, content_type: str, _accept: str) -> str:
    """Answer ``{"instances": [[…], …]}`` with ``{"predictions": […]}``."""
    if content_type != "application/json":
        raise ValueError(f"send application/json, not {content_type!r}")
    rows = json.loads(body)["instances"]
    scores = [sum(x * weight for x, weight in zip(row, model["weights"], strict=True)) for row in rows]
    return json.dumps({"predictions": scores})
