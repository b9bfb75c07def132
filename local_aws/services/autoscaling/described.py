"""``Describe…`` operations: which records are asked for, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.services.paging import page


def described(
    records: Iterable[Parameters], request: Parameters, member: str, *, named: tuple[str, str], most: int
) -> Parameters:
    """Return one page of records.

    Parameters
    ----------
    records
        All records of the kind, as they are described.
    request
        The parameters that every ``Describe…`` operation takes: ``ServiceNamespace``, ``ResourceId``,
        ``ScalableDimension``, ``MaxResults`` and ``NextToken``.
    member
        The name of the list in the result.
    named
        The parameter that lists what is asked for, and the member of a record that it is about.
    most
        The largest ``MaxResults``, which is also that of a request that has none.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    listing, name = named
    if "ScalableDimension" in request and not {"ResourceId", "ResourceIds"} & request.keys():
        raise validation_error("If you specify a scalable dimension, you must also specify a resource ID.")
    if not 1 <= request.get("MaxResults", most) <= most:
        raise validation_error(f"MaxResults must be between 1 and {most}.")
    asked = {key: request[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension") if key in request}
    wanted = [
        record
        for record in records
        if asked.items() <= record.items() and (not request.get(listing) or record[name] in request[listing])
    ]
    return page(wanted, request, member, default=most)
