"""What a CloudFormation resource type is made of, and how a service's refusal reads in a stack event."""

from __future__ import annotations

import contextlib
import secrets
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from local_aws.cloudformation.properties import Properties
from local_aws.errors import ServiceError

# The physical id, which is what Ref gives, and what Fn::GetAtt gives.
Resource = tuple[str, dict[str, str]]
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One resource type.

    Parameters
    ----------
    name
        ``AWS::Service::Kind``.
    create
        Takes the logical id and the properties.
    update
        Takes the logical id, the physical id, and the old and the new properties; for what does not replace.
    delete
        Takes the physical id and the properties; a resource that is gone already is no error.
    create_only
        The properties whose change replaces the resource (``createOnlyProperties`` of its schema).
    name_property
        The property with which a template may name the resource. None: it has none.
    tags
        How its ``Tags`` property is written. None: it has none.
    waits
        Whether creating, updating or deleting it takes longer than an instant.
    """

    name: str
    create: Callable[[str, Properties], Resource]
    update: Callable[[str, str, Properties, Properties], Resource]
    delete: Callable[[str, Properties], None]
    create_only: tuple[str, ...]
    name_property: str | None = None
    tags: Literal["list", "map"] | None = "list"
    waits: bool = False


def generated_name(logical_id: str, *, limit: int = 63) -> str:
    """Return a physical name as CloudFormation generates it for SageMaker: the logical id and twelve characters."""
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return f"{logical_id[: limit - 13]}-{suffix}"


def handler_failure(message: str, code: str) -> ValueError:
    """Return the failure of a resource as a stack event words it."""
    return ValueError(
        f'Resource handler returned message: "{message}" (RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})'
    )


@contextlib.contextmanager
def reported_by_handler() -> Iterator[None]:
    """Let a service's refusal fail the resource."""
    try:
        yield
    except ServiceError as error:
        code = "AccessDenied" if error.code == "AccessDeniedException" else "InvalidRequest"
        if "already existing" in error.message:
            code = "AlreadyExists"
        raise handler_failure(error.message, code) from error


def is_gone(error: ServiceError) -> bool:
    """Return whether a service refused because the resource does not exist."""
    return error.code.startswith("ObjectNotFound") or error.message.startswith("Could not find")
