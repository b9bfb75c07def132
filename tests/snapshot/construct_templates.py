"""What the tests of the constructs share."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import Model
from constructs_lib.serving.models import AnyModel, ContainerModel
from tests.snapshot.conftest import Json, only, statements

ARCHIVE = "s3://my-models/model.tar.gz"


OWN_IMAGE = ContainerModel(image="example/mine:1")


def served(stack: cdk.Stack, model: AnyModel) -> Model:
    return Model(stack, "Model", model=model, instance_type="ml.c6i.large")


def container(template: Template) -> Json:
    _, model = only(template, "AWS::SageMaker::Model")
    found: Json = model["Properties"]["PrimaryContainer"]
    return found


def allowed(template: Template, action: str) -> list[Json]:
    return [each for each in statements(template) if action in each["Action"]]


def tree(stack: cdk.Stack) -> list[str]:
    return [node.node.path for node in stack.node.find_all()]
