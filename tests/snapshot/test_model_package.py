"""A model package's template, and what the role may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import Model
from constructs_lib.serving.models import ModelPackageModel
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import only
from tests.snapshot.construct_templates import allowed, container, served

ARN = "arn:aws:sagemaker:us-east-1:111122223333:model-package/ranking/3"
KEY = "arn:aws:kms:us-east-1:111122223333:key/0123-abcd"
REPOSITORY = "arn:aws:ecr:us-east-1:111122223333:repository/ranking"


def package(**choices: Any) -> ModelPackageModel:
    return ModelPackageModel(**{"model_package_arn": ARN, **choices})


def resources(template: Template, action: str) -> list[object]:
    return [each["Resource"] for each in allowed(template, action)]


def test_the_package_is_all_that_the_container_says(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    model = served(stack, package())

    synthesized = template()
    assert container(synthesized) == {"ModelPackageName": ARN}
    assert model.image_uri is None
    assert resources(synthesized, "sagemaker:DescribeModelPackage") == [ARN]
    assert allowed(synthesized, "ecr:") == allowed(synthesized, "s3:") == []


def test_the_role_may_pull_and_read_what_the_package_is_said_to_name(
    stack: cdk.Stack, template: Callable[[], Template]
) -> None:
    images = [f"111122223333.dkr.ecr.us-east-1.amazonaws.com/ranking:{tag}" for tag in ("before", "model")]
    artifacts = ("s3://my-models/ranking/model.tar.gz", "s3://my-models/weights/")
    served(
        stack,
        package(package_images=tuple(images), package_artifacts=artifacts, artifact_kms_key_arn=KEY),
    )

    synthesized = template()
    assert container(synthesized) == {"ModelPackageName": ARN}
    assert resources(synthesized, "ecr:BatchGetImage") == [REPOSITORY]
    assert resources(synthesized, "s3:GetObject") == [
        "arn:aws:s3:::my-models/ranking/model.tar.gz",
        "arn:aws:s3:::my-models/weights/*",
    ]
    assert resources(synthesized, "kms:Decrypt") == [KEY]


def test_a_product_of_aws_marketplace_is_isolated(stack: cdk.Stack, template: Callable[[], Template]) -> None:
    served(stack, package(marketplace=True, network_isolation=True, environment={"THREADS": "2"}))

    _, model = only(template(), "AWS::SageMaker::Model")
    assert model["Properties"]["EnableNetworkIsolation"] is True
    assert model["Properties"]["PrimaryContainer"] == {"ModelPackageName": ARN, "Environment": {"THREADS": "2"}}


def test_a_package_of_another_region_is_refused(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError) as refused:
        served(stack, package(model_package_arn=ARN.replace("us-east-1", "eu-west-1")))

    assert str(refused.value) == (
        "ModelPackageModel: 'region' is 'us-east-1', but the model package is in 'eu-west-1', where alone SageMaker "
        "serves it; deploy to 'eu-west-1', or register the model in 'us-east-1' and give that 'model_package_arn'"
    )
    assert stack.node.find_all() == [stack]


def test_a_package_goes_to_a_stack_whose_region_is_not_fixed(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Anywhere")
    Model(stack, "Model", model=package(), instance_type="ml.c6i.large")

    assert container(Template.from_stack(stack)) == {"ModelPackageName": ARN}
