"""``InvokeEndpoint``: choose a variant, pass the request to its container, answer in SageMaker's words."""

from __future__ import annotations

import http.client
import json
import random
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

from botocore.model import StructureShape

from local_aws import backend
from local_aws.api import Response
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker.http_client import Reply
from local_aws.services.sagemaker.metrics import publish
from local_aws.services.sagemaker.state import Endpoint, state
from local_aws.services.sagemaker.variants import RunningVariant
from local_aws.validation import check, service_model

INVOCATION_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
# "A customer's model containers must respond to requests within 60 seconds" (InvokeEndpoint's reference).
MODEL_TIMEOUT = 60.0
# Invocations wait for models: a pool of their own, so that they hold up neither each other nor another service.
POOL = ThreadPoolExecutor(max_workers=128, thread_name_prefix="invoke-endpoint")
# In lower case: MiniStack rewrites a "Content-Type" to the one of SageMaker's control API.
_CONTENT_TYPE = "content-type"
_PASSED_ON = {
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}


def may_invoke(scope: Scope, path: str, headers: Mapping[str, str]) -> Response | None:
    """Return a refusal when the caller may not invoke the endpoint."""
    found = INVOCATION_PATH.fullmatch(path)
    name = unquote(found[1]).lower() if found else "*"
    try:
        arn = scope.arn("sagemaker", f"endpoint/{name}")
        backend.authorize(scope, headers, "sagemaker", "sagemaker:InvokeEndpoint", [arn])
    except ServiceError as error:
        return _refusal(ServiceError(error.code, error.message, status=403))
    return None


def invoke_endpoint(scope: Scope, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answer ``POST /endpoints/NAME/invocations``."""
    started = time.perf_counter()
    try:
        request = _parse(path, headers, body)
        endpoint = _endpoint(scope, request["EndpointName"])
        variant = _choose(endpoint, request.get("TargetVariant"))
        return _invoke(scope, endpoint, variant, request, started)
    except ServiceError as error:
        return _refusal(error)


def _refusal(error: ServiceError) -> Response:
    document = {"Message": error.message, **error.members}
    answer = {_CONTENT_TYPE: "application/json", "x-amzn-ErrorType": error.code}
    return error.status, answer, json.dumps(document).encode()


def _parse(path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Read the members of InvokeEndpoint's input from where the model says that they travel, and check them."""
    found = INVOCATION_PATH.fullmatch(path)
    shape = service_model("sagemaker-runtime").operation_model("InvokeEndpoint").input_shape
    assert found is not None  # noqa: S101  the caller matched it
    assert isinstance(shape, StructureShape)  # noqa: S101
    request: dict[str, Any] = {"EndpointName": unquote(found[1]), "Body": body}
    for name, member in shape.members.items():
        value = headers.get(str(member.serialization.get("name", "")).lower())
        if member.serialization.get("location") == "header" and value is not None:
            request[name] = value
    check(shape, request, code="ValidationError")
    return request


def _endpoint(scope: Scope, name: str) -> Endpoint:
    endpoint = state(scope).endpoints.find(name)
    # "The name is case-insensitive in CreateEndpoint, but … must be matched in InvokeEndpoint" (CreateEndpoint).
    if endpoint is None or endpoint.name != name or not endpoint.variants:
        raise ServiceError("ValidationError", f"Endpoint {name} of account {scope.account} not found.")
    return endpoint


def _choose(endpoint: Endpoint, target: str | None) -> RunningVariant:
    variants = endpoint.variants
    if target is not None:
        if target not in variants:
            raise ServiceError("ValidationError", f"Variant {target} not found in endpoint {endpoint.name}.")
        return variants[target]
    if len(variants) == 1:
        return next(iter(variants.values()))
    weights = [variant.weight for variant in variants.values()]
    if not any(weights):
        weights = [1.0] * len(weights)
    return random.choices(list(variants.values()), weights)[0]  # noqa: S311  traffic shares, not secrets


def _invoke(
    scope: Scope, endpoint: Endpoint, variant: RunningVariant, request: Mapping[str, Any], started: float
) -> Response:
    headers = {"Content-Type": request.get("ContentType", "application/octet-stream"), "Accept": "*/*"}
    if "Accept" in request:
        headers["Accept"] = request["Accept"]
    headers |= {header: request[name] for name, header in _PASSED_ON.items() if name in request}
    asked = time.perf_counter()
    reply = _ask(variant, request["Body"], headers)
    answered = time.perf_counter()
    status = reply.status if isinstance(reply, Reply) else 0
    publish(scope, endpoint.name, variant, status=status, model_seconds=answered - asked, overhead=asked - started)
    if isinstance(reply, Reply) and 200 <= status < 300:
        answer = {
            _CONTENT_TYPE: reply.headers.get("content-type", "application/octet-stream"),
            "x-Amzn-Invoked-Production-Variant": variant.name,
        }
        for name in ("X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-New-Session-Id"):
            if name.lower() in reply.headers:
                answer[name] = reply.headers[name.lower()]
        return 200, answer, reply.body
    message = reply.body.decode("utf-8", "replace") if isinstance(reply, Reply) else reply
    raise _model_error(scope, variant, status, message)


def _ask(variant: RunningVariant, body: bytes, headers: Mapping[str, str]) -> Reply | str:
    """Return the container's answer, or what SageMaker says when none comes."""
    try:
        return variant.client.post("/invocations", body, headers, timeout=MODEL_TIMEOUT)
    except TimeoutError:
        return (
            "Your invocation timed out while waiting for a response from container primary. Review the latency metrics "
            "for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
    except (OSError, http.client.HTTPException) as error:
        return f"Failed to establish connection to container primary: {error}"


def _model_error(scope: Scope, variant: RunningVariant, status: int, message: str) -> ServiceError:
    side = "client" if 400 <= status < 500 else "server"
    console = (
        f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}"
        f"#logEventViewer:group={variant.log_group}"
    )
    return ServiceError(
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{message}". See {console} in account '
        f"{scope.account} for more information.",
        status=424,
        members={
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "SERVER_ERROR_FROM_MODEL",
            "LogStreamArn": scope.arn("logs", f"log-group:{variant.log_group}"),
            "OriginalMessage": message,
            "OriginalStatusCode": status,
        },
    )
