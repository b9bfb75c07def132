"""Which choices SageMaker refuses together, so that synth refuses them first.

Each rule says what clashes, why, and what to choose instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from constructs_lib.serving.images import Device, Image, ImageNotFoundError, RegionError
from constructs_lib.serving.instances import InstanceType, InstanceTypeError, instance_type
from constructs_lib.serving.language_models import parallel_problems
from constructs_lib.serving.models import AnyModel, LargeLanguageModel
from constructs_lib.serving.problems import Problem, is_token
from constructs_lib.serving.servers import sagemaker_image

# The device as AWS's image tags spell it: 2.6.0-gpu-py312-cu124-…, 26.05-py3-cpu, 2.9.0-neuronx-py312-….
_TAG_DEVICE = re.compile(r"[-:](cpu|gpu|neuronx|neuron|eia)(?=-|$)|[-:](cuda|cu\d+)(?=-|$)")
_AWS_REPOSITORY = re.compile(r"\.dkr\.ecr\.[^/]+/|public\.ecr\.aws/deep-learning-containers/")


def image_device(uri: str) -> Device | None:
    """Read from an AWS image's tag which device it is built for; None when the tag does not say."""
    if is_token(uri) or not _AWS_REPOSITORY.search(uri):
        return None
    devices = _TAG_DEVICE.findall(uri.rpartition("/")[2])
    if not devices:
        return None
    named, cuda = devices[-1]
    return Device.GPU if cuda else Device(named)


def hosting_problems(
    model: AnyModel, instance_name: str, *, autoscaled: bool, region: str | None = None
) -> Iterator[Problem]:
    """Hold that a model, an instance type and their options can be hosted together.

    Parameters
    ----------
    model
        What is served.
    instance_name
        The instance type, such as ``ml.c6i.large``.
    autoscaled
        Whether the number of instances follows the traffic.
    region
        Where it will run. None: not known yet, and not checked.

    Yields
    ------
    Problem
        Each clash; its field is ``instance_type``, ``autoscaling``, ``region``, or a field of ``model``.
    """
    wrong_type = list(instance_type_problems(instance_name, autoscaled=autoscaled))
    yield from wrong_type
    if not any(problem.field == "instance_type" for problem in wrong_type):
        yield from _image_problems(model, instance_type(instance_name), region)
        if isinstance(model, LargeLanguageModel):
            yield from parallel_problems(model, instance_type(instance_name))


def instance_type_problems(instance_name: str, *, autoscaled: bool) -> Iterator[Problem]:
    """Hold that SageMaker has an instance type, and scales it if it is to.

    Yields
    ------
    Problem
        About ``instance_type`` or ``autoscaling``.
    """
    try:
        instance = instance_type(instance_name)
    except InstanceTypeError as error:
        yield Problem("instance_type", str(error))
        return
    if autoscaled and instance.burstable:
        # SageMaker developer guide, "Configure model auto scaling with the console".
        yield Problem(
            "autoscaling",
            f"does not work with '{instance.name}': SageMaker does not scale burstable instances; choose another type, "
            "such as 'ml.c6i.large', or leave 'autoscaling' out",
        )


def _image_problems(model: AnyModel, instance: InstanceType, region: str | None) -> Iterator[Problem]:
    try:
        image = sagemaker_image(model, instance)
        if isinstance(image, Image):
            if region is not None:
                image.uri(region)
            return
    except ImageNotFoundError as error:
        yield Problem(_unmet(error), str(error))
        return
    except RegionError as error:
        yield Problem("region", str(error))
        return
    built_for, runs_on = image_device(image), instance.device
    if built_for is None or built_for is runs_on or (built_for is Device.EIA and runs_on is Device.CPU):
        return
    yield Problem(
        "model.image",
        f"'{image}' is built for {built_for.value}, but '{instance.name}' is a {runs_on.value} instance; choose "
        f"{_instances_for(built_for)}, or leave 'image' out to get the image for {runs_on.value}",
    )


def _unmet(error: ImageNotFoundError) -> str:
    """Name the key whose value no image meets: what would fit in its place tells which one it is."""
    if not error.alternatives:
        return "instance_type"
    if error.alternatives[0].startswith(("pytorch", "tensorflow")):
        return "model.base"
    return "model.py_version" if re.match(r"py\d", error.alternatives[0]) else "model.version"


def _instances_for(device: Device) -> str:
    examples = {
        Device.CPU: "a CPU instance such as 'ml.c6i.large'",
        Device.GPU: "a GPU instance such as 'ml.g5.xlarge'",
        Device.NEURON: "an Inferentia instance such as 'ml.inf1.xlarge'",
        Device.NEURONX: "an Inferentia2 instance such as 'ml.inf2.xlarge'",
        Device.EIA: "a CPU instance with an accelerator",
        Device.GAUDI: "a Gaudi instance such as 'ml.dl1.24xlarge'",
    }
    return examples[device]
