"""What somebody sees who gives a value object something of another type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.jobs import Training
from constructs_lib.sagemaker import (
    Autoscaling,
    DataCapture,
    InstanceVariant,
    Monitoring,
    Overrides,
    Rollout,
    ServerlessVariant,
)
from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.serving.field_types import held_problems
from constructs_lib.serving.models import ContainerModel, OnnxModel, PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError, Problems

ARCHIVE = "s3://models/model.tar.gz"
TEXT, NUMBER, LIST = "${Token[TOKEN.1]}", -1.8881545897087503e289, ["#{Token[TOKEN.2]}"]  # as the CDK writes tokens


class Bucket:
    """Like a construct: it has a node."""

    node = "a place in the tree"


REFUSED: dict[str, tuple[Callable[..., object], dict[str, Any], list[str]]] = {
    "numbers and truths for texts": (
        OnnxModel,
        {"artifact": ARCHIVE, "environment": {"WORKERS": 4, "DEBUG": True, "NAME": None}},
        [
            "'environment.WORKERS' must be text, got 4; write \"4\"",
            "'environment.DEBUG' must be text, got True",
            "'environment.NAME' must be text, got None",
        ],
    ),
    "a version as a number": (
        PyTorchModel,
        {"artifact": ARCHIVE, "version": 2.6},
        ["'version' must be text, got 2.6; write \"2.6\""],
    ),
    "a number that is a token for a text": (
        OnnxModel,
        {"artifact": ARCHIVE, "environment": {"WORKERS": NUMBER}},
        [
            "'environment.WORKERS' must be text, got a number that is known at deployment only; take it as text, by "
            "value_as_string or cdk.Token.as_string"
        ],
    ),
    "a text that is a token for a number": (
        InstanceVariant,
        {"instance_type": "ml.c6i.large", "instance_count": TEXT},
        [
            "'instance_count' must be a whole number, got a text that is known at deployment only; take it as a number, "
            "by value_as_number or cdk.Token.as_number"
        ],
    ),
    "a construct for a text": (
        DataCapture,
        {"destination": Bucket()},
        ["'destination' must be text, got a Bucket object; give its ARN, its name or its address, as this field says"],
    ),
    "a list for a mapping": (
        ContainerModel,
        {"image": "example/mine:1", "environment": ["A=b"]},
        ["'environment' must be a mapping, got ['A=b']"],
    ),
    "a text for a list": (
        Rollout,
        {"strategy": "canary", "alarms": "too-slow"},
        ["'alarms' must be a list, got 'too-slow'; put it into a list: [...]"],
    ),
    "a list that is a token": (
        VpcConfig,
        {"subnets": LIST, "security_group_ids": ("sg-0123456789abcdef0",)},
        [
            "'subnets' is a list that is known at deployment only; give its items one by one, such as "
            "[cdk.Fn.select(0, ...)]"
        ],
    ),
    "a text for a value object": (
        Training,
        {"image": "example/mine:1", "instance_type": "ml.m5.large", "channels": {"train": "s3://data/images/"}},
        ["'channels.train' must be a Channel, got 's3://data/images/'; write Channel(...)"],
    ),
    "a part of an instance": (
        InstanceVariant,
        {"instance_type": "ml.c6i.large", "instance_count": 1.5},
        ["'instance_count' must be a whole number, got 1.5"],
    ),
    "a truth for a number": (
        Autoscaling,
        {"max": True, "cpu_utilization": 60},
        ["'max' must be a whole number, got True"],
    ),
    "something else for a duration": (
        Autoscaling,
        {"max": 2, "cpu_utilization": 60, "scale_in_cooldown": Bucket()},
        ["'scale_in_cooldown' must be a whole number, got a Bucket object"],
    ),
    "a text for a truth": (
        OnnxModel,
        {"artifact": ARCHIVE, "network_isolation": "yes"},
        ["'network_isolation' must be True or False, got 'yes'"],
    ),
}


@pytest.mark.parametrize(("make", "fields", "messages"), REFUSED.values(), ids=REFUSED)
def test_fails_at_a_value_of_another_type_in_one_line_for_each(
    make: Callable[..., object], fields: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(InvalidValueError) as raised:
        make(**fields)

    assert [line.partition(": ")[2] for line in str(raised.value).splitlines()] == messages


def test_a_dictionary_a_class_or_a_text_is_no_value_object() -> None:
    options = EndpointOptions(
        model=OnnxModel,  # type: ignore[arg-type]
        autoscaling={"min": 1, "max": 2},  # type: ignore[arg-type]
        monitoring="yes",  # type: ignore[arg-type]
        variants=InstanceVariant(instance_type="ml.c6i.large"),  # type: ignore[arg-type]
    )

    with pytest.raises(InvalidValueError) as raised:
        Problems.of(options, "InferenceEndpoint")

    assert str(raised.value).splitlines() == [
        "InferenceEndpoint: 'model' must be a TensorFlowModel, a PyTorchModel, an OnnxModel, a HuggingFaceModel, a "
        "LargeLanguageModel, a ContainerModel, a ModelPackageModel, a MultiModel or a MultiContainerModel, got the class "
        "OnnxModel; write OnnxModel(...)",
        "InferenceEndpoint: 'autoscaling' must be an Autoscaling, got {'min': 1, 'max': 2}; write Autoscaling(...)",
        "InferenceEndpoint: 'monitoring' must be True or False or a Monitoring, got 'yes'; write Monitoring(...)",
        "InferenceEndpoint: 'variants' must be a list, got an InstanceVariant object; put it into a list: [...]",
    ]


def test_a_long_value_is_told_by_its_beginning() -> None:
    (problem,) = held_problems("model", "x" * 100, dict[str, str])

    assert problem.message == f"must be a mapping, got '{'x' * 59}…"


def test_what_is_as_good_as_its_type_passes() -> None:
    OnnxModel(artifact=Path("model"))  # type: ignore[arg-type]
    VpcConfig(subnets=["subnet-0123456789abcdef0"], security_group_ids=["sg-0123456789abcdef0"])  # type: ignore[arg-type]
    InstanceVariant(instance_type="ml.c6i.large", instance_count=NUMBER, weight=2)  # type: ignore[arg-type]
    ServerlessVariant(max_concurrency=NUMBER)  # type: ignore[arg-type]
    Monitoring(alarm_topics=[TEXT])  # type: ignore[arg-type]
    Overrides(endpoint={"Tags.0": {"Key": 1, "Value": [None]}})


@pytest.mark.parametrize(
    ("make", "fields", "message"),
    [
        (
            InstanceVariant,
            {"instance_type": TEXT},
            f"InstanceVariant: 'instance_type' '{TEXT}' is known at deployment only, and images are chosen before; give "
            "its name as text",
        ),
        (
            InstanceVariant,
            {"instance_type": "ml.c6i.large", "name": TEXT},
            f"InstanceVariant: 'name' is '{TEXT}', known at deployment only, and constructs are named after it; give it "
            "as text",
        ),
        (
            ServerlessVariant,
            {"name": TEXT},
            f"ServerlessVariant: 'name' is '{TEXT}', known at deployment only, and constructs are named after it; give "
            "it as text",
        ),
        (
            Rollout,
            {"strategy": TEXT},
            "Rollout: 'strategy' is known at deployment only, and what goes with it is checked before; give its name",
        ),
        (
            Training,
            {"image": "example/mine:1", "instance_type": "ml.m5.large", "max_runtime_seconds": NUMBER},
            "Training: 'max_runtime_seconds' is known at deployment only, which has to wait as long; give a plain number "
            "of seconds",
        ),
    ],
)
def test_fails_at_a_token_where_the_synth_has_to_know(
    make: Callable[..., object], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidValueError) as raised:
        make(**fields)

    assert str(raised.value) == message
