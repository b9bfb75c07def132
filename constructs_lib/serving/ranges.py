"""Ranges and choices that values must keep to, as problems in the caller's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from constructs_lib.serving.problems import Problem, is_token


def range_problems(name: str, value: float | None, least: float, most: float, unit: str = "") -> Iterator[Problem]:
    """Check that a number is between two others, both allowed; None and tokens are not checked.

    Parameters
    ----------
    name
        The field.
    value
        What was given.
    least, most
        The bounds.
    unit
        Unit of the number, in the plural. Default: it has none.
    """
    if value is not None and not is_token(value) and not least <= value <= most:
        yield Problem(name, f"must be {least} to {most}{f' {unit}' if unit else ''}, got {value}")


def choice_problems(name: str, value: str | None, choices: Any) -> Iterator[Problem]:
    """Check that a word is one of a ``Literal``'s; None and tokens are not checked.

    Parameters
    ----------
    name
        The field.
    value
        What was given.
    choices
        The ``Literal``.
    """
    words = get_args(choices)
    if value is not None and not is_token(value) and value not in words:
        yield Problem(name, f"must be one of {', '.join(words)}, got '{value}'")
