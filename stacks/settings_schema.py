"""The JSON Schema of the settings, with each key's meaning taken from the docstring that defines it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

_SECTION = "Attributes\n----------\n"
_ENTRY = re.compile(r"^(\w+)\n((?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)


def describe(schema: Mapping[str, Any], root: type) -> dict[str, Any]:
    """Give every key of a schema its meaning.

    Parameters
    ----------
    schema
        What pydantic makes of a dataclass.
    root
        That dataclass; its ``Attributes`` section, those of its bases, and those of every dataclass in its fields, say
        what each key means.
    """
    by_name = {cls.__name__: cls for cls in _dataclasses(root, set())}
    definitions = {name: _described(part, by_name[name]) for name, part in schema["$defs"].items()}
    top = _described({key: value for key, value in schema.items() if key != "$defs"}, root)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": definitions}


def _dataclasses(annotation: Any, seen: set[type]) -> Iterator[type]:
    """Find the dataclasses that an annotation speaks of, and those of their fields."""
    if not (isinstance(annotation, type) and is_dataclass(annotation)):
        for part in get_args(annotation):
            yield from _dataclasses(part, seen)
    elif annotation not in seen:
        seen.add(annotation)
        yield annotation
        for inner in get_type_hints(annotation, include_extras=True).values():
            yield from _dataclasses(inner, seen)


def attribute_meanings(cls: type) -> dict[str, str]:
    """Read the ``Attributes`` sections of a class and its bases: each name, and its meaning on one line."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        section = inspect.cleandoc(base.__doc__ or "").partition(_SECTION)[2]
        found |= {name: _on_one_line(text) for name, text in _ENTRY.findall(section)}
    return found


def _described(part: Mapping[str, Any], cls: type) -> dict[str, Any]:
    meanings = attribute_meanings(cls)
    given = {each.name for each in fields(cls) if each.init}  # what a class has for itself is no key
    properties = {
        key: {word: value for word, value in definition.items() if word != "title"}
        | ({"description": _in_settings(meanings[key], definition)} if key in meanings else {})
        for key, definition in part["properties"].items()
        if key in given
    }
    summary = _on_one_line(inspect.cleandoc(cls.__doc__ or "").partition(_SECTION)[0])
    # A constant tells the kinds of model apart, so that it has to be there, though a dataclass has it as a default.
    required = [*part.get("required", ()), *(key for key, definition in properties.items() if "const" in definition)]
    return {**part, "description": summary, "properties": properties, "required": required}


def _in_settings(meaning: str, definition: Mapping[str, Any]) -> str:
    """Say what Python's None means in a settings file: a key that is left out, or ``null`` where a default is set."""
    written = "Left out" if definition.get("default") is None else "`null`"
    return re.sub(r"(?<![^ ])None: ", f"{written}: ", meaning)


def _on_one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
