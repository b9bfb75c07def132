"""API Gateway's proxy integration with functions whose answers are streamed.

Documentation: API Gateway developer guide, "Set up a Lambda proxy integration with payload response streaming".
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core import lambda_runtime, responses
from ministack.services import apigateway_v1, lambda_svc

from local_aws import backend
from local_aws.scope import Scope
from local_aws.services.streaming_function import FunctionFailedError, NotInstalledError, StreamingFunction
from local_aws.streaming import streamed

_OPERATION = "/response-streaming-invocations"
# Lambda's quota "Invocation payload" of a request, which a body in base64 exceeds from 4.5 MB on.
_LARGEST_EVENT = 6 * 1024 * 1024
# Of their own: functions wait for endpoints, whose pool they would otherwise hold.
_POOL = ThreadPoolExecutor(max_workers=128, thread_name_prefix="streaming-function")


def install() -> None:
    """Let a REST API pass on what a function answers while it does, where the integration says so."""
    original: Callable[..., Awaitable[Any]] = apigateway_v1._invoke_lambda_proxy_v1

    async def invoke(integration: Mapping[str, Any], *request: Any, **options: Any) -> Any:
        if integration.get("responseTransferMode") != "STREAM":
            return await original(integration, *request, **options)
        kept = ("binary_media_types", "authorizer_context", "caller_identity")
        event = apigateway_v1._build_lambda_event_v1(*request, **{name: options[name] for name in kept})
        return await _integrate(integration, event)

    apigateway_v1._invoke_lambda_proxy_v1 = invoke


async def _integrate(integration: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    arn = integration["uri"].partition("/functions/")[2].removesuffix(_OPERATION)
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if not integration["uri"].endswith(_OPERATION) or function is None or not _may_invoke(integration, arn):
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    if len(json.dumps(event)) > _LARGEST_EVENT:
        return apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
    timeout = min(float(config["Timeout"]), integration["timeoutInMillis"] / 1000)
    called = _function(function, config)
    loop = asyncio.get_running_loop()
    try:
        answer = await loop.run_in_executor(_POOL, lambda: called.answer(event, timeout=timeout))
    except TimeoutError:
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    except NotInstalledError as error:
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", str(error))
    except FunctionFailedError:
        return 502, {"Content-Type": "application/json"}, b'{"message": "Internal server error"}'
    return streamed(answer, _POOL)


def _may_invoke(integration: Mapping[str, Any], arn: str) -> bool:
    """Return whether the integration's role may be taken on, and may call the function."""
    role = backend.role_by_arn(integration.get("credentials") or "arn:aws:iam:::role/none")
    if role is None or not backend.trusts_service(role, "apigateway.amazonaws.com"):
        return False
    scope, session = backend.current_scope(), "BackplaneAssumeRoleSession"
    # InvokeWithResponseStream "requires permission for the lambda:InvokeFunction action".
    action = "lambda:InvokeFunction"
    return backend.decide(scope, role, session=session, action=action, resource=arn, context={}) == "Allow"


def _function(function: Mapping[str, Any], config: Mapping[str, Any]) -> StreamingFunction:
    scope, request_id, started = backend.current_scope(), str(uuid.uuid4()), time.monotonic()

    def log(lines: Sequence[str]) -> None:
        milliseconds = int((time.monotonic() - started) * 1000)
        with responses.request_scope(scope.account, scope.region):
            lambda_svc._emit_lambda_logs(config, request_id, "\n".join(lines), False, milliseconds)

    return StreamingFunction(
        code=function["code_zip"], handler=config["Handler"], environment=_environment(scope, config), log=log
    )


def _environment(scope: Scope, config: Mapping[str, Any]) -> dict[str, str]:
    return {
        "AWS_REGION": scope.region,
        "AWS_DEFAULT_REGION": scope.region,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
        **lambda_runtime.execution_credentials(config),
        **config.get("Environment", {}).get("Variables", {}),
    }
