"""How large language models use their instance: over how many accelerators, with which host, how long a start may take.

Sources: aws/deep-learning-containers, docs/vllm/{configuration,deployment/sagemaker}.md (``SM_VLLM_*`` become flags, of
which tensor-parallel-size is 1 by default; an artifact in /opt/ml/model is found without a flag); djl-serving,
docs/lmi/deployment_guide/configurations.md (``OPTION_*``).
"""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.serving.image_errors import numbers
from constructs_lib.serving.images import Device, Image, image_at
from constructs_lib.serving.instances import InstanceType, Use, instance_type, instance_types
from constructs_lib.serving.models import LargeLanguageModel
from constructs_lib.serving.problems import Problem, below

# What each host image's driver runs: botocore sagemaker, ProductionVariant.InferenceAmiVersion.
_CUDA_13_HOST = "al2023-ami-sagemaker-inference-gpu-4-1"
_CUDA_12_HOST = "al2-ami-sagemaker-inference-gpu-3-1"

# NVIDIA, "Frameworks Support Matrix": the first release of Triton that is built with CUDA 13.
_TRITON_WITH_CUDA_13 = (25, 8)

# Fetching and loading tens of gigabytes outlasts SageMaker's own limits; the most that it allows is an hour.
START_UP_SECONDS = 3600

_EXAMPLES = 3
_AGEING = ("p2", "p3")  # CUDA 13, which today's images are built with, runs on neither


def environment(model: LargeLanguageModel, instance: InstanceType | None) -> dict[str, str]:
    """Give the variables that tell the server which model to load, and over how many accelerators.

    Parameters
    ----------
    model
        The model.
    instance
        What it runs on. None: not known, and the server's own default of accelerators holds.
    """
    degree = model.tensor_parallel_degree or (instance and parallel_degree(parallel_units(instance)))
    if model.server == "vllm":
        named = {"SM_VLLM_MODEL": model.model_id, "SM_VLLM_TENSOR_PARALLEL_SIZE": degree}
    else:
        named = {"HF_MODEL_ID": model.model_id, "OPTION_TENSOR_PARALLEL_DEGREE": degree}
    return {name: str(value) for name, value in named.items() if value}


def parallel_units(instance: InstanceType) -> int:
    """Count what a model can be split over: GPUs, or the cores of Neuron devices; 0 where there are none."""
    accelerator = instance.accelerator
    if accelerator is None:
        return 0
    return accelerator.count * (accelerator.cores or 1)


def parallel_degree(units: int) -> int:
    """Give over how many of some accelerators a model is split unless it says so itself: the largest power of two.

    The degree has to divide the model's attention heads, as 12 or 24 NeuronCores seldom do.
    """
    return 1 << (units.bit_length() - 1) if units else 0


def parallel_problems(model: LargeLanguageModel, instance: InstanceType) -> Iterator[Problem]:
    """Check that the instance has as many accelerators as the model is split over.

    Yields
    ------
    Problem
        About ``model.tensor_parallel_degree``; it names what fits.
    """
    degree, units = model.tensor_parallel_degree, parallel_units(instance)
    if degree is None or not below(units, degree):
        return
    if instance.accelerator is None:
        has, fits = "has no accelerator", ""
    else:
        kind = "NeuronCores" if instance.accelerator.cores else instance.accelerator.model
        has, fits = f"has {units} ({kind})", f"a degree of at most {units}, or "
    larger = _types_with(degree, instance)
    names = ", ".join(f"'{name}'" for name in larger)
    there = f"an instance type with {degree} or more, such as {names}" if larger else "a smaller degree"
    yield Problem("model.tensor_parallel_degree", f"is {degree}, but '{instance.name}' {has}; choose {fits}{there}")


def inference_ami_version(image: Image | str) -> str | None:
    """Choose the host image whose GPU driver an image needs.

    Parameters
    ----------
    image
        An image of the catalogue, or the URI of any other, which is looked up in it.

    Returns
    -------
    str or None
        A value of ``InferenceAmiVersion``. None: SageMaker's default for the instance type will do, or what the image
        needs is not known.
    """
    known = image_at(image) if isinstance(image, str) else image
    if known is not None and known.framework == "triton":
        return _CUDA_13_HOST if numbers(known.version) >= _TRITON_WITH_CUDA_13 else None
    if known is None or known.cuda is None:
        return None
    major = int(known.cuda.removeprefix("cu")[:2])
    if major >= 13:
        return _CUDA_13_HOST
    # AWS's own deployments of vLLM on CUDA 12.9 ask for this host; the older families run on the default one.
    return _CUDA_12_HOST if known.framework == "vllm" else None


def _types_with(units: int, instead_of: InstanceType) -> list[str]:
    """Name a few types that have so many accelerators: of the same family first, then the smallest."""
    wanted = Device.GPU if instead_of.device is Device.CPU else instead_of.device
    found = (instance_type(name) for name in instance_types(Use.HOSTING))
    fitting = [
        each for each in found if each.device is wanted and each.family not in _AGEING and parallel_units(each) >= units
    ]
    fitting.sort(key=lambda each: (each.family != instead_of.family, parallel_units(each), each.vcpus or 0, each.name))
    return [each.name for each in fitting[:_EXAMPLES]]
