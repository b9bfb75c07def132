"""Warnings at synth about what AWS retires or no longer maintains, each with an id that never changes.

The day is the catalogue's own (`images.as_of`), never the clock's: the same code gives the same warnings on any day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from constructs_lib.serving.compilation import Compilation
from constructs_lib.serving.images import Device, Image, as_of, image_at, newest_patched
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.problems import Problem

IMAGE_END_OF_PATCH = "inference:image-end-of-patch"
INF1_RETIRED = "inference:inf1-retired"
ELASTIC_INFERENCE_RETIRED = "inference:elastic-inference-retired"
GPU_NEWER_THAN_CUDA = "inference:gpu-newer-than-cuda"
NEO_FROZEN = "inference:neo-frozen"
KUBERNETES_EXTENDED_SUPPORT = "inference:kubernetes-extended-support"
KUBERNETES_VERSION_UNKNOWN = "inference:kubernetes-version-unknown"
TENSORFLOW_NEURON_RETIRED = "inference:tensorflow-neuron-retired"
TORCHSERVE_UNMAINTAINED = "inference:torchserve-unmaintained"

# NVIDIA, "CUDA Toolkit release notes": what is newer than these needs CUDA 11.
_GPUS_OF_CUDA_10 = ("K80", "V100", "T4", "T4g")
_CUDA_OF_TODAYS_GPUS = 11

_IDS = (
    ELASTIC_INFERENCE_RETIRED,
    GPU_NEWER_THAN_CUDA,
    IMAGE_END_OF_PATCH,
    INF1_RETIRED,
    KUBERNETES_EXTENDED_SUPPORT,
    KUBERNETES_VERSION_UNKNOWN,
    NEO_FROZEN,
    TENSORFLOW_NEURON_RETIRED,
    TORCHSERVE_UNMAINTAINED,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning.

    Attributes
    ----------
    id
        What it is acknowledged by; part of the library's contract.
    message
        What is so, and what to do; one line.
    """

    id: str
    message: str


def notices(image: Image | str, instance: InstanceType) -> Iterator[Notice]:
    """Give the warnings about an image on an instance type.

    Parameters
    ----------
    image
        An image of the catalogue, or the URI of any other, which is looked up in it.
    instance
        What it runs on.

    Yields
    ------
    Notice
        At most one for each id.
    """
    known = image_at(image) if isinstance(image, str) else image
    if known and known.is_past_end_of_patch(as_of()):
        yield Notice(IMAGE_END_OF_PATCH, _end_of_patch(known))
    if known and known.cuda and instance.device is Device.GPU and instance.accelerator:
        yield from _gpu_newer_than_cuda(known, known.cuda, instance.accelerator.model)
    if instance.device is Device.EIA and instance.accelerator:
        what = f"the accelerator '{instance.accelerator.model}'"
        yield Notice(ELASTIC_INFERENCE_RETIRED, elastic_inference_retired(what))
    elif known and known.device is Device.EIA:
        yield Notice(ELASTIC_INFERENCE_RETIRED, elastic_inference_retired(f"the image '{_name(known)}'"))
    if instance.device is Device.NEURON:
        prefix = "ml." if instance.name.startswith("ml.") else ""
        yield Notice(
            INF1_RETIRED,
            f"'{instance.name}' is Inferentia of the first generation, for which AWS makes no new software: compile "
            f"the model for Inferentia2 (such as '{prefix}inf2.xlarge'), or use a GPU instance (such as "
            f"'{prefix}g5.xlarge')",
        )


def compilation_notices(compilation: Compilation) -> Iterator[Notice]:
    """Give the warnings about what a model is compiled for, and by what.

    Parameters
    ----------
    compilation
        How Neo compiles the model.

    Yields
    ------
    Notice
        At most one for each id.
    """
    yield Notice(
        NEO_FROZEN,
        "SageMaker Neo takes no framework newer than PyTorch 2.0, TensorFlow 2.9 and ONNX 1.7: serve a newer model on "
        "CPU with ONNX Runtime (OnnxModel), on GPU with Triton (server 'triton'), or compile it with the Neuron SDK "
        "for Inferentia2 (such as 'ml.inf2.xlarge')",
    )
    if compilation.target == "ml_inf1":
        yield Notice(
            INF1_RETIRED,
            "'ml_inf1' is Inferentia of the first generation, for which AWS makes no new software: compile for "
            "'ml_inf2', or serve the model on a GPU instance (such as 'ml.g5.xlarge')",
        )
    if compilation.target == "ml_eia2":
        yield Notice(ELASTIC_INFERENCE_RETIRED, elastic_inference_retired("the target 'ml_eia2'"))


def acknowledgement_problems(ids: Iterable[str]) -> Iterator[Problem]:
    """Check that what is acknowledged are ids of the library's own warnings."""
    for number, given in enumerate(ids):
        if given not in _IDS:
            text = f"'{given}' is not a warning of this library; choose of {', '.join(_IDS)}"
            yield Problem(f"acknowledged_warnings.{number}", text)


def elastic_inference_retired(what: str) -> str:
    """Say that Elastic Inference is gone, and what stands in for it."""
    return (
        f"{what} needs Elastic Inference, which AWS has ended, so SageMaker will probably refuse it: use an "
        "'ml.inf2.xlarge' or a small GPU instance (such as 'ml.g4dn.xlarge'), or a CPU instance alone"
    )


def _gpu_newer_than_cuda(image: Image, cuda: str, gpu: str) -> Iterator[Notice]:
    version = cuda.removeprefix("cu")
    if int(version[:-1]) >= _CUDA_OF_TODAYS_GPUS or gpu in (*_GPUS_OF_CUDA_10, Device.GPU):
        return
    built = f"the image '{_name(image)}' is built with CUDA {version[:-1]}.{version[-1]}"
    what_to_do = "run it on a T4 (g4dn), or choose a newer 'version'"
    yield Notice(GPU_NEWER_THAN_CUDA, f"{built}, which does not know the {gpu}: {what_to_do}")


def _end_of_patch(image: Image) -> str:
    newer = newest_patched(image)
    if newer:
        until = f" (patched until {newer.end_of_patch})" if newer.end_of_patch else ""
        what_to_do = f"a newer one is '{_name(newer)}'{until}: set 'version' to '{newer.version}', or leave it out"
    else:
        what_to_do = (
            f"it patches no newer one for {image.device} on {image.architecture}: set 'image' to one that you keep "
            "patched, or acknowledge this warning"
        )
    return f"AWS ended security patches of the image '{_name(image)}' on {image.end_of_patch}; {what_to_do}"


def _name(image: Image) -> str:
    return f"{image.repository}:{image.tag}"
