"""``List…`` operations: filter, sort and page records the way SageMaker does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from local_aws.api import Parameters
from local_aws.errors import validation_error


class _Record(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def created(self) -> datetime: ...


R = TypeVar("R", bound=_Record)


def listed(records: Iterable[R], request: Parameters, member: str, summary: Callable[[R], Parameters]) -> Parameters:
    """Return one page of records.

    Parameters
    ----------
    records
        All records of the kind.
    request
        The parameters that every ``List…`` operation of SageMaker takes: ``NameContains``, ``CreationTimeAfter``,
        ``CreationTimeBefore``, ``SortBy``, ``SortOrder``, ``MaxResults`` and ``NextToken``.
    member
        The name of the list in the result.
    summary
        Renders one record.
    """
    wanted = [record for record in records if _matches(record, request)]
    by_name = request.get("SortBy", "CreationTime") == "Name"
    # SageMaker: "The default is Descending" for every resource family here.
    descending = request.get("SortOrder", "Descending") == "Descending"
    wanted.sort(key=lambda record: (record.name if by_name else "", record.created, record.name), reverse=descending)
    start = _position(request.get("NextToken"))
    end = start + int(request.get("MaxResults", 10))
    page: Parameters = {member: [summary(record) for record in wanted[start:end]]}
    if end < len(wanted):
        page["NextToken"] = str(end)
    return page


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise validation_error("Invalid NextToken.")
    return int(token)


def _matches(record: _Record, request: Parameters) -> bool:
    return (
        str(request.get("NameContains", "")).lower() in record.name.lower()
        and record.created > _moment(request.get("CreationTimeAfter"), datetime.min.replace(tzinfo=UTC))
        and record.created < _moment(request.get("CreationTimeBefore"), datetime.max.replace(tzinfo=UTC))
    )


def _moment(value: Any, default: datetime) -> datetime:
    if value is None:
        return default
    return (
        datetime.fromtimestamp(float(value), UTC) if isinstance(value, int | float) else datetime.fromisoformat(value)
    )
