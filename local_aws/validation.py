"""Check a request against botocore's own model of the service.

One generic check for every operation of every service: types first (AWS answers those with a
``SerializationException`` before it looks at anything else), then the constraints of the model, all at once, in the
words of AWS's validation: ``2 validation errors detected: Value 'a_b' at 'endpointName' failed to satisfy constraint:
Member must satisfy regular expression pattern: …; Value null at …``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from local_aws.errors import ServiceError

_JSON_NAMES: dict[type, str] = {
    bool: "BOOLEAN_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    str: "STRING_VALUE",
    list: "LIST_VALUE",
    dict: "STRUCTURE_VALUE",
}
_ACCEPTED: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float, str),
    "blob": (str, bytes),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}
# What Java's property classes mean, as far as the models use them, in Python's notation inside a character class.
_JAVA_CLASSES = {
    "L": "A-Za-z\u00aa-\uffff",
    "M": "\u0300-\u036f",
    "N": "0-9",
    "P": "!-/:-@\\[-`{-~",
    "S": "$+<=>^`|~",
    "Z": "\\s",
    "Alnum": "A-Za-z0-9",
    "ASCII": "\x00-\x7f",
    "Print": "\x20-\x7e",
}

# Java writes what is beyond the 16-bit characters as pairs of surrogates.
_SURROGATES = ("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\\U00010000-\\U0010FFFF")


@functools.cache
def service_model(name: str) -> ServiceModel:
    """Return botocore's model of a service, by its boto3 client name."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def check(shape: Shape, value: object, *, code: str = "ValidationException") -> None:
    """Raise the service's validation error unless a value satisfies a shape.

    Raises
    ------
    ServiceError
        ``SerializationException`` for a wrong type; *code* with every violated constraint otherwise.
    """
    _check_types(shape, value)
    found = list(_violations(shape, value, ""))
    if found:
        plural = "s" if len(found) > 1 else ""
        raise ServiceError(code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}")


def without_nulls(value: Any) -> Any:
    """Return a JSON value without its null members, which AWS reads as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _check_types(shape: Shape, value: object) -> None:
    accepted = _ACCEPTED[shape.type_name]
    is_flag = isinstance(value, bool)
    if not isinstance(value, accepted) or (is_flag and bool not in accepted):
        got = _JSON_NAMES.get(type(value), type(value).__name__)
        article = "an" if shape.type_name[0] in "aeiou" else "a"
        raise ServiceError(
            "SerializationException", f"{got} can not be converted to {article} {shape.type_name.capitalize()}"
        )
    for member, item, _ in _children(shape, value):
        _check_types(member, item)
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        unknown = sorted(value.keys() - shape.members.keys())
        if unknown:
            raise ServiceError(
                "SerializationException",
                f'Unknown parameter in input: "{unknown[0]}", must be one of: {", ".join(shape.members)}',
            )


def _children(shape: Shape, value: object) -> Iterator[tuple[Shape, object, str]]:
    """Yield the shape, the value and the path element of each member of a value."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, item in value.items():
            if name in shape.members:
                yield shape.members[name], item, name[:1].lower() + name[1:]
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield shape.member, item, f"{number}.member"
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, item in value.items():
            yield shape.key, key, f"{key}.key"
            yield shape.value, item, f"{key}.member"


def _violations(shape: Shape, value: object, path: str) -> Iterator[str]:
    for constraint in _constraints(shape, value):
        shown = "" if shape.metadata.get("sensitive") else f" '{_shown(value)}'"
        yield f"Value{shown} at '{path}' failed to satisfy constraint: {constraint}"
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name in shape.required_members:
            if name not in value:
                where = _join(path, name[:1].lower() + name[1:])
                yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
    for member, item, step in _children(shape, value):
        yield from _violations(member, item, _join(path, step))


def _constraints(shape: Shape, value: Any) -> Iterator[str]:
    limits = shape.metadata
    if isinstance(value, (str, bytes, list, dict)):
        size, what = len(value), "length"
    elif shape.type_name in ("integer", "long", "float", "double"):
        size, what = value, "value"
    else:
        return
    if not isinstance(shape, StructureShape):
        if "min" in limits and size < limits["min"]:
            yield f"Member must have {what} greater than or equal to {limits['min']}"
        if "max" in limits and size > limits["max"]:
            yield f"Member must have {what} less than or equal to {limits['max']}"
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        pattern = limits.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {pattern}"


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _shown(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a Java pattern of a service model."""
    return re.compile(_as_python(pattern), re.ASCII)


def _as_python(pattern: str) -> str:
    in_class = False
    parts: list[str] = []
    for part in re.findall(r"\\p\{\w+\}|\\.|.", pattern.replace(*_SURROGATES), re.DOTALL):
        if part.startswith("\\p{"):
            inner = _JAVA_CLASSES[part[3:-1]]
            parts.append(inner if in_class else f"[{inner}]")
            continue
        if part in "[]":
            in_class = part == "["
        parts.append("\\Z" if part == "\\z" else part)
    return "".join(parts)
