"""Custom resources: what one has begun when it fails, or when its stack is deleted, is deleted, as on AWS.

CloudFormation then sends a ``Delete`` with the physical id of the failed answer, unless that is the id of what was
there before: it is how a handler hears that what it has begun is not wanted any more. An update that fails with another
physical id is a replacement that failed, so its predecessor gets no ``Update`` that would restore it.
https://repost.aws/knowledge-center/best-practices-custom-cf-lambda

One that has not answered yet when its stack is deleted gets its ``Delete`` at once, with a physical id that
CloudFormation makes up; the stack goes once its creation has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.services.cloudformation import _stacks, custom_resource, handlers, provisioners, stacks

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A custom resource that was begun, and failed or has not answered yet."""

    logical_id: str
    physical_id: str
    properties: dict[str, Any]
    resource_type: str


_answered: dict[tuple[str, str], str] = {}
_failed: dict[str, list[_Begun]] = {}
_under_way: dict[str, list[_Begun]] = {}


def install() -> None:
    """Note what is begun and what has failed, and delete it when its stack is deleted or rolls back."""
    _note_answers()
    _note_failures()
    _delete_in_rollback()
    _delete_under_way()


def _note_answers() -> None:
    original: Callable[[str, dict[str, Any]], bool] = custom_resource.deliver_response

    def deliver(token: str, response: dict[str, Any]) -> bool:
        if response.get("Status") == "FAILED" and response.get("PhysicalResourceId"):
            key = (response.get("StackId", ""), response.get("LogicalResourceId", ""))
            _answered[key] = response["PhysicalResourceId"]
        return original(token, response)

    custom_resource.deliver_response = deliver


def _note_failures() -> None:
    original_create: Callable[..., tuple[str, dict[str, Any]]] = provisioners._custom_resource_create
    original_update: Callable[..., tuple[str, dict[str, Any]]] = provisioners._custom_resource_update
    default = "AWS::CloudFormation::CustomResource"

    def create(
        logical_id: str, properties: dict[str, Any], stack_name: str, resource_type: str = default
    ) -> tuple[str, dict[str, Any]]:
        with _noting(stack_name, logical_id, properties, resource_type):
            return original_create(logical_id, properties, stack_name, resource_type)

    def update(
        physical_id: str,
        old: dict[str, Any],
        new: dict[str, Any],
        stack_name: str,
        *,
        logical_id: str | None = None,
        resource_type: str = default,
    ) -> tuple[str, dict[str, Any]]:
        with _noting(stack_name, logical_id or physical_id, new, resource_type, predecessor=physical_id):
            return original_update(physical_id, old, new, stack_name, logical_id, resource_type)

    provisioners._custom_resource_create = create
    provisioners._custom_resource_update = update
    provisioners._RESOURCE_HANDLERS[default]["create"] = create


@contextlib.contextmanager
def _noting(
    stack_name: str,
    logical_id: str,
    properties: dict[str, Any],
    resource_type: str,
    *,
    predecessor: str | None = None,
) -> Iterator[None]:
    stack_id = provisioners._cr_stack_id(stack_name)
    made_up = f"{stack_name}-{logical_id}-{secrets.token_hex(6).upper()}"
    begun = [] if predecessor else [_Begun(logical_id, made_up, properties, resource_type)]
    _under_way.setdefault(stack_id, []).extend(begun)
    try:
        yield
    except Exception:
        physical_id = _answered.pop((stack_id, logical_id), predecessor)
        if physical_id != predecessor and physical_id is not None:
            _failed.setdefault(stack_id, []).append(_Begun(logical_id, physical_id, properties, resource_type))
        raise
    finally:
        _under_way[stack_id] = [each for each in _under_way[stack_id] if each not in begun]


def _delete_in_rollback() -> None:
    original: Callable[..., Awaitable[None]] = stacks._roll_back_operation

    async def roll_back(
        stack_name: str, stack_id: str, stack: dict[str, Any], operation: dict[str, Any], *more: Any, **named: Any
    ) -> None:
        for failure in _failed.pop(stack_id, []):
            attempt = operation.get("failed_update")
            if attempt and attempt[0] == failure.logical_id:
                # MiniStack's form for one that is as it was: nothing is sent back.
                operation["failed_update"] = (*attempt[:3], None, None, None)
            await _delete(failure, stack_name, stack_id)
        await original(stack_name, stack_id, stack, operation, *more, **named)

    stacks._roll_back_operation = roll_back


def _delete_under_way() -> None:
    original: Callable[..., Awaitable[None]] = stacks._delete_stack_async

    async def delete(stack_name: str, stack_id: str, *more: Any, **named: Any) -> None:
        if begun := _under_way.get(stack_id):
            await asyncio.gather(*(_delete(each, stack_name, stack_id) for each in begun))
            while str(_stacks.get(stack_name, {}).get("StackStatus", "")).endswith("_IN_PROGRESS"):
                await asyncio.sleep(0.05)
        await original(stack_name, stack_id, *more, **named)

    stacks._delete_stack_async = handlers._delete_stack_async = delete


async def _delete(begun: _Begun, stack_name: str, stack_id: str) -> None:
    where = (stack_id, stack_name, begun.logical_id, begun.resource_type)
    stacks._add_event(*where, "DELETE_IN_PROGRESS", physical_id=begun.physical_id)
    resource = (begun.resource_type, begun.physical_id, begun.properties, stack_name, begun.logical_id)
    try:
        await run_reentrant(provisioners._delete_resource, *resource)
    except Exception as error:  # whatever its handler answers, the others are deleted
        _log.warning("%s of %s was not deleted: %s", begun.logical_id, stack_name, error)
        stacks._add_event(*where, "DELETE_FAILED", str(error), begun.physical_id)
    else:
        stacks._add_event(*where, "DELETE_COMPLETE", physical_id=begun.physical_id)
