"""A template's resources as the requests that CloudFormation makes of them, held against botocore's service models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws.errors import ServiceError
from local_aws.validation import check, service_model

Json = dict[str, Any]

CHECKED = (
    "AWS::SageMaker::",
    "AWS::ApplicationAutoScaling::",
    "AWS::ApiGateway::",
    "AWS::CloudWatch::Alarm",
    "Custom::SageMakerModel",
)
ACCOUNT, REGION = "111111111111", "us-east-1"

# CloudFormation's names where they are not the API's.
RENAMED = {"ScalingTargetId": "ResourceId", "RestApiId": "restApiId", "UsagePlanName": "name"}


@dataclass(frozen=True, slots=True)
class Request:
    """An operation and what it is asked."""

    service: str
    operation: str
    parameters: Json


def violations(template: Json) -> Iterator[str]:
    """Give every violation in a template of what a service says of its own requests."""
    for logical_id, resource in template.get("Resources", {}).items():
        if resource["Type"].startswith(CHECKED):
            properties = Resolver(template).of(resource.get("Properties", {}))
            for request in REQUESTS[resource["Type"]](properties, logical_id):
                yield from (f"{logical_id}: {request.operation}: {text}" for text in _violations(request))


def _violations(request: Request) -> Iterator[str]:
    shape = service_model(request.service).operation_model(request.operation).input_shape
    assert shape is not None
    try:
        check(shape, _as_members(shape, request.parameters))
    except ServiceError as error:
        yield error.message


def _as_members(shape: Shape, value: Any) -> Any:
    """Spell properties as the members of a shape: API Gateway's begin with a small letter."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        found = {}
        for name, inner in value.items():
            member = next(
                (each for each in (name, name[:1].lower() + name[1:], RENAMED.get(name, "")) if each in shape.members),
                name,
            )
            found[member] = _as_members(shape.members[member], inner) if member in shape.members else inner
        return found
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_as_members(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, list):  # tags
        return {item["Key"]: item["Value"] for item in value}
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _as_members(shape.value, item) for name, item in value.items()}
    return _as_number(shape, value)


def _as_number(shape: Shape, value: Any) -> Any:
    """Read numbers as CloudFormation does: from text too."""
    if shape.type_name in ("float", "double", "integer", "long") and isinstance(value, str):
        return float(value) if shape.type_name in ("float", "double") else int(value)
    if shape.type_name in ("integer", "long") and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class Resolver:
    """Puts in the place of references what they could be at deployment."""

    def __init__(self, template: Json) -> None:
        self._template = template

    def of(self, value: Any) -> Any:
        """Resolve a value, however deep its references are."""
        if isinstance(value, list):
            return [each for each in (self.of(item) for item in value) if each != {"Ref": "AWS::NoValue"}]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._reference(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        return {name: self.of(item) for name, item in value.items()}

    def _reference(self, name: str) -> Any:
        pseudo = {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "Stack",
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Stack/1",
            "AWS::NoValue": {"Ref": "AWS::NoValue"},
        }
        if name in pseudo:
            return pseudo[name]
        kind = self._template["Resources"].get(name, {}).get("Type", "")
        return self._arn(kind, name) if kind.startswith("AWS::SageMaker::") else name[:40]

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Fn::GetAtt":
                logical_id, attribute = argument
                kind = self._template["Resources"][logical_id]["Type"]
                if kind.startswith("Custom::"):
                    return (
                        f"s3://amzn-s3-demo-bucket/{logical_id}/" if attribute.endswith(("Uri", "Url")) else logical_id
                    )
                return self._arn(kind, logical_id) if attribute.endswith("Arn") else logical_id[:40]
            case "Fn::Join":
                return argument[0].join(str(self.of(item)) for item in argument[1])
            case "Fn::FindInMap":
                return ACCOUNT
            case "Fn::Sub":
                return argument if isinstance(argument, str) else argument[0]
            case "Fn::If":
                return self.of(argument[1])
        raise AssertionError(f"the resolver does not know {name}")

    @staticmethod
    def _arn(kind: str, logical_id: str) -> str:
        service = kind.split("::")[1].lower()
        if kind == "AWS::IAM::Role":
            return f"arn:aws:iam::{ACCOUNT}:role/{logical_id}"
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind.split('::')[2].lower()}/{logical_id[:40]}"


Requests = Callable[[Json, str], Iterator[Request]]


