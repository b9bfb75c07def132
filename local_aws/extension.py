"""Add our services and resource types to MiniStack.

MiniStack has no plug-in interface, so this file relies on names inside of it. They are listed in ``_RELIED_ON`` and
checked before anything starts: when a MiniStack release renames one, local AWS says which, instead of half-working.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import router
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

from local_aws import backend
from local_aws.api import JsonService, Response, error_response
from local_aws.cloudformation import RESOURCE_TYPES, ResourceType
from local_aws.errors import ServiceError
from local_aws.services.autoscaling.operations import AUTOSCALING
from local_aws.services.sagemaker import SAGEMAKER, runtime

Handler = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, Any]], Awaitable[Response]]

_RELIED_ON: Mapping[str, tuple[str, ...]] = {
    "ministack.app": ("app", "SERVICE_HANDLERS"),
    "ministack.core.iam_evaluator": (
        "EvalContext",
        "AuthError",
        "_action_matches",
        "_gather_role_policies",
        "_permissions_boundary",
        "_resource_policy",
        "_service_principal_matches",
        "combine_resource_policy",
        "enforce",
        "evaluate",
    ),
    "ministack.core.responses": ("get_account_id", "get_region", "request_scope"),
    "ministack.core.router": ("SERVICE_PATTERNS", "extract_access_key_id"),
    "ministack.services.cloudformation.provisioners": (
        "_CUSTOM_NAME_REPLACEMENT",
        "_REPLACING_PROPERTIES",
        "_RESOURCE_HANDLERS",
        "_STACK_TAG_PROPERTY",
    ),
    "ministack.services.cloudformation": ("_stacks", "handle_request"),
    "ministack.services.cloudformation.stacks": ("_runs_on_worker_thread",),
    "ministack.services.cloudwatch": ("record_metric",),
    "ministack.services.cloudwatch_logs": (
        "_create_log_group",
        "_create_log_stream",
        "_log_groups",
        "_put_log_events",
    ),
    "ministack.services.iam": ("_roles",),
    "ministack.services.s3": ("_buckets", "_get_object_data"),
    "ministack.services.sts": ("register_session",),
}


_STARTS_OPERATION = (b"CreateStack", b"UpdateStack", b"DeleteStack", b"ExecuteChangeSet", b"RollbackStack")
_PATIENCE = 3.0


class MiniStackChangedError(Exception):
    """The installed MiniStack lacks a name that local AWS relies on."""


def check_ministack() -> None:
    """Refuse a MiniStack that lacks a name that we rely on.

    Raises
    ------
    MiniStackChangedError
        With every name that is missing.
    """
    missing: list[str] = []
    for module_name, names in _RELIED_ON.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            missing.append(f"{module_name} ({error})")
            continue
        missing += [f"{module_name}.{name}" for name in names if not hasattr(module, name)]
    if missing:
        raise MiniStackChangedError(
            f"MiniStack {importlib.metadata.version('ministack')} lacks {', '.join(missing)}, on which local AWS "
            "relies: install the version that inference-constructs[local] names"
        )


def install() -> None:
    """Add every service and resource type of ours to MiniStack in this process."""
    check_ministack()
    # Both SageMaker APIs sign as `sagemaker`; the path tells them apart.
    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker."]}
    router.SERVICE_PATTERNS["application-autoscaling"] = {"target_prefixes": ["AnyScaleFrontendService."]}
    _add_service("sagemaker", _sagemaker(SAGEMAKER))
    _add_service("application-autoscaling", _json(AUTOSCALING))
    for resource_type in RESOURCE_TYPES:
        _add_resource_type(resource_type)
    _answer_when_settled()
    _let_wait(frozenset(resource_type.name for resource_type in RESOURCE_TYPES if resource_type.waits))


def _add_service(name: str, handler: Handler) -> None:
    app.SERVICE_HANDLERS[name] = handler


def _json(service: JsonService) -> Handler:
    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        return service.respond(backend.current_scope(), headers, body)

    return handle


def _sagemaker(control: JsonService) -> Handler:
    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        scope = backend.current_scope()
        if runtime.INVOCATION_PATH.fullmatch(path):
            loop = asyncio.get_running_loop()
            refusal = runtime.may_invoke(scope, path, headers)
            if refusal is not None:
                return refusal
            return await loop.run_in_executor(runtime.POOL, runtime.invoke_endpoint, scope, path, headers, body)
        if path != "/":
            message = f"local AWS does not have the SageMaker operation of {method} {path}"
            return error_response(ServiceError("UnknownOperationException", message, status=404))
        return control.respond(scope, headers, body)

    return handle


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

    _add_service("cloudformation", handle)


def _is_stack_in_progress() -> bool:
    return any(
        stack["StackStatus"].endswith("_IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in cloudformation._stacks.values()
    )
