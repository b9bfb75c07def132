"""What pydantic finds wrong with settings, said in the words of the settings file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cdk8s_charts.servers import AnyServer
from constructs_lib.serving.multi_container import HostedModel
from constructs_lib.serving.problems import InvalidValueError
from stacks.refused_keys import why_no_framework, why_refused
from stacks.yaml_source import KeyPath, YamlSource

_MAPPING = "a mapping of keys to values"
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": _MAPPING,
    "tuple_type": "a list",
    "dataclass_type": _MAPPING,
    "dataclass_exact_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}
_SHOWN_MAX = 100  # characters of a wrong value
_NUMBERS = ("int_type", "float_type")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_LEFT_OUT = re.compile(r" (?:Default|None|Left out|Empty): ")
_KINDS = {
    key: tuple(member.__dataclass_fields__[key].default for member in get_args(union))
    for key, union in (("framework", HostedModel), ("kind", AnyServer))
}


def explain(error: ValidationError, source: YamlSource, schema: Mapping[str, Any]) -> list[tuple[KeyPath, str]]:
    """Say every problem that pydantic found, with the key that it is about.

    Parameters
    ----------
    error
        What pydantic raised.
    source
        What was validated.
    schema
        The JSON Schema that it was validated by, for the keys that are allowed.
    """
    return [
        (path, message)
        for details in error.errors(include_url=False)
        for path, message in _messages(details, source, schema)
    ]


def _messages(details: ErrorDetails, source: YamlSource, schema: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    kind, given, data = details["type"], details["input"], source.data
    path = _path(details["loc"], data, keep_last=kind == "missing")
    shown = _shown(given, source.texts.get(path))
    raised = details.get("ctx", {}).get("error")
    if isinstance(raised, InvalidValueError):
        for problem in raised.problems:
            yield (*path, *_steps(problem.field, _at(data, path))), problem.message
    elif kind == "missing":
        yield path, f"is missing{_meaning(schema, data, path)}"
    elif kind == "unexpected_keyword_argument":
        reason = why_refused(path)
        unknown = _unknown(str(path[-1]), allowed_keys(schema, data, path[:-1]), "is no key here")
        yield path, f"is no key here: {reason}" if reason else unknown
    elif kind == "union_tag_not_found":
        key = _discriminator(details)
        yield (*path, key), f"is missing; choose one of {_listed(_tags(details))}"
    elif kind == "union_tag_invalid":
        key = _discriminator(details)
        tag = given[key] if isinstance(given, Mapping) else given
        reason = why_no_framework(path, str(tag))
        yield (*path, key), reason or _unknown(str(tag), _tags(details), f"{_shown(tag)} is no {key}")
    elif kind == "literal_error":
        yield path, f"must be {details.get('ctx', {}).get('expected')}, got {shown}"
    elif kind in _EXPECTED:
        yield path, f"must be {_EXPECTED[kind]}, got {shown}{_advice(kind, given, source, schema, path)}"
    else:
        yield path, f"{details['msg'][0].lower()}{details['msg'][1:]}, got {shown}"


def key_path(field: str, data: Any) -> KeyPath:
    """Take a problem's path apart into the keys of the file."""
    return tuple(_steps(field, data))


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def _steps(field: str, data: Any) -> Iterator[str | int]:
    """Take a path apart at its dots, but for those of a key that has some itself, such as an environment variable."""
    while field:
        key: str | int = field.partition(".")[0]
        rest = field.partition(".")[2]
        if isinstance(data, list) and str(key).isdigit() and int(key) < len(data):
            key = int(key)
        elif isinstance(data, dict) and key not in data and field in data:
            key, rest = field, ""
        inside = isinstance(key, int) or (isinstance(data, dict) and key in data)
        data, field = (data[key] if inside else None), rest
        yield key


def allowed_keys(schema: Mapping[str, Any], data: Any, path: KeyPath) -> list[str]:
    """Give the keys that the schema allows at a path, following what the data there says it is."""
    return list(_schema_at(schema, data, path).get("properties", {}))


