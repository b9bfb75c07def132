"""Writes docs/settings.md: every key of the settings file, from the JSON Schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stacks.settings import json_schema

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs/settings.md"
_HEAD = """\
# The settings

Every key of `inference.yaml`. `make docs` generates this page from the JSON Schema, which `inference schema` prints and
editors use to complete the file.
"""


def main() -> int:
    """Write the page."""
    TARGET.write_text(render(), encoding="utf-8")
    return 0


def render() -> str:
    """Give the page's text."""
    schema = json_schema()
    parts = [_HEAD, _section("The file", schema)]
    parts += [_section(name, schema["$defs"][name]) for name in _in_order(schema)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _in_order(schema: Mapping[str, Any]) -> list[str]:
    """Order the definitions as a reader meets them: those of the top keys first, then those inside of them."""
    found: list[str] = []
    waiting: list[Mapping[str, Any]] = [schema]
    while waiting:
        for name in _references(waiting.pop(0).get("properties", {})):
            if name not in found:
                found.append(name)
                waiting.append(schema["$defs"][name])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _section(title: str, definition: Mapping[str, Any]) -> str:
    required = definition.get("required", ())
    rows = [
        f"| `{key}` | {_type(each)} | {_default(each, needed=key in required)} | {_cell(each.get('description', ''))} |"
        for key, each in definition["properties"].items()
    ]
    table = ["| Key | Value | Default | Meaning |", "|---|---|---|---|", *rows]
    return "\n\n".join([f"## {title}", definition.get("description", ""), "\n".join(table)])


def _type(part: Mapping[str, Any]) -> str:
    """Say what a key takes, in the words of YAML."""
    union = part.get("anyOf") or part.get("oneOf")
    if union:
        return " or ".join(_type(each) for each in union if each.get("type") != "null")
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if choices := part.get("enum", [part["const"]] if "const" in part else []):
        return " or ".join(f"`{choice}`" for choice in choices)
    kind = str(part.get("type", "anything"))
    inner = part.get("items") or part.get("additionalProperties")
    return _KINDS.get(kind, kind) + (f" of {_type(inner)}" if isinstance(inner, Mapping) else "")


_KINDS = {
    "array": "list",
    "boolean": "`true` or `false`",
    "integer": "whole number",
    "object": "mapping",
    "string": "text",
}


def _default(part: Mapping[str, Any], *, needed: bool) -> str:
    if needed:
        return "*required*"
    default = part.get("default")
    return "" if default in (None, {}, []) else f"`{json.dumps(default)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
