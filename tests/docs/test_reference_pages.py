"""The reference pages and the schema say what the code says."""

from __future__ import annotations

from scripts import constructs_reference, settings_reference
from stacks.settings import json_schema


def test_the_settings_page_is_what_make_docs_would_write() -> None:
    assert settings_reference.TARGET.read_text(encoding="utf-8") == settings_reference.render()


def test_the_constructs_page_is_what_make_docs_would_write() -> None:
    assert constructs_reference.TARGET.read_text(encoding="utf-8") == constructs_reference.render()


def test_every_key_of_the_settings_says_what_it_means() -> None:
    schema = json_schema()

    silent = [
        f"{name}.{key}"
        for name, definition in {"Settings": schema, **schema["$defs"]}.items()
        for key, each in definition["properties"].items()
        if not each.get("description") and "const" not in each
    ]

    assert silent == []
