"""An endpoint's API, to look at in a template."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import ApiFront, Endpoint, EndpointApi
from tests.snapshot.conftest import Json, only

ACCOUNT = "111111111111"
DIGITS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/digits"


def define(stack: cdk.Stack, id: str = "Api", **choices: Any) -> EndpointApi:  # noqa: A002
    return EndpointApi(stack, id, endpoint=Endpoint.from_endpoint_arn(stack, DIGITS), api=ApiFront(**choices))


def method(template: Template) -> Json:
    return dict(only(template, "AWS::ApiGateway::Method")[1]["Properties"])
