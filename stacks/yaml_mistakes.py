"""What is wrong with a text that is no YAML: the line that is to be mended, and how.

PyYAML tells what its parser met, in the parser's words, and often on a line further down.
"""

from __future__ import annotations

import yaml

# By PyYAML's words (those of libyaml, in C): whether the mistake is where it began to read, or where it stopped, and
# what to do.
_PLAIN = {
    "could not find expected ':'": (True, "this is no 'key: value'; write a colon and a space after the key"),
    "did not find expected ',' or '}'": (True, "what '{' begins here lacks a ',' or the closing '}'"),
    "did not find expected ',' or ']'": (True, "what '[' begins here lacks a ',' or the closing ']'"),
    "found unexpected end of stream": (True, "the quote that begins here is not closed"),
    "mapping values are not allowed in this context": (
        False,
        "a ':' is out of place; indent the line as those beside it, or put a value that has ': ' in quotes",
    ),
    "did not find expected key": (False, "this is no key; indent the line as those that it belongs to"),
    "did not find expected '-' indicator": (False, "this is no item; begin it with '- ', or indent it otherwise"),
    "found undefined alias": (False, "'*' begins an alias, and no '&' names it; put text that begins so in quotes"),
    "found unknown escape character": (False, "'\\' begins an escape in double quotes; use single quotes"),
    "but found another document": (False, "'---' begins another document; give it a file of its own"),
}
_UNFIT = "found character that cannot start any token"


def plainly(error: yaml.YAMLError, text: str) -> tuple[int | None, str]:
    """Give the line of a mistake, counted from 1, and what it is.

    Parameters
    ----------
    error
        What PyYAML raised.
    text
        What it read.
    """
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: error.position].count(b"\n") + 1
        return line, f"the character #x{error.character:04x} is not allowed; remove it"
    if not isinstance(error, yaml.MarkedYAMLError):
        return None, " ".join(str(error).split())
    mark, words = error.problem_mark, error.problem or error.context or ""
    if words == _UNFIT and mark:
        return mark.line + 1, _unfit(text[mark.index :][:1])
    is_begin, said = _PLAIN.get(words, (False, words))
    mark = (is_begin and error.context_mark) or mark
    return (mark.line + 1 if mark else None), said


def _unfit(letter: str) -> str:
    if letter == "\t":
        return "a tab indents this line; use spaces"
    return f"no value begins with '{letter}'; put it in quotes"
