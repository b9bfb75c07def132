"""Who may invoke which of several models, and what is refused of them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam

from constructs_lib.sagemaker import (
    Endpoint,
    InferenceEndpoint,
    InstanceVariant,
    ServerlessVariant,
)
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import Json, statements
from tests.snapshot.endpoint_templates import Synthesize
from tests.snapshot.model_group_stacks import BOTH, CPU, PREFIX, TORCH


class TestWhoMayInvoke:
    def granted(self, stack: cdk.Stack, template: Synthesize, **targets: Any) -> Json:
        role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
        Endpoint.from_endpoint_name(stack, "scores").grant_invoke(role, **targets)
        (statement,) = statements(template())
        return statement

    def test_every_target_by_default(self, stack: cdk.Stack, template: Synthesize) -> None:
        assert self.granted(stack, template)["Action"] == [
            "sagemaker:InvokeEndpoint",
            "sagemaker:InvokeEndpointAsync",
            "sagemaker:InvokeEndpointWithResponseStream",
        ]

    def test_one_model_only(self, stack: cdk.Stack, template: Synthesize) -> None:
        statement = self.granted(stack, template, target_models=["fraud.tar.gz", "tenant-1/*"])
        assert statement["Action"] == "sagemaker:InvokeEndpoint"
        assert statement["Condition"] == {"StringLike": {"sagemaker:TargetModel": ["fraud.tar.gz", "tenant-1/*"]}}

    def test_one_container_only(self, stack: cdk.Stack, template: Synthesize) -> None:
        statement = self.granted(stack, template, target_containers=["score"])
        assert statement["Action"] == ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
        assert statement["Condition"] == {"StringLike": {"sagemaker:TargetContainerHostname": ["score"]}}

    @pytest.mark.parametrize(
        ("targets", "message"),
        [
            (
                {"target_models": []},
                "'target_models' must be a list of names or patterns, such as ['fraud.tar.gz'], got []",
            ),
            (
                {"target_models": "fraud.tar.gz"},
                "'target_models' must be a list of names or patterns, such as ['fraud.tar.gz'], got 'fraud.tar.gz'",
            ),
            ({"target_containers": [""]}, "'target_containers' must each have 1 to 1024 characters"),
            (
                {"target_models": ["a"], "target_containers": ["b"]},
                "'target_containers' is given as well as 'target_models'; a request names one of the two",
            ),
        ],
    )
    def test_fails_with_the_reason(self, stack: cdk.Stack, targets: Any, message: str) -> None:
        role = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
        with pytest.raises(InvalidValueError) as caught:
            Endpoint.from_endpoint_name(stack, "scores").grant_invoke(role, **targets)
        assert str(caught.value) == f"grant_invoke: {message}"


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "many models, serverless": (
        {"model": PREFIX, "serverless": ServerlessVariant()},
        ["'serverless' does not work with a multi-model endpoint; give 'instance_type' instead"],
    ),
    "several containers, serverless": (
        {"model": BOTH, "serverless": ServerlessVariant()},
        ["'serverless' does not work with a multi-container endpoint; give 'instance_type' instead"],
    ),
    "several containers with a shadow": (
        {"model": BOTH, "instance_type": CPU, "shadow": InstanceVariant(name="S", instance_type=CPU)},
        ["'shadow' does not work with a multi-container endpoint; leave it out"],
    ),
    "a shadow with many models": (
        {"model": TORCH, "instance_type": CPU, "shadow": InstanceVariant(name="S", instance_type=CPU, model=PREFIX)},
        ["'shadow' does not work with a multi-model endpoint; leave it out"],
    ),
    "many models on a GPU": (
        {"model": PREFIX, "variants": [InstanceVariant(name="A", instance_type="ml.g5.xlarge")]},
        [
            "'model.server' is 'pytorch', but on a GPU ('ml.g5.xlarge') multi-model endpoints work with 'triton' alone; "
            "choose it, or a CPU instance such as 'ml.c6i.large' (for 'variants.0.instance_type': 'ml.g5.xlarge')"
        ],
    ),
}


@pytest.mark.parametrize(("options", "messages"), REFUSED.values(), ids=REFUSED)
def test_fails_with_the_reason(stack: cdk.Stack, options: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        InferenceEndpoint(stack, "E", **options)

    assert str(caught.value).splitlines() == [f"InferenceEndpoint: {message}" for message in messages]
    assert stack.node.children == []
