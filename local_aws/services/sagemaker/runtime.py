"""``InvokeEndpoint`` and its kin: choose a variant, pass the request to its container, answer in SageMaker's words."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any
from urllib.parse import unquote

from botocore.model import StructureShape

from local_aws import backend
from local_aws.api import Response, StreamedResponse
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker import async_inference
from local_aws.services.sagemaker.capture import capture
from local_aws.services.sagemaker.component_lifecycle import serving
from local_aws.services.sagemaker.invocation import check_targets, exchange, model_error
from local_aws.services.sagemaker.metrics import publish
from local_aws.services.sagemaker.response_stream import open_stream
from local_aws.services.sagemaker.shadows import send_copies
from local_aws.services.sagemaker.state import Endpoint, state
from local_aws.services.sagemaker.variants import RunningVariant
from local_aws.validation import check, service_model

OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
INVOCATION_PATH = re.compile(rf"/endpoints/([^/]+)/({'|'.join(OPERATIONS)})")
# "A customer's model containers must respond to requests within 60 seconds" (InvokeEndpoint's reference).
MODEL_TIMEOUT = 60.0
# Invocations wait for models: a pool of their own, so that they hold up neither each other nor another service.
POOL = ThreadPoolExecutor(max_workers=128, thread_name_prefix="invoke-endpoint")
# In lower case: MiniStack rewrites a "Content-Type" to the one of SageMaker's control API.
_CONTENT_TYPE = "content-type"
# Condition keys of the actions (Service Authorization Reference).
_CONDITIONS = {
    "sagemaker:TargetModel": "x-amzn-sagemaker-target-model",
    "sagemaker:TargetContainerHostname": "x-amzn-sagemaker-target-container-hostname",
}


def called_arns(scope: Scope, name: str, headers: Mapping[str, str]) -> list[str]:
    """Return what IAM is asked about: the endpoint, and the inference component that the request names.

    Resource types of InvokeEndpoint, Service Authorization Reference. The headers' names are in lower case.
    """
    arns = [scope.arn("sagemaker", f"endpoint/{name.lower()}")]
    component = headers.get("x-amzn-sagemaker-inference-component")
    return arns if component is None else [*arns, scope.arn("sagemaker", f"inference-component/{component.lower()}")]


def may_invoke(scope: Scope, path: str, headers: Mapping[str, str]) -> Response | None:
    """Return a refusal when the caller may not invoke the endpoint."""
    name, operation = parse_path(path)
    try:
        action = f"sagemaker:{operation}"
        context = {key: headers[header] for key, header in _CONDITIONS.items() if header in headers}
        backend.authorize(scope, headers, "sagemaker", action, called_arns(scope, name, headers), context=context)
    except ServiceError as error:
        return _refusal(ServiceError(error.code, error.message, status=403))
    return None


def parse_path(path: str) -> tuple[str, str]:
    """Return the endpoint's name and the operation of a path that has the form of `INVOCATION_PATH`."""
    found = INVOCATION_PATH.fullmatch(path)
    assert found is not None  # noqa: S101  the caller matched it
    return unquote(found[1]), OPERATIONS[found[2]]


def invoke_endpoint(scope: Scope, path: str, headers: Mapping[str, str], body: bytes) -> Response | StreamedResponse:
    """Answer ``POST /endpoints/NAME/invocations`` or one of its kin."""
    started = time.perf_counter()
    try:
        name, operation = parse_path(path)
        request = _parse(operation, name, headers, body)
        endpoint = _endpoint(scope, request["EndpointName"])
        if operation == "InvokeEndpointAsync":
            return async_inference.invoke_async(scope, endpoint, request)
        if endpoint.is_async:
            raise ServiceError(
                "ValidationError",
                f"Endpoint {endpoint.name} is an asynchronous inference endpoint: use InvokeEndpointAsync.",
            )
        variant = serving(scope, endpoint, request.get("InferenceComponentName"))
        variant = variant or _choose(endpoint, request.get("TargetVariant"))
        if operation == "InvokeEndpointWithResponseStream":
            return open_stream(scope, endpoint, variant, request, started)
        return _invoke(scope, endpoint, variant, request, started)
    except ServiceError as error:
        return _refusal(error)


def _refusal(error: ServiceError) -> Response:
    document = {"Message": error.message, **error.members}
    answer = {_CONTENT_TYPE: "application/json", "x-amzn-ErrorType": error.code}
    return error.status, answer, json.dumps(document).encode()


def _parse(operation: str, endpoint_name: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Read the members of an operation's input from where the model says that they travel, and check them."""
    shape = service_model("sagemaker-runtime").operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)  # noqa: S101
    request: dict[str, Any] = {"EndpointName": endpoint_name, "Body": body}
    for name, member in shape.members.items():
        value = headers.get(str(member.serialization.get("name", "")).lower())
        if member.serialization.get("location") == "header" and value is not None:
            request[name] = int(value) if member.type_name == "integer" and value.isdecimal() else value
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
    check_targets(endpoint.name, variant, request)
    send_copies(scope, endpoint, variant, request, timeout=MODEL_TIMEOUT)
    asked = time.perf_counter()
    with variant.concurrency.admitted(variant, request["Body"]) if variant.concurrency else nullcontext():
        outcome = exchange(scope, endpoint.name, variant, request, timeout=MODEL_TIMEOUT)
    model_seconds = time.perf_counter() - asked
    publish(
        scope,
        endpoint.name,
        variant,
        status=outcome.status,
        model_seconds=model_seconds,
        overhead=time.perf_counter() - started - model_seconds,
    )
    if outcome.answer is None:
        raise model_error(scope, outcome)
    reply = outcome.answer
    capture(scope, endpoint, variant, request, reply)
    answer = {
        _CONTENT_TYPE: reply.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": variant.name,
    }
    for name in ("X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-New-Session-Id"):
        if name.lower() in reply.headers:
            answer[name] = reply.headers[name.lower()]
    return 200, answer, reply.body
