"""What is sent: the bytes of a file, what they are, and the instances in them."""

from __future__ import annotations

import base64
import csv
import io
import json
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constructs_lib.tools.command import ToolError

JSON, CSV, NPY, TEXT = "application/json", "text/csv", "application/x-npy", "text/plain"
_TYPES = {".json": JSON, ".csv": CSV, ".npy": NPY, ".txt": TEXT, ".jsonl": "application/jsonlines"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One request's body.

    Attributes
    ----------
    body
        Its bytes.
    content_type
        What they are, such as ``application/json``.
    """

    body: bytes
    content_type: str = JSON

    @classmethod
    def of_file(cls, path: Path, *, content_type: str | None = None) -> Payload:
        """Read a file: JSON, CSV, NumPy's NPY, an image, text, or anything whose type is given.

        Parameters
        ----------
        path
            The file.
        content_type
            What it holds. None: what its suffix says.

        Raises
        ------
        ToolError
            When it cannot be read, or its suffix says nothing.
        """
        suffix = path.suffix.lower()
        kind = content_type or _TYPES.get(suffix) or mimetypes.guess_type(path.name)[0]
        if kind is None:
            raise ToolError(f"cannot tell what '{path}' holds by its name; say it, as in --content-type {JSON}")
        try:
            return cls(body=path.read_bytes(), content_type=kind)
        except OSError as error:
            raise ToolError(f"cannot read '{path}': {error.strerror or error}") from error

    @property
    def kind(self) -> str:
        """The content type without its parameters, such as ``; charset=utf-8``."""
        return self.content_type.partition(";")[0].strip().lower()

    def document(self) -> Any:
        """Read the body as JSON.

        Raises
        ------
        ToolError
            When it is none.
        """
        with _reading("JSON"):
            return json.loads(self.body)

    def instances(self) -> list[Any]:
        """Read the instances: the list under ``instances``, a JSON list, the rows of a CSV, the first axis of an NPY.

        Raises
        ------
        ToolError
            When the body has no instances.
        """
        if self.kind == JSON:
            given = self.document()
            found = given.get("instances") if isinstance(given, dict) else given
            if not isinstance(found, list):
                raise ToolError("the request has no instances; give a JSON list, or an object with 'instances'")
            return found
        if self.kind == CSV:
            with _reading("CSV"):
                return read_csv(self.body)
        if self.kind == NPY:
            return list(self.array().tolist())
        if self.kind.startswith("image/"):
            return [{"b64": base64.b64encode(self.body).decode()}]
        raise ToolError(f"a request of {self.content_type} has no instances; give JSON, CSV, NPY or an image")

    def array(self) -> Any:
        """Give the instances as one NumPy array.

        Raises
        ------
        ToolError
            When they are no array, or NumPy is not installed.
        """
        with _reading("array"):
            return read_npy(self.body) if self.kind == NPY else _numpy().array(self.instances())


def json_payload(document: object) -> Payload:
    """Make a request of JSON."""
    return Payload(body=json.dumps(document).encode())


def read_csv(body: bytes) -> list[list[Any]]:
    """Read the rows of a CSV, its numbers as numbers.

    Raises
    ------
    ValueError
        When it is none.
    """
    try:
        return [[_number(cell) for cell in row] for row in csv.reader(io.StringIO(body.decode())) if row]
    except csv.Error as error:
        raise ValueError(error) from error


def read_npy(body: bytes) -> Any:
    """Read an array of NumPy's NPY.

    Raises
    ------
    ValueError
        When it is none, or holds Python objects.
    ToolError
        When NumPy is not installed.
    """
    return _numpy().lib.format.read_array(io.BytesIO(body), allow_pickle=False)


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise ToolError(f"the request is no {what}: {error}") from error


def _number(cell: str) -> float | int | str:
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell


def _numpy() -> Any:
    try:
        import numpy  # large, and for arrays alone
    except ImportError as error:
        raise ToolError("arrays need NumPy; run: pip install 'inference-constructs[client]'") from error
    return numpy