def _advice(kind: str, given: Any, source: YamlSource, schema: Mapping[str, Any], path: KeyPath) -> str:
    """Say what to write instead of what is no text, number, list or mapping."""
    text = source.texts.get(path)
    if kind == "string_type" and text:
        return f"; put it in quotes: '{text}'"
    if _EXPECTED[kind] == _MAPPING:
        return _keys(schema, source.data, path)
    if kind == "tuple_type" and given and isinstance(given, (str, int, float)):
        return f"; put it in brackets: [{text or given}]"
    if kind in _NUMBERS and isinstance(given, str):
        return "; leave the quotes out" if _NUMBER.fullmatch(given) else _meaning(schema, source.data, path)
    return ""


def _meaning(schema: Mapping[str, Any], data: Any, path: KeyPath) -> str:
    """Give what the schema says of a key, which has its unit and its bounds; not what becomes of it when left out."""
    found = _schema_at(schema, data, path[:-1]).get("properties", {}).get(path[-1], {})
    said = _LEFT_OUT.split(found.get("description", ""))[0].rstrip(".").replace("`", "'")
    return f" ({said})" if said else ""


def _keys(schema: Mapping[str, Any], data: Any, path: KeyPath) -> str:
    """Say which keys a mapping has, of which something else was given."""
    at = _schema_at(schema, data, path)
    if "discriminator" in at:
        key = at["discriminator"]
        return f"; begin it with '{key['propertyName']}', one of {_listed(list(key['mapping']))}"
    return f"; its keys are {_listed(list(at['properties'])) if 'properties' in at else 'names that you choose'}"


def _schema_at(schema: Mapping[str, Any], data: Any, path: KeyPath) -> Mapping[str, Any]:
    at = _resolved(schema, schema, data)
    for key in path:
        data = data[key]
        inner = at.get("properties", {}).get(key) or at.get("items") or at.get("additionalProperties", {})
        at = _resolved(inner, schema, data)
    return at


def _resolved(at: Mapping[str, Any], schema: Mapping[str, Any], data: Any) -> Mapping[str, Any]:
    """Follow references, optional values and the union member that the data names."""
    while True:
        if "$ref" in at:
            at = schema["$defs"][at["$ref"].rpartition("/")[2]]
        elif "anyOf" in at:
            at = next(option for option in at["anyOf"] if option.get("type") != "null")
        elif "discriminator" in at and isinstance(data, Mapping):
            at = {"$ref": at["discriminator"]["mapping"][data[at["discriminator"]["propertyName"]]]}
        elif "oneOf" in at and "discriminator" not in at:  # true, or a mapping
            at = next(option for option in at["oneOf"] if "$ref" in option)
        else:
            return at


def _path(location: tuple[str | int, ...], data: Any, *, keep_last: bool) -> KeyPath:
    """Drop from pydantic's location what no file has as a key: the name of the union member, ``[key]``."""
    if location[0:1] == ("endpoints",) and location[2:3] == ("model",):
        location = (*location[:3], *location[4:])  # the framework, by which pydantic tells the models apart
    path: list[str | int] = []
    for index, key in enumerate(location):
        inside = isinstance(data, dict) and key in data
        inside = inside or (isinstance(data, list) and isinstance(key, int) and key < len(data))
        if inside:
            data = data[key]
        if inside or (keep_last and index == len(location) - 1):
            path.append(key)
    return tuple(path)


def _unknown(given: str, allowed: list[str], complaint: str) -> str:
    near = difflib.get_close_matches(given.lower(), allowed, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{complaint}; {hint}choose one of {_listed(allowed)}"


def _tags(details: ErrorDetails) -> list[str]:
    text = details.get("ctx", {}).get("expected_tags", "")
    return [tag.strip(" '") for tag in text.split(",")] if text else list(_KINDS[_discriminator(details)])


def _discriminator(details: ErrorDetails) -> str:
    """Give the key that tells the members of a union apart: ``framework`` of models, ``kind`` of servers."""
    name: str = details.get("ctx", {}).get("discriminator", "")
    return name.strip("'")


def _listed(words: list[str]) -> str:
    return ", ".join(words)


def _shown(value: Any, text: str | None = None) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return f"'{value if len(value) <= _SHOWN_MAX else f'{value[:_SHOWN_MAX]}…'}'"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return text or str(value).lower()
        case _:
            return f"the number {text or value}"
