"""API Gateway: REST APIs in front of SageMaker's runtime, and the properties that MiniStack drops."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

from local_aws.adaptations.handlers import then
from local_aws.services import api_integration


def install() -> None:
    """Integrate REST APIs with SageMaker, and keep what their templates ask for."""
    _integrate_apis_with_sagemaker()
    _keep_what_apis_ask_for()


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
        if mode := properties.get("Integration", {}).get("ResponseTransferMode"):
            made["methodIntegration"]["responseTransferMode"] = mode
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
        handler["create"] = then(handler["create"], keep, of=1)
        handler["update"] = then(handler["update"], keep, of=2)
