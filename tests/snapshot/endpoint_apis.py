"""An endpoint's API, to look at in a template, and to hold against API Gateway's own shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template
from botocore.model import ListShape, MapShape, Shape, StructureShape

from constructs_lib.sagemaker import ApiFront, Endpoint, EndpointApi
from local_aws.validation import check, service_model
from tests.snapshot.conftest import Json, only

ACCOUNT = "111111111111"
DIGITS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/digits"


def define(stack: cdk.Stack, id: str = "Api", **choices: Any) -> EndpointApi:  # noqa: A002
    return EndpointApi(stack, id, endpoint=Endpoint.from_endpoint_arn(stack, DIGITS), api=ApiFront(**choices))


def method(template: Template) -> Json:
    return dict(only(template, "AWS::ApiGateway::Method")[1]["Properties"])


def conforms(operation: str, properties: Mapping[str, Any]) -> None:
    shape = service_model("apigateway").operation_model(operation).input_shape
    assert shape is not None
    check(shape, lowered(shape, properties))


def lowered(shape: Shape, value: Any) -> Any:
    """Spell properties as the service's API does, with a text for each that is only known at deployment."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("Ref", "Fn::GetAtt", "Fn::Join"):
        return "known-at-deployment"
    if isinstance(shape, StructureShape):
        names = {name: name[:1].lower() + name[1:] for name in value}
        return {new: lowered(shape.members.get(new, shape), value[name]) for name, new in names.items()}
    if isinstance(shape, ListShape):
        return [lowered(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {name: lowered(shape.value, item) for name, item in value.items()}
    return value
