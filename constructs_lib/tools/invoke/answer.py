"""What comes back, and how it is shown: as a table, as JSON, or as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from constructs_lib.tools.invoke.payload import CSV, NPY, Payload, read_csv, read_npy

_RESULTS = ("predictions", "outputs", "choices", "data")  # of TensorFlow Serving, Triton, OpenAI's API
_CELL_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes
    ----------
    body
        Its bytes.
    content_type
        What they are, as the server says.
    details
        What is known about it besides, such as the production variant that gave it; text by name.
    """

    body: bytes
    content_type: str = "application/json"
    details: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> Any:
        """Read the body: JSON as it is, a CSV as a list of rows, an NPY as nested lists, anything else as text."""
        kind = Payload(body=self.body, content_type=self.content_type).kind
        try:
            if kind == CSV:
                return read_csv(self.body)
            if kind == NPY:
                return read_npy(self.body).tolist()
            return json.loads(self.body)
        except (ValueError, RecursionError):  # it is not what it says, or nested beyond reading
            return self.body.decode(errors="replace")

    def as_json(self) -> str:
        """Give the answer as indented JSON."""
        return json.dumps(self.document(), indent=2, ensure_ascii=False)

    def as_table(self) -> str:
        """Give the answer's predictions as a table, one line each; text as it is."""
        document = self.document()
        if isinstance(document, str):
            return document
        rows = _results(document)
        if not rows:
            return self.as_json()
        if all(isinstance(row, Mapping) for row in rows):
            names = list(dict.fromkeys(name for row in rows for name in row))
            return _table(names, ([row.get(name, "") for name in names] for row in rows))
        width = max((len(row) for row in rows if isinstance(row, list)), default=1)
        cells = [row if isinstance(row, list) else [row] for row in rows]
        return _table([str(number) for number in range(width)] if width > 1 else ["prediction"], cells)


def _results(document: Any) -> list[Any]:
    if isinstance(document, Mapping):
        named = next((document[name] for name in _RESULTS if isinstance(document.get(name), list)), None)
        return [document] if named is None else list(named)
    return document if isinstance(document, list) else [document]


def _table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = [[_cell(value) for value in row] for row in rows]
    lines = [["", *names], *([str(number), *row] for number, row in enumerate(text))]
    columns = max(len(line) for line in lines)
    widths = [max(len(line[index]) for line in lines if index < len(line)) for index in range(columns)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=False)).rstrip() for line in lines
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _CELL_MAX else f"{text[: _CELL_MAX - 1]}…"
