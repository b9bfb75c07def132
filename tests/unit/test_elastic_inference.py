"""Elastic Inference: where it was possible, where it never was, and what is said of it."""

from __future__ import annotations

from typing import Literal

import pytest

from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.elastic_inference import host
from constructs_lib.serving.images import Device
from constructs_lib.serving.models import (
    AnyModel,
    ContainerModel,
    HuggingFaceModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.notices import notices
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.servers import sagemaker_image

S3 = "s3://my-models/model.tar.gz"
TENSORFLOW = TensorFlowModel(artifact=S3)
MEDIUM: Literal["ml.eia2.medium"] = "ml.eia2.medium"


def wrong(model: AnyModel = TENSORFLOW, **choices: object) -> list[str]:
    given = {"instance_type": "ml.m5.large", "accelerator_type": MEDIUM, **choices}
    return [str(problem) for problem in EndpointOptions(model=model, **given).problems()]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "image"),
    [
        (TENSORFLOW, "tensorflow-inference-eia:2.3.0-cpu"),
        (PyTorchModel(artifact=S3), "pytorch-inference-eia:1.5.1-cpu-py3"),
        (TensorFlowModel(artifact=S3, version="1.15"), "tensorflow-inference-eia:1.15.0-cpu"),
    ],
)
def test_an_accelerator_brings_its_own_image(model: AnyModel, image: str) -> None:
    found = sagemaker_image(model, host("ml.m5.large", MEDIUM))

    assert not isinstance(found, str)
    assert f"{found.repository}:{found.tag}" == image
    assert found.device is Device.EIA
    assert wrong(model) == []


def test_without_an_accelerator_an_instance_is_what_it_was() -> None:
    assert host("ml.m5.large").device is Device.CPU


def test_it_is_said_once_to_be_retired_and_by_what_it_is_replaced() -> None:
    found = list(notices(sagemaker_image(TENSORFLOW, host("ml.m5.large", MEDIUM)), host("ml.m5.large", MEDIUM)))

    (retired,) = [notice.message for notice in found if notice.id == "inference:elastic-inference-retired"]
    assert retired == (
        "the accelerator 'ml.eia2.medium' needs Elastic Inference, which AWS has ended, so SageMaker will probably refuse "
        "it: use an 'ml.inf2.xlarge' or a small GPU instance (such as 'ml.g4dn.xlarge'), or a CPU instance alone"
    )


@pytest.mark.parametrize(
    ("instance", "what"),
    [("ml.g5.xlarge", "gpu instance"), ("ml.inf2.xlarge", "neuronx instance"), ("ml.c7g.large", "Arm instance")],
)
def test_it_was_for_cpu_instances_of_x86(instance: str, what: str) -> None:
    message = (
        f"'accelerator_type' was for CPU instances of x86_64, and '{instance}' is a {what}; leave it out, or choose an "
        "instance type such as 'ml.m5.large'"
    )
    assert wrong(instance_type=instance) == [message]
    with pytest.raises(InvalidValueError, match="'accelerator_type' was for CPU instances of x86_64"):
        InstanceVariant(instance_type=instance, accelerator_type=MEDIUM)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (OnnxModel(artifact=S3), "'accelerator_type' does nothing for ONNX Runtime; leave it out, or export the model to TensorFlow or PyTorch"),
        (HuggingFaceModel(artifact=S3), "'accelerator_type' was for TensorFlow, PyTorch and MXNet, not for 'huggingface'; leave it out"),
        (TensorFlowModel(artifact=S3, version="2.20"), "'model.version' '2.20' is not a TensorFlow version with an inference image for eia on SageMaker; choose one of 2.3.0, 2.0.0, 1.15.0, 1.14.0, 1.13.0, 1.12.0, 1.11.0, 1.10.0, or set 'image' (TensorFlow 2.20 has an image for cpu on SageMaker, gpu on SageMaker)"),
    ],
)  # fmt: skip
def test_it_was_for_few_frameworks(model: AnyModel, message: str) -> None:
    assert wrong(model) == [message]


def test_an_image_of_ones_own_must_be_built_for_it() -> None:
    cpu = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu-py312"

    assert wrong(ContainerModel(image="example/mine:1")) == []
    assert wrong(TensorFlowModel(artifact=S3, image=cpu)) == [
        f"'model.image' '{cpu}' is built for cpu, but 'ml.m5.large' has an accelerator for Elastic Inference; choose a CPU "
        "instance such as 'ml.c6i.large', or leave 'image' out to get the image for eia"
    ]


def test_there_are_six_accelerators() -> None:
    assert wrong(accelerator_type="ml.eia3.medium") == [
        "'accelerator_type' must be one of ml.eia1.medium, ml.eia1.large, ml.eia1.xlarge, ml.eia2.medium, ml.eia2.large, "
        "ml.eia2.xlarge, got 'ml.eia3.medium'"
    ]


def test_shadows_and_rollouts_never_worked_with_it() -> None:
    shadow = InstanceVariant(name="Shadow", instance_type="ml.m5.large", accelerator_type=MEDIUM)

    assert wrong(accelerator_type=None, shadow=shadow) == [
        "'shadow' does not work with Elastic Inference; leave 'accelerator_type' out"
    ]
    assert wrong(rollout=Rollout(strategy="canary", alarms=("mine",))) == [
        "'rollout' does not work with Elastic Inference; leave 'accelerator_type' out"
    ]


def test_it_belongs_to_instances_of_one_type() -> None:
    variants = [InstanceVariant(instance_type="ml.m5.large")]

    assert wrong(instance_type=None, variants=variants) == [
        "'accelerator_type' belongs to 'instance_type', which is not given; move it into the variant in 'variants'"
    ]
