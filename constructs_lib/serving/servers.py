"""How each kind of model is served in SageMaker's containers: which image, and which environment variables.

Sources: aws/sagemaker-pytorch-inference-toolkit and aws/deep-learning-containers (the containers' own entry points).
"""

from __future__ import annotations

from constructs_lib.serving.images import Image, Platform, find_image
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.models import (
    AnyModel,
    HuggingFaceModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)

# SageMaker unpacks the archive into /opt/ml/model: "Use Your Own Inference Code with Hosting Services".
_CODE = "/opt/ml/model/code"


def sagemaker_image(model: AnyModel, instance: InstanceType) -> Image | str:
    """Choose the image that serves a model on SageMaker.

    Returns
    -------
    Image or str
        The model's own ``image`` as it was given; otherwise the newest image of its framework and version that runs
        on the instance.

    Raises
    ------
    ImageNotFoundError
        When AWS publishes no such image; its text lists the versions that there are.
    """
    if model.image is not None:
        return model.image
    framework, version, py_version = _catalogue_key(model)
    return find_image(
        framework,
        version,
        device=instance.device,
        architecture=instance.architecture,
        platform=Platform.SAGEMAKER,
        python=py_version,
    )


def sagemaker_environment(model: AnyModel) -> dict[str, str]:
    """Give the environment variables that a model's container needs on SageMaker, the model's own last."""
    return {**_server_environment(model), **model.environment}


def _catalogue_key(model: AnyModel) -> tuple[str, str | None, str | None]:
    match model:
        case TensorFlowModel():
            return "tensorflow", model.version, model.py_version
        case PyTorchModel() | OnnxModel():
            return "pytorch", model.version, model.py_version
        case HuggingFaceModel():
            return "huggingface-pytorch", model.version, None
        case LargeLanguageModel():
            return model.server, model.version, None
    raise TypeError(f"{type(model).__name__} needs an 'image'")


def _server_environment(model: AnyModel) -> dict[str, str]:
    match model:
        case PyTorchModel(entry_point=str(handler)) | OnnxModel(entry_point=str(handler)):
            # aws/sagemaker-inference-toolkit, parameters.py: the toolkit imports this file from this directory.
            return {"SAGEMAKER_PROGRAM": handler, "SAGEMAKER_SUBMIT_DIRECTORY": _CODE}
        case HuggingFaceModel():
            named = {"HF_MODEL_ID": model.model_id, "HF_TASK": model.task}
            return {name: value for name, value in named.items() if value is not None}
        case LargeLanguageModel():
            return _large_language_model_environment(model)
    return {}


def _large_language_model_environment(model: LargeLanguageModel) -> dict[str, str]:
    degree = model.tensor_parallel_degree
    if model.server == "vllm":  # aws/deep-learning-containers, docs/vllm/configuration.md: SM_VLLM_* become flags
        named = {"SM_VLLM_MODEL": model.model_id, "SM_VLLM_TENSOR_PARALLEL_SIZE": degree}
    else:
        named = {"HF_MODEL_ID": model.model_id, "OPTION_TENSOR_PARALLEL_DEGREE": degree}
    return {name: str(value) for name, value in named.items() if value is not None}