def _plain(service: str, operation: str, *, named: str | None = None, without: tuple[str, ...] = ()) -> Requests:
    """Ask one operation for all properties; CloudFormation makes up a name that is not given."""

    def requests(properties: Json, logical_id: str) -> Iterator[Request]:
        made_up = {named: logical_id[:40]} if named else {}
        yield Request(
            service, operation, made_up | {key: item for key, item in properties.items() if key not in without}
        )

    return requests


def _endpoint(properties: Json, logical_id: str) -> Iterator[Request]:
    update_only = ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig")
    yield from _plain("sagemaker", "CreateEndpoint", named="EndpointName", without=update_only)(properties, logical_id)
    yield from _plain("sagemaker", "UpdateEndpoint", named="EndpointName", without=("Tags",))(properties, logical_id)


def _component(properties: Json, logical_id: str) -> Iterator[Request]:
    named = {"InferenceComponentName": logical_id[:63], **properties}
    created = {name: value for name, value in named.items() if name != "DeploymentConfig"}
    yield Request("sagemaker", "CreateInferenceComponent", created)
    updated = {name: value for name, value in named.items() if name not in ("EndpointName", "VariantName", "Tags")}
    yield Request("sagemaker", "UpdateInferenceComponent", updated)


def _scalable_target(properties: Json, logical_id: str) -> Iterator[Request]:
    yield from _plain("application-autoscaling", "RegisterScalableTarget", without=("ScheduledActions",))(
        properties, logical_id
    )
    where = {key: properties[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    for action in properties.get("ScheduledActions", []):
        yield Request("application-autoscaling", "PutScheduledAction", {**where, **action})


def _scaling_policy(properties: Json, logical_id: str) -> Iterator[Request]:
    del logical_id
    where = (
        {}
        if "ResourceId" in properties
        else {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    )
    yield Request("application-autoscaling", "PutScalingPolicy", {**where, **properties})


def _method(properties: Json, logical_id: str) -> Iterator[Request]:
    del logical_id
    where = {key: properties[key] for key in ("RestApiId", "ResourceId", "HttpMethod")}
    inner = ("Integration", "MethodResponses")
    yield Request("apigateway", "PutMethod", {key: item for key, item in properties.items() if key not in inner})
    integration: Mapping[str, Any] = properties["Integration"]
    plain = {key: item for key, item in integration.items() if key != "IntegrationResponses"}
    yield Request("apigateway", "PutIntegration", {**where, **plain})
    for response in integration.get("IntegrationResponses", []):
        yield Request("apigateway", "PutIntegrationResponse", {**where, **response})
    for response in properties.get("MethodResponses", []):
        yield Request("apigateway", "PutMethodResponse", {**where, **response})


def _stage(properties: Json, logical_id: str) -> Iterator[Request]:
    # The rest is set by patches after the stage is made, whose values have no shape of their own.
    patched = ("AccessLogSetting", "MethodSettings")
    yield from _plain("apigateway", "CreateStage", without=patched)(properties, logical_id)


REQUESTS: Mapping[str, Requests] = {
    "AWS::SageMaker::Model": _plain("sagemaker", "CreateModel", named="ModelName"),
    "Custom::SageMakerModel": _plain(
        "sagemaker", "CreateModel", named="ModelName", without=("NamePrefix", "ServiceTimeout", "ServiceToken")
    ),
    "AWS::SageMaker::EndpointConfig": _plain("sagemaker", "CreateEndpointConfig", named="EndpointConfigName"),
    "AWS::SageMaker::Endpoint": _endpoint,
    "AWS::SageMaker::InferenceComponent": _component,
    "AWS::ApplicationAutoScaling::ScalableTarget": _scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::ApiGateway::RestApi": _plain("apigateway", "CreateRestApi", named="Name"),
    "AWS::ApiGateway::Resource": _plain("apigateway", "CreateResource"),
    "AWS::ApiGateway::Method": _method,
    "AWS::ApiGateway::Deployment": _plain("apigateway", "CreateDeployment"),
    "AWS::ApiGateway::Stage": _stage,
    "AWS::ApiGateway::Account": lambda properties, logical_id: iter(()),  # a patch, whose values have no shape
    "AWS::ApiGateway::RequestValidator": _plain("apigateway", "CreateRequestValidator"),
    "AWS::ApiGateway::ApiKey": _plain("apigateway", "CreateApiKey"),
    "AWS::ApiGateway::UsagePlan": _plain("apigateway", "CreateUsagePlan", named="UsagePlanName"),
    "AWS::ApiGateway::UsagePlanKey": _plain("apigateway", "CreateUsagePlanKey"),
    "AWS::CloudWatch::Alarm": _plain("cloudwatch", "PutMetricAlarm", named="AlarmName"),
}
