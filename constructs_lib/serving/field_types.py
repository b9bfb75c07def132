"""Whether the fields of a value object hold what their types say, for whoever runs no type checker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from constructs_lib.serving.problems import Problem, is_token

_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "True or False"}
_SHOWN_MAX = 60
_LIST_TOKEN = "#{Token["  # noqa: S105 - how the CDK writes a list that is known at deployment only


def type_problems(value: Any) -> Iterator[Problem]:
    """Give the fields of a value object that hold something else than their types say.

    Parameters
    ----------
    value
        An instance of a dataclass. CDK tokens of texts and numbers are texts and numbers.
    """
    for name, (hint, sure) in _hints(value.__class__).items():
        held = getattr(value, name)
        if type(held) not in sure:
            yield from held_problems(name, held, hint)


@cache
def _hints(kind: type[Any]) -> dict[str, tuple[Any, frozenset[type]]]:
    """Give the type of each field, and those classes whose instances need no closer look."""
    hints = get_type_hints(kind)
    found = {}
    for each in fields(kind):
        choices = _choices(hints[each.name])
        sure = {choice for choice in choices if choice in (*_PLAIN, NoneType) or is_dataclass(choice)}
        found[each.name] = (hints[each.name], frozenset(sure))
    return found


def _choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def held_problems(path: str, held: object, hint: Any) -> Iterator[Problem]:
    """Give what of one value is not of its type.

    Parameters
    ----------
    path
        The field or the parameter.
    held
        What it holds.
    hint
        Its type.
    """
    choices = _choices(hint)
    if fitting := [choice for choice in choices if _is_a(held, choice)]:
        for choice in fitting:
            yield from _inner_problems(path, held, choice)
        return
    *others, last = [_called(choice) for choice in choices if choice is not NoneType]
    wanted = f"{', '.join(others)} or {last}" if others else last
    yield Problem(path, f"must be {wanted}, got {_shown(held)}{_fix(held, choices)}")


def text_problems(name: str, held: object, instead: str) -> Iterator[Problem]:
    """Check that a construct is not given by its name or ARN alone.

    Parameters
    ----------
    name
        The parameter.
    held
        What was given.
    instead
        How to make a construct of it, up to the text itself: ``Model.from_model_name(``.
    """
    if isinstance(held, str):
        yield Problem(name, f"must be a construct, got '{held}'; give {instead}'{held}')")


def _inner_problems(path: str, held: Any, hint: Any) -> Iterator[Problem]:
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(held, Mapping) and len(args) == 2:
        for key, value in held.items():
            yield from held_problems(f"{path}.{key}", key, args[0])
            yield from held_problems(f"{path}.{key}", value, args[1])
    elif args and origin is not Literal and isinstance(held, list | tuple):
        for number, value in enumerate(held):
            if isinstance(value, str) and value.startswith(_LIST_TOKEN):
                example = "such as [cdk.Fn.select(0, ...)]"
                yield Problem(path, f"is a list that is known at deployment only; give its items one by one, {example}")
            else:
                kind = args[number] if origin is tuple and Ellipsis not in args and number < len(args) else args[0]
                yield from held_problems(f"{path}.{number}", value, kind)


def _is_a(held: object, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return isinstance(held, type(get_args(hint)[0]))
    kind = origin or hint
    if kind is str:
        return isinstance(held, str | os.PathLike)
    if kind is bool:
        return held is None or isinstance(held, bool)
    if kind in (int, float):
        whole = isinstance(held, int) or (isinstance(held, float) and (is_token(held) or held.is_integer()))
        return not isinstance(held, bool) and (whole or (kind is float and isinstance(held, float)))
    if kind in (tuple, list, Sequence):
        return isinstance(held, list | tuple)
    return kind is Any or isinstance(held, kind)


def _called(hint: Any) -> str:
    kind = get_origin(hint) or hint
    if kind is Literal:
        return _PLAIN[type(get_args(hint)[0])]
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in (tuple, list, Sequence):
        return "a list"
    return "a mapping" if issubclass(kind, Mapping) else _a(kind)


def _a(kind: type[Any]) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"


def _shown(held: object) -> str:
    if isinstance(held, type):
        return f"the class {held.__name__}"
    if is_token(held):
        return f"a {'text' if isinstance(held, str) else 'number'} that is known at deployment only"
    if not isinstance(held, str | int | float | list | tuple | dict | None):
        return f"{_a(type(held))} object"
    text = repr(held)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _fix(held: object, choices: Sequence[Any]) -> str:
    """Say what to write instead, where that is plain."""
    kinds = [get_origin(choice) or choice for choice in choices]
    values = [kind.__name__ for kind in kinds if is_dataclass(kind) and isinstance(kind, type)]
    if isinstance(held, type) and held in kinds:
        return f"; write {held.__name__}(...)"
    if is_token(held) and any(kind in (str, int, float) for kind in kinds):
        what, name = ("text", "string") if str in kinds else ("a number", "number")
        return f"; take it as {what}, by value_as_{name} or cdk.Token.as_{name}"
    if str in kinds:
        return _text_fix(held)
    if any(kind in (tuple, list, Sequence) for kind in kinds) and not isinstance(held, Mapping):
        return "; put it into a list: [...]"
    return f"; write {values[0]}(...)" if len(values) == 1 else ""


def _text_fix(held: object) -> str:
    if isinstance(held, int | float) and not isinstance(held, bool):
        return f'; write "{held}"'
    return "; give its ARN, its name or its address, as this field says" if hasattr(held, "node") else ""
