"""Endpoints that exist already, by their names and their ARNs."""

from __future__ import annotations

import re

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.endpoint_interface import IEndpoint
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem, is_token

_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:[^:]+:endpoint/[^/:]+")


def endpoint_by_name(scope: Construct, endpoint_name: str) -> IEndpoint:
    """Give an endpoint of the stack's own account and region, as `Endpoint.from_endpoint_name` says."""
    if wrong := name_problem(endpoint_name):
        raise InvalidValueError("Endpoint", [Problem("endpoint_name", wrong)])
    # SageMaker spells names in ARNs in lower case.
    name = endpoint_name if is_token(endpoint_name) else endpoint_name.lower()
    arn = cdk.Stack.of(scope).format_arn(service="sagemaker", resource="endpoint", resource_name=name)
    return _ImportedEndpoint(endpoint_name, arn)


def endpoint_by_arn(endpoint_arn: str) -> IEndpoint:
    """Give an endpoint of any account and region, as `Endpoint.from_endpoint_arn` says."""
    if is_token(endpoint_arn):
        return _ImportedEndpoint(cdk.Fn.select(1, cdk.Fn.split("/", endpoint_arn)), endpoint_arn)
    if not _ARN.fullmatch(endpoint_arn):
        shape = "arn:PARTITION:sagemaker:REGION:ACCOUNT:endpoint/NAME"
        raise InvalidValueError("Endpoint", [Problem("endpoint_arn", f"must look like {shape}, got '{endpoint_arn}'")])
    return _ImportedEndpoint(endpoint_arn.rpartition("/")[2], endpoint_arn)


class _ImportedEndpoint(IEndpoint):
    def __init__(self, endpoint_name: str, endpoint_arn: str) -> None:
        self._name, self._arn = endpoint_name, endpoint_arn

    @property
    def endpoint_name(self) -> str:
        return self._name

    @property
    def endpoint_arn(self) -> str:
        return self._arn
