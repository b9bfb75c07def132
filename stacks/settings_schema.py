"""The JSON Schema of the settings, with each key's meaning taken from the docstring that defines it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

_SECTION = "Attributes\n----------\n"
_ENTRY = re.compile(r"^(\w+)\n((?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)


def describe(schema: Mapping[str, Any], classes: Iterable[type]) -> dict[str, Any]:
    """Give every key of a schema its meaning.

    Parameters
    ----------
    schema
        What pydantic makes of the dataclasses.
    classes
        Those dataclasses; their ``Attributes`` sections, and those of their bases, say what each key means.
    """
    by_name = {cls.__name__: cls for cls in classes}
    definitions = {name: _described(part, by_name[name]) for name, part in schema["$defs"].items()}
    root = _described({key: value for key, value in schema.items() if key != "$defs"}, by_name[schema["title"]])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}


def attribute_meanings(cls: type) -> dict[str, str]:
    """Read the ``Attributes`` sections of a class and its bases: each name, and its meaning on one line."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        section = inspect.cleandoc(base.__doc__ or "").partition(_SECTION)[2]
        found |= {name: _on_one_line(text) for name, text in _ENTRY.findall(section)}
    return found


def _described(part: Mapping[str, Any], cls: type) -> dict[str, Any]:
    meanings = attribute_meanings(cls)
    properties = {
        key: {word: value for word, value in definition.items() if word != "title"}
        | ({"description": meanings[key]} if key in meanings else {})
        for key, definition in part["properties"].items()
    }
    summary = _on_one_line(inspect.cleandoc(cls.__doc__ or "").partition(_SECTION)[0])
    # A constant tells the kinds of model apart, so that it has to be there, though a dataclass has it as a default.
    required = [*part.get("required", ()), *(key for key, definition in properties.items() if "const" in definition)]
    return {**part, "description": summary, "properties": properties, "required": required}


def _on_one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
