"""How models are served: the image that is chosen, and the variables that its container reads."""

from __future__ import annotations

import pytest

from constructs_lib.serving.images import Image, ImageNotFoundError
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import (
    AnyModel,
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.servers import sagemaker_environment, sagemaker_image

S3 = "s3://my-models/model.tar.gz"


@pytest.mark.parametrize(
    ("model", "instance", "repository", "tag"),
    [
        (PyTorchModel(artifact=S3), "ml.c6i.large", "pytorch-inference", "2.6.0-cpu-py312"),
        (PyTorchModel(artifact=S3), "ml.g5.xlarge", "pytorch-inference", "2.6.0-gpu-py312"),
        (PyTorchModel(artifact=S3, version="2.5"), "ml.c6i.large", "pytorch-inference", "2.5.1-cpu-py311"),
        (OnnxModel(artifact=S3), "ml.c6i.large", "pytorch-inference", "2.6.0-cpu-py312"),
        (TensorFlowModel(artifact=S3), "ml.c6i.large", "tensorflow-inference", "2.20.0-cpu-py312"),
        (TensorFlowModel(artifact=S3, version="2.19"), "ml.g5.xlarge", "tensorflow-inference", "2.19.0-gpu"),
        (LargeLanguageModel(model_id="a/b"), "ml.g5.xlarge", "vllm", "server-sagemaker-cuda-v2.6"),
        (LargeLanguageModel(model_id="a/b", version="2.4"), "ml.g5.xlarge", "vllm", "server-sagemaker-cuda-v2.4"),
        (PyTorchModel(artifact=S3), "ml.c7g.large", "pytorch-inference-arm64", "2.6.0-cpu-py312-ubuntu22.04-sagemaker"),
    ],
)
def test_the_newest_image_that_fits_model_and_instance_serves(
    model: AnyModel, instance: str, repository: str, tag: str
) -> None:
    image = sagemaker_image(model, instance_type(instance))

    assert isinstance(image, Image)
    assert (image.repository, image.tag) == (repository, tag)


@pytest.mark.parametrize(
    "model", [ContainerModel(image="example/mine:1"), PyTorchModel(artifact=S3, image="example/mine:1")]
)
def test_an_image_that_is_given_serves(model: AnyModel) -> None:
    assert sagemaker_image(model, instance_type("ml.c6i.large")) == "example/mine:1"


def test_fails_with_the_versions_that_have_an_image() -> None:
    with pytest.raises(
        ImageNotFoundError,
        match=r"^'1\.99' is not a PyTorch version with an inference image for cpu on SageMaker; choose one of 2\.6\.0, ",
    ):
        sagemaker_image(PyTorchModel(artifact=S3, version="1.99"), instance_type("ml.c6i.large"))


def test_fails_with_the_pythons_that_a_version_comes_with() -> None:
    with pytest.raises(
        ImageNotFoundError,
        match=r"^'py37' is not a python of PyTorch 2\.6\.0 with an inference image for cpu on SageMaker; choose one of py312, or set 'image'$",
    ):
        sagemaker_image(PyTorchModel(artifact=S3, version="2.6", py_version="py37"), instance_type("ml.c6i.large"))


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        (
            PyTorchModel(artifact=S3, entry_point="serve.py"),
            {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        ),
        (
            OnnxModel(artifact=S3, entry_point="inference.py"),
            {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        ),
        (PyTorchModel(artifact=S3), {}),
        (TensorFlowModel(artifact=S3, entry_point="inference.py"), {}),
        (ContainerModel(image="example/mine:1"), {}),
        (HuggingFaceModel(model_id="a/b", task="fill-mask"), {"HF_MODEL_ID": "a/b", "HF_TASK": "fill-mask"}),
        (HuggingFaceModel(artifact=S3), {}),
        (
            LargeLanguageModel(model_id="a/b", tensor_parallel_degree=4),
            {"SM_VLLM_MODEL": "a/b", "SM_VLLM_TENSOR_PARALLEL_SIZE": "4"},
        ),
        (
            LargeLanguageModel(model_id="a/b", server="djl-lmi", tensor_parallel_degree=2),
            {"HF_MODEL_ID": "a/b", "OPTION_TENSOR_PARALLEL_DEGREE": "2"},
        ),
    ],
)
def test_a_container_gets_the_variables_that_it_reads(model: AnyModel, variables: dict[str, str]) -> None:
    assert sagemaker_environment(model) == variables


def test_the_models_own_variables_win() -> None:
    model = OnnxModel(
        artifact=S3, entry_point="a.py", environment={"SAGEMAKER_PROGRAM": "b.py", "OMP_NUM_THREADS": "1"}
    )

    assert sagemaker_environment(model) == {
        "SAGEMAKER_PROGRAM": "b.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "OMP_NUM_THREADS": "1",
    }
