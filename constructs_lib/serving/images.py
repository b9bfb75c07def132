"""The catalogue of AWS's inference and training images: framework, version, device, platform give image and URI.

The facts are in images.json, which scripts/refresh_images.py distils from the SageMaker SDK and from the repository's
own table. Nothing here reads a clock or the network: the catalogue is true to the day `as_of()`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from constructs_lib.serving import image_errors
from constructs_lib.serving.image_errors import ImageNotFoundError
from constructs_lib.serving.regions import RegionError, dns_suffix

__all__ = [
    "Device",
    "Image",
    "ImageNotFoundError",
    "Platform",
    "RegionError",
    "as_of",
    "find_image",
    "image_at",
    "images",
    "newest_patched",
]

# The last part of an AWS image's URI, in a registry of any region or in the public gallery.
_AWS_IMAGE = re.compile(r"(?:\.dkr\.ecr\.[^/]+/|public\.ecr\.aws/deep-learning-containers/)([^/:@]+):([^/:@]+)$")


class Device(StrEnum):
    """What an image computes on."""

    CPU = "cpu"
    GPU = "gpu"
    NEURON = "neuron"
    """Inferentia of the first generation (Inf1)."""
    NEURONX = "neuronx"
    """Inferentia 2 and Trainium (Inf2, Trn1, Trn2)."""
    EIA = "eia"
    """A CPU with an Elastic Inference accelerator, which AWS has retired."""
    GAUDI = "gaudi"
    """Gaudi (DL1), for which AWS publishes no inference image."""


class Platform(StrEnum):
    """Where an image runs: AWS builds some images twice, with different entry points."""

    SAGEMAKER = "sagemaker"
    KUBERNETES = "kubernetes"

    @property
    def label(self) -> str:
        """The platform's own spelling."""
        return "SageMaker" if self is Platform.SAGEMAKER else "Kubernetes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One of AWS's images, in every region that has it.

    Attributes
    ----------
    framework, version
        Name in this catalogue, and the full version: ``pytorch`` ``2.6.0``. For Hugging Face, the version of
        Transformers. ``pytorch-training`` and ``tensorflow-training`` have the images that train.
    base
        For Hugging Face, the framework below it: ``pytorch2.6.0``.
    python
        ``py312``; None where neither SDK nor list names it.
    device, architecture, platform
        What it was built for; architecture is ``x86_64`` or ``arm64``.
    repository, tag
        Its ECR repository, and for SageMaker the tag that the SageMaker SDK gives for the full version.
    full_tag
        The tag that names CUDA and operating system as well; `tag` itself where AWS lists no other. AWS rebuilds an
        image under all of its tags when it patches it, so that none of them is immutable.
    cuda
        ``cu124``; None for an image without CUDA, and where it is not known (Triton).
    registry
        Name of the table of accounts, which images with the same regions share.
    public
        Namespace in the public gallery; None for an image that is not there.
    end_of_patch
        The last day of security patches; for a version older than any that AWS still lists, a day by which they had
        ended. None where AWS gives no date.
    """

    framework: str
    version: str
    base: str | None = None
    python: str | None = None
    device: Device
    architecture: str
    platform: Platform
    repository: str
    tag: str
    full_tag: str
    cuda: str | None = None
    registry: str
    public: str | None = None
    end_of_patch: date | None = None

    def accounts(self) -> Mapping[str, str]:
        """Give the account of the image's registry in each region that has it."""
        return _catalogue().registries[self.registry]

    def uri(self, region: str) -> str:
        """Give the image's URI in one region.

        Raises
        ------
        RegionError
            When AWS keeps no registry with the image there.
        """
        accounts = self.accounts()
        if region not in accounts:
            raise RegionError(region, accounts, what=f"the image '{self.repository}:{self.tag}'")
        return f"{accounts[region]}.dkr.ecr.{region}.{dns_suffix(region)}/{self.repository}:{self.tag}"

    @property
    def public_uri(self) -> str | None:
        """The URI in the public gallery, which needs neither region nor credentials; None if the image is not there."""
        return f"public.ecr.aws/{self.public}/{self.repository}:{self.full_tag}" if self.public else None

    def is_past_end_of_patch(self, today: date) -> bool:
        """Tell whether AWS has stopped patching the image; False where it gives no date."""
        return self.end_of_patch is not None and today > self.end_of_patch


def as_of() -> date:
    """Give the day to which the catalogue is true: what end-of-patch dates are compared with at synthesis."""
    return _catalogue().as_of


def images() -> tuple[Image, ...]:
    """Give every image of the catalogue."""
    return tuple(image for framework in _catalogue().entries for image in _family(framework))


