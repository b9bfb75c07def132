"""YAML with its line numbers, so that every message about a setting can say where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from stacks.yaml_mistakes import plainly

KeyPath = tuple[str | int, ...]

_DEEPEST = 50  # levels of nesting: a settings file has 5, and PyYAML's C code overflows its stack at some thousands
_MOST_VALUES = 200_000  # aliases of aliases of aliases are small to write and endless to read
_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class SettingsError(Exception):
    """One or more things that are wrong with a settings file, each a line of its own."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("\n".join(messages))


@dataclass(frozen=True, slots=True)
class YamlSource:
    """What a YAML file says, and on which line it says it.

    Attributes
    ----------
    path
        The file, as its reader named it.
    data
        Its content: mappings, lists, strings, numbers, booleans and None.
    lines
        The line of each key and list item, counted from 1, by its path.
    texts
        Each number and truth value as it is written, by its path: ``2.10`` is not ``2.1``.
    """

    path: Path
    data: Any
    lines: dict[KeyPath, int]
    texts: dict[KeyPath, str]

    def at(self, path: KeyPath) -> str:
        """Name the place of a key, or of the nearest one above it that is in the file: ``file:line``."""
        line = self._line(path)
        return str(self.path) if line is None else f"{self.path}:{line}"

    def error(self, problems: Iterable[tuple[KeyPath, str]]) -> SettingsError:
        """Make one error of problems and the keys that they are about, in the order of the file."""
        placed = sorted(dict.fromkeys(problems), key=lambda problem: self._line(problem[0]) or 0)
        messages = (": ".join(filter(None, (self.at(key), ".".join(map(str, key)), text))) for key, text in placed)
        return SettingsError([_on_one_line(message) for message in messages])

    def _line(self, path: KeyPath) -> int | None:
        nearest = (path[:length] for length in range(len(path), 0, -1))
        return next((self.lines[key] for key in nearest if key in self.lines), None)


def read_yaml(path: Path) -> YamlSource:
    """Read a YAML file by the rules of YAML 1.2, in which ``no`` and ``12:30`` are words.

    Raises
    ------
    SettingsError
        When the file cannot be read, is no YAML, is empty, has several documents, is nested without end, or gives a
        key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError([f"{path}: there is no such file; name one with '-c settings=FILE'"]) from None
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: is not UTF-8 text, at byte {error.start}"]) from None
    try:
        _check_depth(text)
        reading = _Reading(path, _Loader(text))
        data = reading.document()
    except yaml.YAMLError as error:
        line, said = plainly(error, text)
        raise SettingsError([f"{path}{'' if line is None else f':{line}'}: is no valid YAML: {said}"]) from None
    if reading.mistakes:
        raise SettingsError([_on_one_line(mistake) for mistake in reading.mistakes])
    return YamlSource(path, data, reading.lines, reading.texts)


_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FastLoader):  # type: ignore[misc]
    """YAML 1.2's core schema instead of YAML 1.1's guesses."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [c if c != "\0" else "" for c in _first]
    )
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _integer(node.value))


def _integer(text: str) -> int:
    return int(text, 0) if text.lstrip("+-")[:2] in {"0x", "0o"} else int(text)


def _check_depth(text: str) -> None:
    depth = 0
    events: Iterable[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            problem = f"it is nested more than {_DEEPEST} levels deep"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _on_one_line(message: str) -> str:
    """Spell out line breaks and other control characters that a key or value brings into a message."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)


@dataclass(slots=True)
class _Reading:
    """Turns nodes into values while it notes the lines and the keys that are given twice."""

    path: Path
    loader: _Loader
    lines: dict[KeyPath, int] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    _values: int = 0

    def document(self) -> Any:
        try:
            root = self.loader.get_single_node()
            if root is None:
                raise SettingsError([f"{self.path}: is empty; it needs at least 'endpoints:'"])
            return self._value(root, ())
        finally:
            self.loader.dispose()

    def _value(self, node: yaml.Node, at: KeyPath) -> Any:
        self._values += 1
        # The text itself is not too deep, so it is an alias that holds itself, or many that hold one another.
        if len(at) > _DEEPEST or self._values > _MOST_VALUES:
            raise yaml.MarkedYAMLError(problem="its aliases expand without end", problem_mark=node.start_mark)
        if node.tag not in _TAGS:
            raise yaml.MarkedYAMLError(problem=f"the tag '{node.tag}' means nothing here", problem_mark=node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.lines.setdefault((*at, index), item.start_mark.line + 1)
            return [self._value(item, (*at, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _scalar(self, node: yaml.Node, at: KeyPath) -> Any:
        try:
            value = self.loader.construct_object(node)
        except (ValueError, KeyError):  # a tag that says otherwise than the text, or a number of thousands of digits
            problem = f"'{node.value[:40]}' cannot be read as {_TAGS[node.tag]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None
        if isinstance(value, (bool, int, float)):
            self.texts[at] = node.value
        return value

    def _mapping(self, node: yaml.MappingNode, at: KeyPath) -> dict[str, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            key, line = self._key(key_node), key_node.start_mark.line + 1
            if key in seen and key != "<<":
                place = ".".join(map(str, (*at, key)))
                self.mistakes.append(f"{self.path}:{line}: {place}: is given twice, first on line {seen[key]}")
            seen.setdefault(key, line)
        self.loader.flatten_mapping(node)
        found = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            self.lines[*at, key] = key_node.start_mark.line + 1
            found[key] = self._value(value_node, (*at, key))
        return found

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            problem = "a key must be a word; put text that begins with '{' or '[' in quotes"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return str(node.value)
