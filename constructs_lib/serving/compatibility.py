"""Which choices SageMaker refuses together, so that synth refuses them first.

Each rule says what clashes, why, and what to choose instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from constructs_lib.serving import elastic_inference
from constructs_lib.serving.artifacts import MAR_SUFFIX, S3Artifact
from constructs_lib.serving.compile_rules import compile_region_problems, compiled_model_problems
from constructs_lib.serving.images import Device, Image, ImageNotFoundError, RegionError
from constructs_lib.serving.instances import InstanceType, InstanceTypeError, instance_type
from constructs_lib.serving.language_models import parallel_problems
from constructs_lib.serving.model_packages import package_region_problems
from constructs_lib.serving.models import AnyModel, LargeLanguageModel, ModelPackageModel
from constructs_lib.serving.multi_container import ContainerValue, HostedModel, container_path, containers_of
from constructs_lib.serving.multi_model import MultiModel, multi_model_instance_problems
from constructs_lib.serving.problems import Problem, is_token
from constructs_lib.serving.servers import sagemaker_image

# The device as AWS's image tags spell it: 2.6.0-gpu-py312-cu124-…, 26.05-py3-cpu, 2.9.0-neuronx-py312-….
_TAG_DEVICE = re.compile(r"[-:](cpu|gpu|neuronx|neuron|eia)(?=-|$)|[-:](cuda|cu\d+)(?=-|$)")
_AWS_REPOSITORY = re.compile(r"\.dkr\.ecr\.[^/]+/|public\.ecr\.aws/deep-learning-containers/")


def image_device(uri: str) -> Device | None:
    """Read from an AWS image's repository or tag which device it is built for; None when they do not say."""
    if is_token(uri) or not _AWS_REPOSITORY.search(uri):
        return None
    if "-eia:" in uri:  # whose tags say cpu, which is what the accelerator was attached to
        return Device.EIA
    devices = _TAG_DEVICE.findall(uri.rpartition("/")[2])
    if not devices:
        return None
    named, cuda = devices[-1]
    return Device.GPU if cuda else Device(named)


def hosting_problems(
    model: HostedModel,
    instance_name: str,
    *,
    autoscaled: bool,
    accelerator_type: str | None = None,
) -> Iterator[Problem]:
    """Check that a model, an instance type and their options can be hosted together.

    Parameters
    ----------
    model
        What is served.
    instance_name
        The instance type, such as ``ml.c6i.large``.
    autoscaled
        Whether the number of instances follows the traffic.
    accelerator_type
        The Elastic Inference accelerator that is attached to each instance. None: none is.

    Yields
    ------
    Problem
        Each clash; its field is ``instance_type``, ``autoscaling``, ``accelerator_type``, or a field of ``model``.
    """
    wrong_type = list(instance_type_problems(instance_name, autoscaled=autoscaled))
    yield from wrong_type
    if accelerator_type is not None:
        misplaced = list(elastic_inference.accelerator_problems(accelerator_type, instance_name))
        misplaced += elastic_inference.accelerated_model_problems(model)
        yield from misplaced
        if misplaced:
            return
    if not any(problem.field == "instance_type" for problem in wrong_type):
        host = elastic_inference.host(instance_name, accelerator_type)
        for hostname, each in containers_of(model).items():
            for problem in _container_problems(each, host):
                within = problem.field.startswith("model.") and container_path(model, hostname)
                path = f"model.{within}{problem.field.removeprefix('model.')}" if within else problem.field
                yield Problem(path, problem.message)


def _container_problems(model: ContainerValue, instance: InstanceType) -> Iterator[Problem]:
    if isinstance(model, MultiModel):
        misplaced = list(multi_model_instance_problems(model, instance))
        yield from misplaced
        if misplaced:
            return
    else:
        yield from _archive_problems(model)
    yield from compiled_model_problems(model, instance)
    if not _gets_image(model):
        yield from _image_problems(model, instance)
    if isinstance(model, LargeLanguageModel):
        yield from parallel_problems(model, instance)


def _gets_image(model: ContainerValue) -> bool:
    """Tell whether Neo or a model package names a model's image, which is then known at deployment only."""
    return isinstance(model, ModelPackageModel) or getattr(model, "compile", None) is not None


def _archive_problems(model: AnyModel) -> Iterator[Problem]:
    if isinstance(model.location, S3Artifact) and model.location.key.endswith(MAR_SUFFIX):
        yield Problem(
            "model.artifact",
            f"'{model.location.uri}' is TorchServe's own archive, which SageMaker does not unpack; give a .tar.gz of "
            "the weights and code/",
        )


def instance_type_problems(instance_name: str, *, autoscaled: bool) -> Iterator[Problem]:
    """Check that SageMaker has an instance type, and scales it if it is to.

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


def region_problems(
    model: HostedModel, instance_name: str, region: str, *, accelerator_type: str | None = None
) -> Iterator[Problem]:
    """Check that AWS keeps the image of a model in a region.

    Parameters
    ----------
    model, instance_name, accelerator_type
        What can be hosted together: `hosting_problems` finds nothing wrong with them.
    region
        Where it will run.

    Yields
    ------
    Problem
        About ``region``.
    """
    for each in containers_of(model).values():
        yield from compile_region_problems(each, region)
        yield from package_region_problems(each, region)
        if _gets_image(each):
            continue
        image = sagemaker_image(each, elastic_inference.host(instance_name, accelerator_type))
        if isinstance(image, Image):
            try:
                image.uri(region)
            except RegionError as error:
                yield Problem("region", str(error))


def _image_problems(model: ContainerValue, instance: InstanceType) -> Iterator[Problem]:
    try:
        image = sagemaker_image(model, instance)
    except ImageNotFoundError as error:
        yield Problem(_unmet(error), str(error))
        return
    if isinstance(image, Image):
        return
    built_for, runs_on = image_device(image), instance.device
    if built_for is None or built_for is runs_on or (built_for is Device.EIA and runs_on is Device.CPU):
        return
    what = "has an accelerator for Elastic Inference" if runs_on is Device.EIA else f"is a {runs_on.value} instance"
    yield Problem(
        "model.image",
        f"'{image}' is built for {built_for.value}, but '{instance.name}' {what}; choose "
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
        Device.EIA: "a CPU instance with an 'accelerator_type'",
        Device.GAUDI: "a Gaudi instance such as 'ml.dl1.24xlarge'",
    }
    return examples[device]
