"""A REST API's direct integration with SageMaker's runtime, which MiniStack's API Gateway does not have.

Documentation: API Gateway developer guide, "Set up integration requests" and "Content type conversions in API Gateway".
Mapping templates are not run: an integration with one is refused.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws import backend
from local_aws.api import Response
from local_aws.errors import ServiceError, access_denied
from local_aws.scope import Scope
from local_aws.services.sagemaker import runtime

_URI = re.compile(r"arn:[^:]+:apigateway:(?P<region>[^:]+):runtime\.sagemaker:path/(?P<path>.+)")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")
# API Gateway's quota "Payload size" of REST APIs.
_LARGEST_BODY = 10 * 1024 * 1024
_SESSION = "BackplaneAssumeRoleSession"
_HEADER = "header."


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of API Gateway's own: the type of its gateway response, and the message."""

    response_type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that has passed the method's authorization, limits and validation."""

    headers: Mapping[str, str]
    body: bytes
    binary_media_types: Sequence[str]


def is_runtime(integration: Mapping[str, Any]) -> bool:
    """Return whether an integration calls SageMaker's runtime."""
    return _URI.fullmatch(integration.get("uri") or "") is not None


async def integrate(
    account: str, integration: Mapping[str, Any], variables: Mapping[str, str], request: Request
) -> Response | Failure:
    """Call the endpoint that an integration names, as its role, and map the answer.

    Parameters
    ----------
    account
        The account of the API.
    integration
        The method's integration, as the API Gateway API describes it.
    variables
        The stage's variables.
    request
        What the caller sent.
    """
    found = _URI.fullmatch(_STAGE_VARIABLE.sub(lambda name: variables.get(name[1], ""), integration["uri"]))
    misconfigured = Failure("API_CONFIGURATION_ERROR", "Internal server error")
    if len(request.body) > _LARGEST_BODY:
        return Failure("REQUEST_TOO_LARGE", "Request Too Long")
    role = backend.role_by_arn(integration.get("credentials") or "arn:aws:iam:::role/none")
    if found is None or role is None or not backend.trusts_service(role, "apigateway.amazonaws.com"):
        return misconfigured
    if _templates(integration):
        message = "local AWS runs no mapping templates of an integration with SageMaker"
        return Failure("API_CONFIGURATION_ERROR", message)
    answer = asyncio.get_running_loop().run_in_executor(
        runtime.POOL, _invoke, Scope(account, found["region"]), role, f"/{found['path']}", integration, request
    )
    try:
        status, headers, body = await asyncio.wait_for(answer, integration.get("timeoutInMillis", 29_000) / 1000)
    except TimeoutError:
        return Failure("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    selected = _response(integration, status)
    if selected is None:
        return misconfigured
    accepted = request.headers.get("accept", "").partition(",")[0]
    mapped = {"Content-Type": "application/json"} | _mapped(
        selected.get("responseParameters"), "method.response.", "integration.response.", headers
    )
    return int(selected["statusCode"]), mapped, _as_text_unless_binary(body, accepted, request.binary_media_types)


def _invoke(
    scope: Scope, role: Mapping[str, Any], path: str, integration: Mapping[str, Any], request: Request
) -> Response:
    """Send the integration request, and return what SageMaker answers to whoever has the role."""
    content_type = request.headers.get("content-type", "application/json")
    headers = {"content-type": content_type} | _mapped(
        integration.get("requestParameters"), "integration.request.", "method.request.", request.headers
    )
    if runtime.INVOCATION_PATH.fullmatch(path) is None:
        return _refusal(ServiceError("UnknownOperationException", f"there is no POST {path}", status=404))
    name, operation = runtime.parse_path(path)
    sent = {key.lower(): value for key, value in headers.items()}
    action = f"sagemaker:{operation}"
    for arn in runtime.called_arns(scope, name, sent):
        decision = backend.decide(scope, role, session=_SESSION, action=action, resource=arn, context={})
        if decision != "Allow":
            caller = f"arn:aws:sts::{scope.account}:assumed-role/{role['RoleName']}/{_SESSION}"
            denied = access_denied(caller, action, arn, explicitly=decision == "Deny")
            return _refusal(ServiceError(denied.code, denied.message, status=403))
    body = _as_text_unless_binary(request.body, content_type, request.binary_media_types)
    status, answered, content = runtime.invoke_endpoint(scope, path, sent, body)
    # Only proxy integrations stream: of a stream this one passes on the whole.
    return status, answered, content if isinstance(content, bytes) else b"".join(content)


def _refusal(error: ServiceError) -> Response:
    headers = {"content-type": "application/json", "x-amzn-ErrorType": error.code}
    return error.status, headers, json.dumps({"Message": error.message}).encode()


def _response(integration: Mapping[str, Any], status: int) -> Mapping[str, Any] | None:
    """Choose the integration response by the back end's status; the one without a pattern is for all the others."""
    responses = list((integration.get("integrationResponses") or {}).values())
    for response in responses:
        if (pattern := response.get("selectionPattern")) and re.fullmatch(pattern, str(status)):
            return dict(response)
    return next((dict(response) for response in responses if not response.get("selectionPattern")), None)


def _mapped(
    parameters: Mapping[str, str] | None, target: str, source: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """Give the headers that a mapping makes of others, or of a constant in quotes."""
    given = {name.lower(): value for name, value in headers.items()}
    result = {}
    for to, origin in (parameters or {}).items():
        value = origin[1:-1] if origin.startswith("'") else given.get(origin.removeprefix(source + _HEADER).lower())
        if to.startswith(target + _HEADER) and value is not None:
            result[to.removeprefix(target + _HEADER)] = value
    return result


def _templates(integration: Mapping[str, Any]) -> bool:
    responses = (integration.get("integrationResponses") or {}).values()
    return any(part.get(key) for part in (integration, *responses) for key in ("requestTemplates", "responseTemplates"))


def _as_text_unless_binary(body: bytes, media_type: str, binary_media_types: Sequence[str]) -> bytes:
    """Break what is no UTF-8 as API Gateway does, unless its media type is one of the API's binary ones."""
    given = media_type.partition(";")[0].strip().lower()
    for pattern in map(str.lower, binary_media_types):
        if pattern in ("*/*", given) or (pattern.endswith("/*") and given.startswith(pattern[:-1])):
            return body
    return body.decode("utf-8", "replace").encode()
