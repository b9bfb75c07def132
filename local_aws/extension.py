"""Add our services and resource types to MiniStack.

MiniStack has no plug-in interface, so this file relies on names inside of it. They are listed in ``_RELIED_ON`` and
checked before anything starts: when a MiniStack release renames one, local AWS says which, instead of half-working.
What MiniStack's own services are to do otherwise is in :mod:`local_aws.adaptations`.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import router

from local_aws import backend
from local_aws.adaptations import ADAPTATIONS
from local_aws.api import JsonService, Response, error_response
from local_aws.errors import ServiceError
from local_aws.services.autoscaling.operations import AUTOSCALING
from local_aws.services.sagemaker import SAGEMAKER, runtime
from local_aws.streaming import streamed

Handler = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, Any]], Awaitable[tuple[int, dict[str, str], Any]]]

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
    "ministack.core.concurrency": ("run_reentrant",),
    "ministack.core.iam_actions": ("extract_resource_arn",),
    "ministack.core.lambda_runtime": ("execution_credentials",),
    "ministack.core.responses": ("StreamingResponse", "get_account_id", "get_region", "request_scope"),
    "ministack.core.router": ("SERVICE_PATTERNS", "extract_access_key_id"),
    "ministack.services.apigateway_v1": (
        "_build_lambda_event_v1",
        "_create_request_validator",
        "_delete_request_validator",
        "_gw_error",
        "_invoke_lambda_custom_v1",
        "_invoke_lambda_proxy_v1",
        "_resources",
        "_stages_v1",
    ),
    "ministack.services.cloudformation.provisioners": (
        "_CUSTOM_NAME_REPLACEMENT",
        "_REPLACING_PROPERTIES",
        "_RESOURCE_HANDLERS",
        "_STACK_TAG_PROPERTY",
        "_cr_stack_id",
        "_custom_resource_create",
        "_custom_resource_update",
        "_cw_metric_alarm_record",
        "_delete_resource",
    ),
    "ministack.services.cloudformation": ("_stacks", "handle_request"),
    "ministack.services.cloudformation.custom_resource": ("deliver_response",),
    "ministack.services.cloudformation.handlers": ("_delete_stack_async",),
    "ministack.services.cloudformation.stacks": (
        "_add_event",
        "_delete_stack_async",
        "_roll_back_operation",
        "_runs_on_worker_thread",
    ),
    "ministack.services.cloudwatch": (
        "_alarms",
        "_composite_alarms",
        "_describe_alarms",
        "_dims_from_list",
        "_dims_key",
        "_evaluate_alarm",
        "_evaluate_all_alarms",
        "_metrics",
        "_p",
        "record_metric",
    ),
    "ministack.services.cloudwatch_logs": (
        "_create_log_group",
        "_create_log_stream",
        "_log_groups",
        "_put_log_events",
    ),
    "ministack.services.ec2": (
        "_addresses",
        "_allocate_address",
        "_create_nat_gateway",
        "_delete_nat_gateway",
        "_release_address",
    ),
    "ministack.services.eks": (
        "_associate_access_policy",
        "_create_access_entry",
        "_create_addon",
        "_create_pod_identity_association",
        "_delete_access_entry",
        "_delete_addon",
        "_delete_pod_identity_association",
        "_describe_addon",
        "_describe_cluster",
        "_disassociate_access_policy",
        "_nodegroups",
        "_update_access_entry",
        "_update_addon",
        "_update_pod_identity_association",
    ),
    "ministack.services.iam": ("_roles",),
    "ministack.services.lambda_svc": ("_emit_lambda_logs", "_get_func_record_for_ref"),
    "ministack.services.s3": ("_buckets", "_get_object_data", "_put_object"),
    "ministack.services.sns": ("SnsPublishError", "publish_internal"),
    "ministack.services.stepfunctions": ("_execute_wait", "_scaled_sleep"),
    "ministack.services.sts": ("register_session",),
}


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
    for adaptation in ADAPTATIONS:
        adaptation.install()


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
    ) -> tuple[int, dict[str, str], Any]:
        scope = backend.current_scope()
        if runtime.INVOCATION_PATH.fullmatch(path):
            loop = asyncio.get_running_loop()
            refusal = runtime.may_invoke(scope, path, headers)
            if refusal is not None:
                return refusal
            answer = await loop.run_in_executor(runtime.POOL, runtime.invoke_endpoint, scope, path, headers, body)
            return streamed(answer, runtime.POOL)
        if path != "/":
            message = f"local AWS does not have the SageMaker operation of {method} {path}"
            return error_response(ServiceError("UnknownOperationException", message, status=404))
        return control.respond(scope, headers, body)

    return handle
