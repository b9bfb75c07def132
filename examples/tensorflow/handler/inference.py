"""Reads CSV beside JSON, and passes on what TensorFlow Serving answers.

The container calls `input_handler` before it asks TensorFlow Serving, and `output_handler` after it.
"""

from __future__ import annotations

import json
from typing import Any


def input_handler(data: Any, context: Any) -> str:
    """Give the request in TensorFlow Serving's own form.

    Raises
    ------
    ValueError
        When the content type is neither JSON nor CSV.
    """
    body = data.read().decode("utf-8")
    if context.request_content_type == "application/json":
        return str(body)
    if context.request_content_type == "text/csv":
        rows = [[float(number) for number in line.split(",")] for line in body.splitlines() if line.strip()]
        return json.dumps({"instances": rows})
    raise ValueError(
        f"content type {context.request_content_type!r} is not supported; use application/json or text/csv"
    )


def output_handler(response: Any, context: Any) -> tuple[bytes, str]:
    """Pass the answer on; an answer that is not 200 becomes the caller's error."""
    if response.status_code != 200:
        raise ValueError(response.content.decode("utf-8"))
    return response.content, context.accept_header
