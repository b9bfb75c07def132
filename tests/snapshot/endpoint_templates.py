"""What the tests of endpoints' templates share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_cdk.assertions import Template

from constructs_lib.serving.models import ContainerModel, PyTorchModel
from tests.snapshot.conftest import Json, only
from tests.snapshot.service_requests import violations

OWN = ContainerModel(image="example/mine:1")


OTHER = ContainerModel(image="example/other:1")


PYTORCH = PyTorchModel(artifact="s3://my-models/model.tar.gz")


CPU, GPU = "ml.c6i.large", "ml.g5.xlarge"


Synthesize = Callable[[], Template]


def properties(template: Template, resource_type: str) -> Json:
    found: Json = only(template, resource_type)[1]["Properties"]
    return found


def enumerated(*values: str) -> list[tuple[str, str]]:
    return [(f"V{number}", value) for number, value in enumerate(values)]


def config(template: Template) -> Json:
    return properties(template, "AWS::SageMaker::EndpointConfig")


def allowed(template: Template) -> list[tuple[Any, Any]]:
    """Give action and resource of everything that any policy of the template allows."""
    policies = template.find_resources("AWS::IAM::Policy").values()
    return [
        (statement["Action"], statement["Resource"])
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def hold_against_the_service(template: Template) -> None:
    """Check every request that CloudFormation would make of the services as they check it."""
    found = list(violations(dict(template.to_json())))
    assert found == [], found
