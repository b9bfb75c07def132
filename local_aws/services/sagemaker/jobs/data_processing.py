"""Batch transform's filters and joins: what of a row is sent, and what of it is kept beside its inference.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from local_aws.api import Parameters
from local_aws.services.sagemaker.jobs.job import JobFailedError
from local_aws.services.sagemaker.jobs.json_path import JsonPath

_JSON_TYPES = ("application/json", "application/jsonlines", "application/x-jsonlines")
CSV = "text/csv"


class DataProcessing:
    """What a transform job does with each row besides sending it.

    Parameters
    ----------
    request
        The request of ``CreateTransformJob``.

    Raises
    ------
    ValueError
        When it cannot be done.
    """

    def __init__(self, request: Parameters) -> None:
        given = request.get("DataProcessing", {})
        self._input = JsonPath(given.get("InputFilter", "$"))
        self._output = JsonPath(given.get("OutputFilter", "$"))
        self._joins = given.get("JoinSource", "None") == "Input"
        self._splits = request["TransformInput"].get("SplitType", "None") != "None"
        self._content_type = _media_type(request["TransformInput"].get("ContentType", ""))
        self._accept = _media_type(request["TransformOutput"].get("Accept") or self._content_type)
        if self.is_active:
            self._check()

    def _check(self) -> None:
        for member, media_type in (("ContentType", self._content_type), ("Accept", self._accept)):
            if media_type != CSV and media_type not in _JSON_TYPES:
                raise ValueError(
                    f"DataProcessing works on {CSV}, {', '.join(_JSON_TYPES)}: {member} is {media_type or 'not given'}."
                )
        if self._joins and (self._content_type == CSV) != (self._accept == CSV):
            raise ValueError(
                f"The input can be joined with an output of the same format: ContentType is {self._content_type} and "
                f"Accept is {self._accept}."
            )

    @property
    def is_active(self) -> bool:
        """Whether there is anything to do."""
        return self._joins or not (self._input.is_root and self._output.is_root)

    def to_send(self, body: bytes) -> bytes:
        """Return what is sent of a payload."""
        rows = [self._select(self._input, row) for row in self._rows(body, self._content_type)]
        return _render(rows, self._content_type)

    def to_keep(self, body: bytes, answer: bytes) -> bytes:
        """Return what is kept of a payload and its answer."""
        outputs = self._rows(answer, self._accept)
        if self._joins:
            inputs = self._rows(body, self._content_type)
            if len(inputs) != len(outputs):
                raise JobFailedError(
                    f"ClientError: the model answered {len(inputs)} records with {len(outputs)}, which cannot be joined"
                )
            outputs = [self._join(given, output) for given, output in zip(inputs, outputs, strict=True)]
        return _render([self._select(self._output, row) for row in outputs], self._accept)

    def _rows(self, body: bytes, media_type: str) -> list[Any]:
        try:
            text = body.decode()
            if media_type == CSV:
                return list(csv.reader(io.StringIO(text)))
            # A file of one JSON document may have any number of lines; lines of JSON have one document each.
            is_document = media_type == _JSON_TYPES[0] and not self._splits
            texts = [text] if is_document else [line for line in text.splitlines() if line.strip()]
            return [json.loads(item) for item in texts]
        except ValueError as error:
            raise JobFailedError(f"ClientError: Failed to parse the data as {media_type}: {error}") from error

    def _join(self, given: Any, output: Any) -> Any:
        if self._accept == CSV:
            return given + output
        if isinstance(given, dict):
            return {**given, "SageMakerOutput": output}
        return {"SageMakerInput": given, "SageMakerOutput": output}

    def _select(self, path: JsonPath, row: Any) -> Any:
        try:
            return path.select(row)
        except LookupError as error:
            reason = f"{type(error).__name__}: {error}"
            raise JobFailedError(f"ClientError: {path.text} selects nothing of a record ({reason})") from error


def _render(rows: list[Any], media_type: str) -> bytes:
    if media_type != CSV:
        return "\n".join(json.dumps(row) for row in rows).encode()
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(row if isinstance(row, list) else [row] for row in rows)
    return written.getvalue().removesuffix("\n").encode()


def _media_type(text: str) -> str:
    return str(text).partition(";")[0].strip().lower()
