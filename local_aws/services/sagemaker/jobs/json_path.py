"""The part of JSONPath that batch transform's filters are written in.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html, "Supported JSONPath operators":
the root, names, ``*``, unions of names, and unions of indexes and slices.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_NAMES = r"\s*'[^']+'\s*(?:,\s*'[^']+'\s*)*"
_PLACE = r"\s*(?:-?\d+(?::(?:-?\d+)?)?|:(?:-?\d+)?)\s*"
_STEP = re.compile(
    rf"\.(?P<name>[A-Za-z_][\w-]*)|(?P<all>\.\*|\[\*\])|\[(?P<names>{_NAMES})\]|\[(?P<places>{_PLACE}(?:,{_PLACE})*)\]"
)


class JsonPath:
    """A path to a part of a JSON value.

    Parameters
    ----------
    text
        Such as ``$``, ``$.features``, ``$['id','SageMakerOutput']``, ``$[1:]`` or ``$[0,5:]``.

    Raises
    ------
    ValueError
        When it is not such a path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps: list[Callable[[Any], Any]] = []
        position = 1
        while text.startswith("$") and position < len(text):
            found = _STEP.match(text, position)
            if found is None:
                break
            self._steps.append(_step(found))
            position = found.end()
        if not text.startswith("$") or position < len(text):
            raise ValueError(f"{text!r} is not a supported JSONPath expression at position {position}")

    @property
    def is_root(self) -> bool:
        """Whether it selects everything."""
        return not self._steps

    def select(self, value: Any) -> Any:
        """Return the part of a value; a union is an object of those names, or a list of those elements.

        Raises
        ------
        LookupError
            When the value has no such part.
        """
        for step in self._steps:
            value = step(value)
        return value


def _step(found: re.Match[str]) -> Callable[[Any], Any]:
    if found["all"]:
        return lambda value: list(value.values()) if isinstance(value, dict) else list(_as_list(value))
    if found["name"] or found["names"]:
        names = [found["name"]] if found["name"] else re.findall(r"'([^']+)'", found["names"])
        return lambda value: _named(value, names)
    places = [place.strip() for place in found["places"].split(",")]
    if len(places) == 1 and ":" not in places[0]:
        return lambda value: _as_list(value)[int(places[0])]
    return lambda value: [element for place in places for element in _at(_as_list(value), place)]


def _named(value: Any, names: list[str]) -> Any:
    if not isinstance(value, dict):
        raise LookupError(f"there is no {names[0]!r} in {value!r}, which is no object")
    if len(names) == 1:
        return value[names[0]]
    return {name: value[name] for name in names}


def _at(values: list[Any], place: str) -> list[Any]:
    if ":" not in place:
        return [values[int(place)]]
    start, _, end = place.partition(":")
    return values[int(start) if start else None : int(end) if end else None]


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise LookupError(f"{value!r} is no array")
    return value
