"""How each kind of model is served in SageMaker's containers: which image, and which environment variables.

Sources: aws/sagemaker-pytorch-inference-toolkit and aws/deep-learning-containers (the containers' own entry points).
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs_lib.serving import language_models
from constructs_lib.serving.images import Device, Image, Platform, find_image
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.models import (
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    ModelPackageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.multi_container import ContainerValue, HostedModel, containers_of
from constructs_lib.serving.multi_model import MultiModel

# SageMaker unpacks the archive into /opt/ml/model: "Use Your Own Inference Code with Hosting Services".
_CODE = "/opt/ml/model/code"


def sagemaker_image(model: ContainerValue, instance: InstanceType) -> Image | str:
    """Choose the image that serves a model on SageMaker.

    Returns
    -------
    Image or str
        The model's own ``image`` as it was given, or the directory of the ``Dockerfile`` that it is to be built from;
        otherwise the newest image of its framework and version that runs on the instance.

    Raises
    ------
    ImageNotFoundError
        When AWS publishes no such image; its text lists the versions that there are.
    """
    if model.image is not None:
        return model.image
    if isinstance(model, ContainerModel) and model.dockerfile_directory is not None:
        return model.dockerfile_directory
    framework, version, py_version = _catalogue_key(model)
    return find_image(
        framework,
        version,
        device=instance.device,
        architecture=instance.architecture,
        platform=Platform.SAGEMAKER,
        python=py_version,
        base=model.base if isinstance(model, HuggingFaceModel) else None,
    )


def sagemaker_environment(model: ContainerValue, instance: InstanceType | None = None) -> dict[str, str]:
    """Give the environment variables that a model's container needs on SageMaker, the model's own last.

    Parameters
    ----------
    model
        What is served.
    instance
        What it runs on: a language model is split over all of its accelerators. None: not known.
    """
    return {**_server_environment(model, instance), **model.environment}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNeeds:
    """What a model needs of the instances that it runs on, beyond what SageMaker gives by itself.

    Attributes
    ----------
    inference_ami_version
        The host image whose GPU driver the model's image needs. None: SageMaker's default for the instance type.
    start_up_seconds
        How long fetching the model data, and starting the container, may each take. None: SageMaker's default.
    """

    inference_ami_version: str | None = None
    start_up_seconds: int | None = None


def host_needs(model: HostedModel, instance: InstanceType) -> HostNeeds:
    """Find out what a model needs of an instance.

    Raises
    ------
    ImageNotFoundError
        When no image serves the model on the instance.
    """
    containers = [each for each in containers_of(model).values() if not isinstance(each, ModelPackageModel)]
    host = None
    if instance.device is Device.GPU:
        hosts = [language_models.inference_ami_version(sagemaker_image(each, instance)) for each in containers]
        host = max(filter(None, hosts), default=None)  # of several, the one with the newest driver
    seconds = None
    if any(isinstance(each, LargeLanguageModel) for each in containers):
        seconds = language_models.START_UP_SECONDS
    return HostNeeds(inference_ami_version=host, start_up_seconds=seconds)


def _catalogue_key(model: ContainerValue) -> tuple[str, str | None, str | None]:
    match model:
        case TensorFlowModel():
            return "tensorflow", model.version, model.py_version
        case PyTorchModel(server="triton") | OnnxModel(server="triton"):
            return "triton", model.version, None
        case PyTorchModel() | OnnxModel():
            return "pytorch", model.version, model.py_version
        case HuggingFaceModel():
            return "huggingface-pytorch", model.version, None
        case LargeLanguageModel():
            # aws/deep-learning-containers, README: patches are promised for Amazon Linux, and not for vLLM on Ubuntu.
            return "vllm-server" if model.server == "vllm" else model.server, model.version, None
        case MultiModel(server="pytorch" | "tensorflow" | "triton"):
            return model.server, model.version, model.py_version
    raise TypeError(f"{type(model).__name__} needs an 'image'")


def _server_environment(model: ContainerValue, instance: InstanceType | None) -> dict[str, str]:
    match model:
        case PyTorchModel(server="triton") | OnnxModel(server="triton"):
            return {}
        case (
            PyTorchModel(entry_point=str(handler))
            | OnnxModel(entry_point=str(handler))
            | MultiModel(server="pytorch" | "onnx", entry_point=str(handler))
        ):
            # aws/sagemaker-inference-toolkit, parameters.py: the toolkit imports this file from this directory.
            return {"SAGEMAKER_PROGRAM": handler, "SAGEMAKER_SUBMIT_DIRECTORY": _CODE}
        case OnnxModel() | MultiModel(server="onnx"):
            # PyTorch's own default handler reads no ONNX: the archive's inference.py it is, or ours.
            return {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": _CODE}
        case HuggingFaceModel():
            named = {"HF_MODEL_ID": model.model_id, "HF_TASK": model.task}
            return {name: value for name, value in named.items() if value is not None}
        case LargeLanguageModel():
            return language_models.environment(model, instance)
    return {}
