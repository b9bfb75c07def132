"""``List…`` operations: filter, sort and page records the way SageMaker does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error


class _Record(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def created(self) -> datetime: ...


R = TypeVar("R", bound=_Record)


def listed(
    records: Iterable[R],
    request: Parameters,
    member: str,
    summary: Callable[[R], Parameters],
    *,
    equals: Mapping[str, str] | None = None,
    order: str = "Descending",
) -> Parameters:
    """Return one page of records.

    Parameters
    ----------
    records
        All records of the kind.
    request
        The parameters that every ``List…`` operation of SageMaker takes: ``NameContains``, ``CreationTimeAfter``,
        ``CreationTimeBefore``, ``LastModifiedTimeAfter``, ``LastModifiedTimeBefore``, ``StatusEquals``, ``SortBy``,
        ``SortOrder``, ``MaxResults`` and ``NextToken``.
    member
        The name of the list in the result.
    summary
        Renders one record.
    equals
        The attribute that each further ``…Equals`` parameter asks for.
    order
        The ``SortOrder`` of a request that names none.
    """
    attributes = {"StatusEquals": "status", **(equals or {})}
    asked = {attribute: request[name] for name, attribute in attributes.items() if name in request}
    wanted = [
        record
        for record in records
        if _matches(record, request) and all(getattr(record, name) == value for name, value in asked.items())
    ]
    by = {"Name": "name", "Status": "status"}.get(request.get("SortBy", ""), "created")
    wanted.sort(
        key=lambda record: (getattr(record, by), record.created, record.name),
        reverse=request.get("SortOrder", order) == "Descending",
    )
    answer = page(wanted, request, member, default=10)
    return answer | {member: [summary(record) for record in answer[member]]}


def page(wanted: Sequence[object], request: Parameters, member: str, *, default: int) -> Parameters:
    """Return the part of a list that a request asks for, and the token of the next.

    Raises
    ------
    ServiceError
        ``ValidationException`` for a token that nobody was given.
    """
    start = _position(request.get("NextToken"))
    end = start + int(request.get("MaxResults", default))
    answer: Parameters = {member: list(wanted[start:end])}
    if end < len(wanted):
        answer["NextToken"] = str(end)
    return answer


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise validation_error("Invalid NextToken.")
    return int(token)


def _matches(record: _Record, request: Parameters) -> bool:
    return str(request.get("NameContains", "")).lower() in record.name.lower() and all(
        _moment(request.get(f"{name}After"), datetime.min.replace(tzinfo=UTC))
        < getattr(record, attribute)
        < _moment(request.get(f"{name}Before"), datetime.max.replace(tzinfo=UTC))
        for name, attribute in (("CreationTime", "created"), ("LastModifiedTime", "modified"))
        if f"{name}After" in request or f"{name}Before" in request
    )


def _moment(value: Any, default: datetime) -> datetime:
    if value is None:
        return default
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ServiceError("SerializationException", f"{value} can not be converted to a Timestamp") from error
