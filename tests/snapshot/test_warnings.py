"""Warnings at synth: once per stack, by an id that can be acknowledged."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match

from constructs_lib.sagemaker import Model
from constructs_lib.serving.models import ContainerModel, PyTorchModel, TensorFlowModel
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from stacks.yaml_source import SettingsError
from tests.snapshot.conftest import FIXED, new_app

ARCHIVE = "s3://my-models/model.tar.gz"
SETTINGS = """\
{acknowledged}
endpoints:
  one:
    model: {{framework: pytorch, artifact: s3://my-models/model.tar.gz}}
    instance_type: ml.c6i.large
"""


def warnings(stack: cdk.Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(message.entry.data) for message in found]


def test_an_image_past_its_date_is_told_once_for_all_its_models(stack: cdk.Stack) -> None:
    for number in range(3):
        Model(stack, f"Model{number}", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large")

    (warning,) = warnings(stack)
    assert warning.startswith("AWS ended security patches of the image 'pytorch-inference:2.6.0-cpu-py312'")
    assert warning.endswith("[ack: inference:image-end-of-patch]")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_warning_can_be_acknowledged_before_and_after(stack: cdk.Stack, when: str) -> None:
    if when == "before":
        cdk.Annotations.of(stack).acknowledge_warning("inference:image-end-of-patch")
    Model(stack, "Model", model=PyTorchModel(artifact=ARCHIVE), instance_type="ml.c6i.large")
    if when == "after":
        cdk.Annotations.of(stack).acknowledge_warning("inference:image-end-of-patch", "we keep a mirror")

    assert warnings(stack) == []


def test_each_warning_has_its_own_id(stack: cdk.Stack) -> None:
    Model(stack, "Old", model=TensorFlowModel(artifact=ARCHIVE, version="2.19"), instance_type="ml.c6i.large")
    Model(stack, "Inf1", model=ContainerModel(image="example/mine:1"), instance_type="ml.inf1.xlarge")
    Model(stack, "New", model=TensorFlowModel(artifact=ARCHIVE), instance_type="ml.c6i.large")

    assert sorted(warning.rpartition("[")[2] for warning in warnings(stack)) == [
        "ack: inference:image-end-of-patch]",
        "ack: inference:inf1-retired]",
    ]


@pytest.mark.parametrize(
    ("acknowledged", "count"), [("", 1), ("acknowledged_warnings: ['inference:image-end-of-patch']", 0)]
)
def test_the_settings_acknowledge_a_warning(tmp_path: Path, acknowledged: str, count: int) -> None:
    (tmp_path / "inference.yaml").write_text(SETTINGS.format(acknowledged=acknowledged))
    settings = load_settings(tmp_path / "inference.yaml")
    stack = InferenceStack(new_app(tmp_path / "cdk.out"), "InferenceStack", settings=settings, env=FIXED)

    assert len(warnings(stack)) == count


def test_fails_at_an_acknowledgement_of_no_known_warning(tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_text(
        SETTINGS.format(acknowledged="acknowledged_warnings: ['inference:images']")
    )

    with pytest.raises(
        SettingsError,
        match=r"acknowledged_warnings.*'inference:images' is not a warning of this library; choose of "
        "inference:elastic-inference-retired, inference:gpu-newer-than-cuda, inference:image-end-of-patch, ",
    ):
        load_settings(tmp_path / "inference.yaml")
