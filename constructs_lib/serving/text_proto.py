"""Reads protobuf's text format, in which Triton's ``config.pbtxt`` is written, without a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:\#[^\n]*\n?\s*)*  # blanks and comments
    (?:(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<mark>[{}<>\[\]:,;])|(?P<word>[^\s{}<>\[\]:,;"'\#]+)|\Z)""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}
_DEEPEST = 50

Message = dict[str, list[Any]]


class TextProtoError(ValueError):
    """A text that is not in protobuf's text format; it says in which line, and why."""


def parse_text_proto(text: str) -> Message:
    """Read a message: by its name, the values of each field in their order.

    A value is a number, a word (an enum's, ``true``), a text in quotes, or a message.

    Raises
    ------
    TextProtoError
        When the text cannot be read.
    """
    return _Reader(text).message(end=None)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenized()
        self._kind, self._token, self._at = "", "", 0
        self._depth = 0
        self._next()

    def message(self, *, end: str | None) -> Message:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("is nested too deeply")
        found: Message = {}
        while self._kind and not (self._kind == "mark" and self._token == end):
            if self._kind != "word":
                raise self._wrong("must be a field's name")
            name = self._token
            self._next()
            colon = self._take(":")
            values = self._values() if self._kind == "mark" or colon else None
            if values is None:
                raise self._wrong(f"must be the value of '{name}', after a colon")
            found.setdefault(name, []).extend(values)
            _ = self._take(",") or self._take(";")
        if end is not None:
            self._close(end)
        self._depth -= 1
        return found

    def _values(self) -> list[Any]:
        if not self._take("["):
            return [self._value()]
        values = []
        while not (self._kind == "mark" and self._token == "]"):  # noqa: S105 - no password
            values.append(self._value())
            if not self._take(","):
                break
        self._close("]")
        return values

    def _value(self) -> Any:
        if self._kind == "mark" and self._token in _CLOSING:
            end = _CLOSING[self._token]
            self._next()
            return self.message(end=end)
        kind, token = self._kind, self._token
        if kind not in ("word", "text"):
            raise self._wrong("must be a value")
        self._next()
        if kind == "text":
            return token[1:-1]
        try:
            return int(token)
        except ValueError:
            return token

    def _take(self, mark: str) -> bool:
        if self._kind != "mark" or self._token != mark:
            return False
        self._next()
        return True

    def _close(self, mark: str) -> None:
        if not self._take(mark):
            raise self._wrong(f"must be '{mark}'")

    def _next(self) -> None:
        self._kind, self._token, self._at = next(self._tokens)

    def _tokenized(self) -> Iterator[tuple[str, str, int]]:
        position = 0
        while True:
            match = _TOKEN.match(self._text, position)
            if match is None:
                line = self._text.count("\n", 0, position) + 1
                raise TextProtoError(f"line {line}: has quotes that are not closed")
            kind = match.lastgroup or ""
            yield kind, match[kind] if kind else "", match.start(kind) if kind else match.end()
            position = match.end()

    def _wrong(self, must: str) -> TextProtoError:
        line = self._text.count("\n", 0, self._at) + 1
        return TextProtoError(f"line {line}: '{self._token}' {must}" if self._kind else f"line {line}: ends too early")