@cache
def find_image(
    framework: str,
    version: str | None = None,
    *,
    device: Device,
    architecture: str = "x86_64",
    platform: Platform = Platform.SAGEMAKER,
    python: str | None = None,
    base: str | None = None,
) -> Image:
    """Find the newest image that fits.

    Parameters
    ----------
    framework
        ``tensorflow``, ``pytorch``, ``huggingface-pytorch``, ``vllm``… ONNX models are served by ``pytorch``.
        ``tensorflow-training`` and ``pytorch-training`` train.
    version
        ``2.6.0`` is exact, ``2.6`` is its newest patch release. None: the newest version that fits the rest.
    device, architecture, platform
        What the image is to run on.
    python
        ``py312``. None: the newest Python there is.
    base
        For Hugging Face, the framework below it: ``pytorch2.6``. None: the newest.

    Raises
    ------
    ImageNotFoundError
        When nothing fits; it carries the versions that do.
    """
    if framework not in _catalogue().entries:
        raise image_errors.unknown_framework(framework, _catalogue().entries)
    family = _family(framework)
    fitting = [i for i in family if (i.device, i.architecture, i.platform) == (device, architecture, platform)]
    # The place in words even where no image is: a message then says what was asked for.
    where = f"{device}{'' if architecture == 'x86_64' else f' ({architecture})'} on {platform.label}"
    if not fitting:
        nearby = [image for image in family if image.platform is platform] or family
        raise image_errors.no_image_there(framework, where, nearby)
    found = [image for image in fitting if _is_release_of(image.version, version)]
    if not found:
        elsewhere = (image for image in family if _is_release_of(image.version, version))
        raise image_errors.no_such_version(version or "", where, fitting, elsewhere)
    for key, wanted in (("base", base), ("python", python)):
        narrowed = [image for image in found if _is_release_of(getattr(image, key), wanted)]
        if not narrowed:
            raise image_errors.no_such_build(wanted or "", key, where, found)
        found = narrowed
    return max(found, key=lambda image: [image_errors.numbers(v) for v in (image.version, image.base, image.python)])


@cache
def image_at(uri: str) -> Image | None:
    """Find the image that a URI names, whatever its region; None when the catalogue has none of that name."""
    match = _AWS_IMAGE.search(uri)
    if not match:
        return None
    repository, tag = match.groups()
    for framework, entries in _catalogue().entries.items():
        if any(entry["repository"] == repository for entry in entries):
            named = (i for i in _family(framework) if i.repository == repository and tag in (i.tag, i.full_tag))
            if found := next(named, None):
                return found
    return None


@cache
def newest_patched(image: Image) -> Image | None:
    """Find the newest image for the same place that is newer and, on the catalogue's day, patched; None: there is none.

    Parameters
    ----------
    image
        The image that is to be replaced: framework, device, architecture and platform stay.
    """
    own = image_errors.numbers(image.version)
    newer = [
        other
        for other in _family(image.framework)
        if (other.device, other.architecture, other.platform) == (image.device, image.architecture, image.platform)
        and image_errors.numbers(other.version) > own
        and not other.is_past_end_of_patch(as_of())
    ]
    return max(newer, key=lambda other: [image_errors.numbers(v) for v in (other.version, other.python)], default=None)


def _is_release_of(full: str | None, asked: str | None) -> bool:
    return asked is None or full == asked or (full is not None and full.startswith(asked + "."))


@dataclass(frozen=True, slots=True)
class _Catalogue:
    as_of: date
    entries: Mapping[str, list[dict[str, Any]]]
    registries: Mapping[str, Mapping[str, str]]


@cache
def _catalogue() -> _Catalogue:
    # Read on first use: whoever brings an image of their own never pays for it.
    data = json.loads(Path(__file__).with_name("images.json").read_text(encoding="utf-8"))
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in data["images"]:
        entries.setdefault(entry["framework"], []).append(entry)
    return _Catalogue(
        as_of=date.fromisoformat(data["as_of"]),
        entries=entries,
        registries={name: _regions(registry, data["accounts"]) for name, registry in data["registries"].items()},
    )


@cache
def _family(framework: str) -> tuple[Image, ...]:
    # One framework at a time: building all 700 costs a synthesis more than reading the file.
    return tuple(_image(entry) for entry in _catalogue().entries[framework])


def _image(entry: dict[str, Any]) -> Image:
    ends = entry.get("end_of_patch")
    values = {
        "full_tag": entry["tag"],
        **entry,
        "device": Device(entry["device"]),
        "platform": Platform(entry["platform"]),
        "end_of_patch": date.fromisoformat(ends) if ends else None,
    }
    return Image(**values)


def _regions(registry: dict[str, Any], accounts: dict[str, dict[str, str]]) -> Mapping[str, str]:
    table, without = accounts[registry["accounts"]], frozenset(registry["without"])
    return MappingProxyType({region: account for region, account in table.items() if region not in without})
