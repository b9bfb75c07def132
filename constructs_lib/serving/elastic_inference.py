"""Elastic Inference: an accelerator that was attached to a CPU instance over the network, and that AWS has ended.

It stays expressible, with a warning (`notices.ELASTIC_INFERENCE_RETIRED`). Sources: botocore sagemaker,
ProductionVariantAcceleratorType; SageMaker developer guide, "Use Amazon SageMaker Elastic Inference" ("in addition to a
CPU instance type"; TensorFlow, MXNet and PyTorch); "Deployment guardrails" and "Shadow tests", sections "Exclusions".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from constructs_lib.serving.images import Device
from constructs_lib.serving.instances import Accelerator, InstanceType, InstanceTypeError, instance_type
from constructs_lib.serving.models import ContainerModel, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.multi_container import HostedModel
from constructs_lib.serving.problems import Problem
from constructs_lib.serving.ranges import choice_problems

AcceleratorType = Literal[
    "ml.eia1.medium",
    "ml.eia1.large",
    "ml.eia1.xlarge",
    "ml.eia2.medium",
    "ml.eia2.large",
    "ml.eia2.xlarge",
]

_FIELD = "accelerator_type"


def host(instance_name: str, accelerator_type: str | None = None) -> InstanceType:
    """Look up an instance type, with the accelerator that is attached to it.

    Parameters
    ----------
    instance_name
        The instance type, such as ``ml.m5.large``.
    accelerator_type
        The accelerator, such as ``ml.eia2.medium``. None: it has none but its own.

    Returns
    -------
    InstanceType
        One for which the ``-eia`` images are found, if an accelerator is attached.

    Raises
    ------
    InstanceTypeError
        When there is no such instance type.
    """
    instance = instance_type(instance_name)
    if accelerator_type is None:
        return instance
    return replace(instance, accelerator=Accelerator(kind=Device.EIA, model=accelerator_type, count=1))


def accelerator_problems(accelerator_type: str | None, instance_name: str) -> Iterator[Problem]:
    """Check that there is such an accelerator, and that it is attached to an instance without one of its own.

    Yields
    ------
    Problem
        About ``accelerator_type``.
    """
    if accelerator_type is None:
        return
    yield from choice_problems(_FIELD, accelerator_type, AcceleratorType)
    try:
        instance = instance_type(instance_name)
    except InstanceTypeError:  # told as the instance type's
        return
    if instance.device is not Device.CPU or instance.architecture != "x86_64":
        what = f"{instance.device} instance" if instance.device is not Device.CPU else "Arm instance"
        yield Problem(
            _FIELD,
            f"was for CPU instances of x86_64, and '{instance_name}' is a {what}; leave it out, or choose an instance "
            "type such as 'ml.m5.large'",
        )


def accelerated_model_problems(model: HostedModel) -> Iterator[Problem]:
    """Check that Elastic Inference could speed a model up.

    Yields
    ------
    Problem
        About ``accelerator_type``.
    """
    if isinstance(model, OnnxModel):
        yield Problem(
            _FIELD, "does nothing for ONNX Runtime; leave it out, or export the model to TensorFlow or PyTorch"
        )
    elif not isinstance(model, TensorFlowModel | PyTorchModel | ContainerModel):
        yield Problem(_FIELD, f"was for TensorFlow, PyTorch and MXNet, not for '{model.framework}'; leave it out")
