"""What is said when no image fits: what was asked for, what there is, and where else there is one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from constructs_lib.serving.images import Image

_LISTED_IN_A_MESSAGE = 8
_TRAINING = "-training"  # how the catalogue's names of frameworks end whose images train
_NAMES = {
    "djl-lmi": "DJL LMI",
    "huggingface-pytorch": "Hugging Face PyTorch",
    "huggingface-tensorflow": "Hugging Face TensorFlow",
    "mxnet": "MXNet",
    "neo-mxnet": "Neo MXNet",
    "neo-pytorch": "Neo PyTorch",
    "neo-tensorflow": "Neo TensorFlow",
    "pytorch": "PyTorch",
    "pytorch-training": "PyTorch",
    "ray-serve": "Ray Serve",
    "sglang": "SGLang",
    "sglang-server": "SGLang server",
    "tensorflow": "TensorFlow",
    "tensorflow-training": "TensorFlow",
    "triton": "Triton",
    "vllm": "vLLM",
    "vllm-neuronx": "vLLM NeuronX",
    "vllm-server": "vLLM server",
}


class ImageNotFoundError(ValueError):
    """No image fits what was asked for; the message says what there is.

    Attributes
    ----------
    alternatives
        What would fit in place of the value that does not: versions (newest first), or frameworks, or Pythons, or base
        frameworks. Empty when the framework has no image for that device and platform at all.
    """

    def __init__(self, message: str, alternatives: Iterable[str] = ()) -> None:
        self.alternatives = tuple(alternatives)
        super().__init__(message)


def unknown_framework(framework: str, frameworks: Iterable[str]) -> ImageNotFoundError:
    """Say that there is no such framework."""
    known = sorted(name for name in frameworks if not name.endswith(_TRAINING))
    near = get_close_matches(framework, known, n=1)
    guess = f"did you mean '{near[0]}'? There are" if near else "there are"
    return ImageNotFoundError(
        f"'{framework}' is not a framework with an AWS inference image; {guess} {', '.join(known)}; or set 'image'",
        known,
    )


def no_image_there(framework: str, where: str, elsewhere: Iterable[Image]) -> ImageNotFoundError:
    """Say that a framework has no image for a device, architecture and platform, and for which it has some."""
    places = ", ".join(sorted({place(image) for image in elsewhere}))
    return ImageNotFoundError(
        f"{_name(framework)} has no {_kind(framework)} image for {where}; it has them for {places}; or set 'image'"
    )


def no_such_version(
    version: str, where: str, fitting: Sequence[Image], elsewhere: Iterable[Image]
) -> ImageNotFoundError:
    """Say that a version has no image there, which versions have, and where else that version has one."""
    name = _name(fitting[0].framework)
    versions = sorted({image.version for image in fitting}, key=numbers, reverse=True)
    places = ", ".join(sorted({place(image) for image in elsewhere}))
    remark = f" ({name} {version} has an image for {places})" if places else ""
    return ImageNotFoundError(
        f"'{version}' is not a {name} version with {_an_image(fitting[0].framework)} for {where}; "
        f"choose one of {_shorten(versions)}, or set 'image'{remark}",
        versions,
    )


def no_such_build(wanted: str, key: str, where: str, of_version: Sequence[Image]) -> ImageNotFoundError:
    """Say that a version has no image with a Python version or base framework, and which there are."""
    builds = sorted({str(getattr(image, key)) for image in of_version}, key=numbers, reverse=True)
    newest = max((image.version for image in of_version), key=numbers)
    framework = of_version[0].framework
    return ImageNotFoundError(
        f"'{wanted}' is not a {key} of {_name(framework)} {newest} with {_an_image(framework)} for {where}; "
        f"choose one of {_shorten(builds)}, or set 'image'",
        builds,
    )


def place(image: Image) -> str:
    """Name what an image is for: ``gpu on SageMaker``, ``cpu (arm64) on Kubernetes``."""
    architecture = "" if image.architecture == "x86_64" else f" ({image.architecture})"
    return f"{image.device}{architecture} on {image.platform.label}"


def numbers(version: str | None) -> tuple[int, ...]:
    """Give the numbers of a version as something that sorts: ``2.10.1`` after ``2.9.3``, ``py312`` after ``py39``."""
    text = version or ""
    if text.startswith("py") and text[2:].isdigit():
        text = f"{text[2]}.{text[3:]}"
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _name(framework: str) -> str:
    return _NAMES.get(framework, framework)


def _kind(framework: str) -> str:
    return "training" if framework.endswith(_TRAINING) else "inference"


def _an_image(framework: str) -> str:
    kind = _kind(framework)
    return f"{'a' if kind == 'training' else 'an'} {kind} image"


def _shorten(versions: Sequence[str]) -> str:
    more = len(versions) - _LISTED_IN_A_MESSAGE
    return ", ".join(versions[:_LISTED_IN_A_MESSAGE]) + (f" and {more} older" if more > 0 else "")
