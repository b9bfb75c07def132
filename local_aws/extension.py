"""Add our services and resource types to MiniStack.

MiniStack has no plug-in interface, so this file relies on names inside of it. They are listed in ``_RELIED_ON`` and
checked before anything starts: when a MiniStack release renames one, local AWS says which, instead of half-working.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.services import apigateway_v1, cloudformation
from ministack.services.cloudformation import provisioners, stacks

from local_aws import backend
from local_aws.api import JsonService, Response, error_response
from local_aws.cloudformation import RESOURCE_TYPES, ResourceType
from local_aws.errors import ServiceError
from local_aws.services import api_integration
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
    "ministack.core.iam_actions": ("extract_resource_arn",),
    "ministack.core.responses": ("get_account_id", "get_region", "request_scope"),
    "ministack.core.router": ("SERVICE_PATTERNS", "extract_access_key_id"),
    "ministack.services.apigateway_v1": (
        "_create_request_validator",
        "_delete_request_validator",
        "_gw_error",
        "_invoke_lambda_custom_v1",
        "_resources",
        "_stages_v1",
    ),
    "ministack.services.cloudformation.provisioners": (
        "_CUSTOM_NAME_REPLACEMENT",
        "_REPLACING_PROPERTIES",
        "_RESOURCE_HANDLERS",
        "_STACK_TAG_PROPERTY",
        "_cw_metric_alarm_record",
    ),
    "ministack.services.cloudformation": ("_stacks", "handle_request"),
    "ministack.services.cloudformation.stacks": ("_runs_on_worker_thread",),
    "ministack.services.cloudwatch": ("_evaluate_all_alarms", "record_metric"),
    "ministack.services.cloudwatch_logs": (
        "_create_log_group",
        "_create_log_stream",
        "_log_groups",
        "_put_log_events",
    ),
    "ministack.services.iam": ("_roles",),
    "ministack.services.s3": ("_buckets", "_get_object_data", "_put_object"),
    "ministack.services.sns": ("SnsPublishError", "publish_internal"),
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
    _integrate_apis_with_sagemaker()
    _keep_what_apis_ask_for()
    _keep_metric_math()
    _answer_when_settled()
    _name_parameter_paths()
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


def _keep_metric_math() -> None:
    """Let templates have alarms on ``Metrics``, which MiniStack refuses.

    One metric alone is kept as a metric, and evaluated; metric math is described, and never evaluated.
    """
    original: Callable[[str, dict[str, Any]], dict[str, Any]] = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        queries = properties.get("Metrics")
        if not queries:
            return original(name, properties)
        if len(queries) == 1 and (read := queries[0].get("MetricStat")):
            is_percentile = read["Stat"].startswith("p")
            statistic = {"ExtendedStatistic" if is_percentile else "Statistic": read["Stat"], "Period": read["Period"]}
            return original(name, {**properties, "Metrics": None, **read["Metric"], **statistic})
        alarm = original(name, {**properties, "Metrics": None, "MetricName": "math", "Namespace": "math"})
        for key in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
            del alarm[key]
        return {**alarm, "Metrics": queries}

    provisioners._cw_metric_alarm_record = record


def _integrate_apis_with_sagemaker() -> None:
    """Let a REST API call SageMaker's runtime, as it calls the services that MiniStack integrates it with."""
    original: Callable[..., Awaitable[Any]] = apigateway_v1._invoke_lambda_custom_v1

    async def invoke(integration: Mapping[str, Any], *where: Any, **options: Any) -> Any:
        if not api_integration.is_runtime(integration):
            return await original(integration, *where, **options)
        _api_id, _stage_name, stage, _resource, _path, _method, headers, body, *_ = where
        request = api_integration.Request(
            headers={name.lower(): value for name, value in headers.items()},
            body=body or b"",
            binary_media_types=options["binary_media_types"],
        )
        account, variables = options["owner_account_id"], stage.get("variables") or {}
        answer = await api_integration.integrate(account, integration, variables, request)
        if isinstance(answer, api_integration.Failure):
            return apigateway_v1._gw_error(answer.response_type, answer.message)
        return answer

    apigateway_v1._invoke_lambda_custom_v1 = invoke


def _keep_what_apis_ask_for() -> None:
    """Keep the properties of API Gateway's types that MiniStack drops: validators, and where a stage logs."""
    handlers = provisioners._RESOURCE_HANDLERS
    method, stage = handlers["AWS::ApiGateway::Method"], handlers["AWS::ApiGateway::Stage"]

    def create_validator(logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
        wanted = {name[:1].lower() + name[1:]: value for name, value in properties.items() if name != "RestApiId"}
        _, _, created = apigateway_v1._create_request_validator(properties["RestApiId"], wanted)
        identifier = json.loads(created)["id"]
        return identifier, {"RequestValidatorId": identifier}

    def update_validator(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str
    ) -> tuple[str, dict[str, str]]:
        created = create_validator(physical_id, new, stack)
        apigateway_v1._delete_request_validator(old["RestApiId"], physical_id)
        return created

    def validated(result: tuple[str, dict[str, str]], properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
        resource = apigateway_v1._resources[properties["RestApiId"]][properties["ResourceId"]]
        made = resource["resourceMethods"][properties["HttpMethod"]]
        made["requestValidatorId"] = properties.get("RequestValidatorId")
        return result

    def logging(result: tuple[str, dict[str, str]], properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
        wanted = properties.get("AccessLogSetting") or {}
        settings = {name[:1].lower() + name[1:]: value for name, value in wanted.items()}
        apigateway_v1._stages_v1[properties["RestApiId"]][properties["StageName"]]["accessLogSettings"] = settings
        return result

    handlers["AWS::ApiGateway::RequestValidator"] = {
        "create": create_validator,
        "update": update_validator,
        "delete": lambda physical_id, old: apigateway_v1._delete_request_validator(old["RestApiId"], physical_id),
    }
    for handler, keep in ((method, validated), (stage, logging)):
        handler["create"] = _then(handler["create"], keep, of=1)
        handler["update"] = _then(handler["update"], keep, of=2)


def _then(first: Callable[..., Any], second: Callable[[Any, Any], Any], *, of: int) -> Callable[..., Any]:
    """Return a handler that hands the result on, with the argument that has the properties."""
    return lambda *arguments: second(first(*arguments), arguments[of])


def _name_parameter_paths() -> None:
    """Let IAM ask about the path of `GetParametersByPath`, as AWS does, where MiniStack asks about ``*``."""
    original: Callable[..., str] = iam_actions.extract_resource_arn

    def extract(
        service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, *more: Any, **named: Any
    ) -> str:
        asked = headers.get("x-amz-target", "") if service == "ssm" else ""
        if asked.endswith(".GetParametersByPath"):
            scope = backend.current_scope()
            return scope.arn("ssm", f"parameter{json.loads(body or b'{}').get('Path', '/')}")
        return original(service, method, path, headers, body, *more, **named)

    iam_actions.extract_resource_arn = extract


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
