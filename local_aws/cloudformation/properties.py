"""Turn a template's properties into an operation's parameters, refusing what CloudFormation refuses.

The properties of these types are named as the members of the service's own operations, so botocore's model of the
service serves as the schema: unknown properties and values of a wrong type are refused in CloudFormation's words, and
numbers and booleans written as text are converted, as CloudFormation does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws.api import Parameters
from local_aws.validation import service_model

Properties = Mapping[str, Any]
_TYPE_NAMES = {"structure": "JSONObject", "map": "JSONObject", "list": "JSONArray", "timestamp": "String"}
_FOUND = {dict: "JSONObject", list: "JSONArray", bool: "Boolean", int: "Integer", float: "Number"}


def parameters_of(
    properties: Properties,
    *,
    service: str,
    operation: str,
    logical_id: str,
    only: frozenset[str] | None = None,
    except_for: frozenset[str] = frozenset(),
) -> Parameters:
    """Return the parameters of an operation that a resource's properties ask for.

    Parameters
    ----------
    properties
        The resource's properties, with all references resolved.
    service, operation
        The boto3 client name and the operation whose input the properties mirror.
    logical_id
        The resource's name in the template, for the message.
    only
        The members to take, when the type has fewer than the operation. None: all of them.
    except_for
        Members that the type does not have, at any depth.

    Raises
    ------
    ValueError
        When a property is unknown, or its value of a wrong type.
    """
    shape = service_model(service).operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)  # noqa: S101  operations take structures
    refused = except_for if only is None else except_for | (shape.members.keys() - only)
    conversion = _Conversion(refused)
    converted: Parameters = conversion.of(shape, dict(properties), "#")
    if conversion.found:
        problems = "; ".join(conversion.found)
        raise ValueError(f"Properties validation failed for resource {logical_id} with message: {problems}")
    return converted


def require(properties: Properties, names: Iterator[str] | tuple[str, ...], *, logical_id: str) -> None:
    """Refuse a resource without a required property.

    Raises
    ------
    ValueError
        In CloudFormation's words.
    """
    missing = [f"#: required key [{name}] not found" for name in names if name not in properties]
    if missing:
        raise ValueError(f"Properties validation failed for resource {logical_id} with message: {'; '.join(missing)}")


class _Conversion:
    """Converts values to their shapes, and collects what CloudFormation refuses."""

    def __init__(self, refused: frozenset[str]) -> None:
        self._refused = refused
        self.found: list[str] = []

    def of(self, shape: Shape, value: Any, where: str) -> Any:
        if isinstance(shape, StructureShape) and isinstance(value, dict):
            known = shape.members.keys() - self._refused
            self.found += [f"{where}: extraneous key [{name}] is not permitted" for name in value if name not in known]
            return {
                name: self.of(shape.members[name], item, f"{where}/{name}")
                for name, item in value.items()
                if name in known
            }
        if isinstance(shape, ListShape) and isinstance(value, list):
            return [self.of(shape.member, item, f"{where}/{index}") for index, item in enumerate(value)]
        if isinstance(shape, MapShape) and isinstance(value, dict):
            return {name: self.of(shape.value, item, f"{where}/{name}") for name, item in value.items()}
        try:
            return _scalar(shape.type_name, value)
        except ValueError:
            expected = _TYPE_NAMES.get(shape.type_name, shape.type_name.capitalize())
            got = _FOUND.get(type(value), "String")
            self.found.append(f"{where}: expected type: {expected}, found: {got}")
            return value


def _scalar(kind: str, value: Any) -> Any:
    if isinstance(value, dict | list) or kind in _TYPE_NAMES.keys() - {"timestamp"}:
        raise ValueError(kind)
    if kind in ("string", "timestamp"):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind == "boolean":
        if str(value).lower() not in ("true", "false"):
            raise ValueError(kind)
        return str(value).lower() == "true"
    if kind in ("integer", "long"):
        return int(value) if not isinstance(value, float) or value.is_integer() else _refuse(kind)
    return float(value)


def _refuse(kind: str) -> Any:
    raise ValueError(kind)
