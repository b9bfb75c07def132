"""An endpoint of two inference components, to look at in a template."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from constructs_lib.sagemaker import ComponentSpecification, InferenceComponentEndpoint
from constructs_lib.serving.models import PyTorchModel
from tests.snapshot.conftest import Json
from tests.snapshot.model_group_stacks import CPU, TORCH

ALARM = "AWS::CloudWatch::Alarm"
CHAT = ComponentSpecification(model=TORCH, min_memory_mb=512)
RANK = ComponentSpecification(model=PyTorchModel(artifact="s3://their-models/rank.tar.gz"), min_memory_mb=512)


def fleet(stack: cdk.Stack, chat: ComponentSpecification = CHAT, **choices: Any) -> InferenceComponentEndpoint:
    components = {"chat": chat, "Rank": RANK}
    options = {"inference_components": components, "instance_type": CPU, "endpoint_name": "fleet", **choices}
    return InferenceComponentEndpoint(stack, "Fleet", **options)


def alarms(template: Template, within: str) -> dict[str, Json]:
    """Give the alarms whose ids have a part, by what comes after it."""
    found = template.find_resources(ALARM).items()
    return {key.split(within)[1][:-8]: dict(each["Properties"]) for key, each in found if within in key}


def dimensions(alarm: Json) -> Json:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
