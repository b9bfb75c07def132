"""Whether an image of the user's own runs on the nodes of a workload."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cdk8s_charts.placement import Placement
from cdk8s_charts.workload import Workload
from constructs_lib.serving.compatibility import image_device
from constructs_lib.serving.images import Device, image_at
from constructs_lib.serving.problems import Problem

# What the makers of the servers publish on Docker Hub: for CPUs, unless the tag says GPU.
_OF_MAKERS = re.compile(r"(?:docker\.io/)?(?:tensorflow/serving|pytorch/torchserve)(?::([\w.-]+))?")


def image_problems(workload: Workload, placement: Placement) -> Iterator[Problem]:
    """Check that the image, as far as it is known, is built for the device and the architecture of the nodes."""
    image = workload.model.image
    if image is None:
        return
    known = image_at(image)
    built_for = known.device if known else image_device(image) or _device_of_makers(image)
    if built_for is not None and built_for is not placement.device:
        yield Problem(
            "model.image",
            f"'{image}' is built for {built_for}, but the pods run on {placement.device}; leave 'image' out to get "
            f"the image for {placement.device}, or choose other nodes",
        )
    if known and placement.group and known.architecture != placement.architecture:
        yield Problem(
            "model.image", f"'{image}' is built for {known.architecture}, but the nodes are {placement.architecture}"
        )


def _device_of_makers(image: str) -> Device | None:
    match = _OF_MAKERS.fullmatch(image)
    if match is None:
        return None
    return Device.GPU if "gpu" in (match[1] or "") else Device.CPU
