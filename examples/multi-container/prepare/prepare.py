"""Turns records into the rows of numbers that the next container scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Columns = list[str]


def model_fn(model_dir: str) -> Columns:
    """Load the columns' names, in the order of the model's weights."""
    columns: Columns = json.loads((Path(model_dir) / "columns.json").read_text(encoding="utf-8"))
    return columns


def input_fn(body: str | bytes, content_type: str) -> list[dict[str, Any]]:
    """Read ``{"records": [{…}, …]}``."""
    if content_type != "application/json":
        raise ValueError(f"send application/json, not {content_type}")
    records: list[dict[str, Any]] = json.loads(body)["records"]
    return records


def predict_fn(records: list[dict[str, Any]], columns: Columns) -> list[list[float]]:
    """Give a row for each record; what a record does not say is 0."""
    return [[float(record.get(column, 0)) for column in columns] for record in records]


def output_fn(rows: list[list[float]], _accept: str) -> str:
    """Write what the next container reads."""
    return json.dumps({"instances": rows})
