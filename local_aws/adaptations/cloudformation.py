"""CloudFormation: our resource types, those that take time, and answers that need no second look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

from local_aws.api import Response
from local_aws.cloudformation import RESOURCE_TYPES, ResourceType

Handler = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, Any]], Awaitable[Response]]

_STARTS_OPERATION = (b"CreateStack", b"UpdateStack", b"DeleteStack", b"ExecuteChangeSet", b"RollbackStack")
_PATIENCE = 3.0


def install() -> None:
    """Add our resource types, and let CloudFormation answer when an operation has ended."""
    for resource_type in RESOURCE_TYPES:
        _add_resource_type(resource_type)
    _let_wait(frozenset(resource_type.name for resource_type in RESOURCE_TYPES if resource_type.waits))
    _answer_when_settled()


def _add_resource_type(resource_type: ResourceType) -> None:
    def create(logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        return resource_type.create(logical_id, properties)

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], _stack: str, logical_id: str | None = None
    ) -> tuple[str, dict[str, str]]:
        return resource_type.update(logical_id or physical_id, physical_id, old, new)

    name = resource_type.name
    provisioners._RESOURCE_HANDLERS[name] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": resource_type.delete,
    }
    provisioners._REPLACING_PROPERTIES[name] = resource_type.create_only
    if resource_type.tags is not None:
        provisioners._STACK_TAG_PROPERTY[name] = ("Tags", resource_type.tags)
    if resource_type.name_property is not None:
        provisioners._CUSTOM_NAME_REPLACEMENT[name] = {"name": resource_type.name_property}


def _let_wait(names: frozenset[str]) -> None:
    """Provision the types that take time on threads, so that they do not hold up MiniStack's event loop."""
    original: Callable[[str], bool] = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name in names or original(name)


def _answer_when_settled() -> None:
    """Answer the requests that start a stack operation once it has ended, if it ends soon.

    An operation takes a fraction of a second here, while the CDK looks every five seconds and boto3's waiters every
    thirty: whoever finds it done at the first look goes on at once.
    """
    handle_request: Handler = cloudformation.handle_request

    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        answer = await handle_request(method, path, headers, body, query)
        if any(b"Action=" + action in body for action in _STARTS_OPERATION):
            deadline = time.monotonic() + _PATIENCE
            # Once at least: the operation is a task that has yet to start.
            await asyncio.sleep(0.01)
            while time.monotonic() < deadline and _is_stack_in_progress():
                await asyncio.sleep(0.01)
        return answer

    app.SERVICE_HANDLERS["cloudformation"] = handle


def _is_stack_in_progress() -> bool:
    return any(
        stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in cloudformation._stacks.values()
    )
