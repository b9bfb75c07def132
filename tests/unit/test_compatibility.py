"""Which choices are refused together: the key it is about, why, and what to choose instead."""

from __future__ import annotations

import pytest

from constructs_lib.serving.compatibility import hosting_problems, image_device, region_problems
from constructs_lib.serving.images import Device, images
from constructs_lib.serving.models import (
    AnyModel,
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
)

S3 = "s3://my-models/model.tar.gz"
DLC = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


def problems(model: AnyModel, instance: str, *, autoscaled: bool = False) -> list[tuple[str, str]]:
    found = hosting_problems(model, instance, autoscaled=autoscaled)
    return [(problem.field, problem.message) for problem in found]


@pytest.mark.parametrize("instance", ["ml.c6i.large", "ml.g5.xlarge", "ml.m5.large"])
@pytest.mark.parametrize("autoscaled", [False, True])
def test_a_framework_model_runs_on_cpu_and_gpu(instance: str, autoscaled: bool) -> None:
    assert problems(PyTorchModel(artifact=S3), instance, autoscaled=autoscaled) == []
    assert list(region_problems(PyTorchModel(artifact=S3), instance, "eu-west-1")) == []


@pytest.mark.parametrize("instance", ["ml.t2.medium", "ml.t2.xlarge"])
def test_a_burstable_instance_runs_but_does_not_scale(instance: str) -> None:
    assert problems(PyTorchModel(artifact=S3), instance) == []
    assert problems(PyTorchModel(artifact=S3), instance, autoscaled=True) == [
        (
            "autoscaling",
            f"does not work with '{instance}': SageMaker does not scale burstable instances; choose another type, such "
            "as 'ml.c6i.large', or leave 'autoscaling' out",
        )
    ]


@pytest.mark.parametrize(
    ("tag", "instance", "message"),
    [
        (
            "pytorch-inference:2.6.0-gpu-py312",
            "ml.c6i.large",
            "is built for gpu, but 'ml.c6i.large' is a cpu instance; choose a GPU instance such as 'ml.g5.xlarge', or "
            "leave 'image' out to get the image for cpu",
        ),
        (
            "pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker",
            "ml.g5.xlarge",
            "is built for cpu, but 'ml.g5.xlarge' is a gpu instance; choose a CPU instance such as 'ml.c6i.large', or "
            "leave 'image' out to get the image for gpu",
        ),
        (
            "pytorch-inference-neuronx:2.9.0-neuronx-py312",
            "ml.g5.xlarge",
            "is built for neuronx, but 'ml.g5.xlarge' is a gpu instance; choose an Inferentia2 instance such as "
            "'ml.inf2.xlarge', or leave 'image' out to get the image for gpu",
        ),
        (
            "pytorch-inference-eia:1.5.1-cpu-py3",
            "ml.g5.xlarge",
            "is built for eia, but 'ml.g5.xlarge' is a gpu instance; choose a CPU instance with an 'accelerator_type', or "
            "leave 'image' out to get the image for gpu",
        ),
    ],
)
def test_an_image_for_one_device_does_not_run_on_another(tag: str, instance: str, message: str) -> None:
    uri = f"{DLC}/{tag}"

    assert problems(PyTorchModel(artifact=S3, image=uri), instance) == [("model.image", f"'{uri}' {message}")]


@pytest.mark.parametrize(
    "uri", ["example/mine:1-gpu", "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1", "${Token[TOKEN.3]}"]
)
def test_an_image_that_does_not_say_what_it_is_built_for_runs_anywhere(uri: str) -> None:
    assert problems(ContainerModel(image=uri), "ml.c6i.large") == []


def test_an_elastic_inference_image_runs_on_a_cpu_instance() -> None:
    image = f"{DLC}/pytorch-inference-eia:1.5.1-cpu-py36"

    assert problems(PyTorchModel(artifact=S3, image=image), "ml.c6i.large") == []


@pytest.mark.parametrize(
    ("uri", "device"),
    [
        (f"{DLC}/pytorch-inference:2.6.0-gpu-py312-cu124-ubuntu22.04-sagemaker", Device.GPU),
        (f"{DLC}/djl-inference:0.36.0-lmi18.0.0-cu128", Device.GPU),
        (f"{DLC}/sagemaker-tritonserver:26.05-py3-cpu", Device.CPU),
        (f"{DLC}/pytorch-inference-neuron:1.13.1-neuron-py310", Device.NEURON),
        ("public.ecr.aws/deep-learning-containers/vllm:0.17.1-gpu-py312", Device.GPU),
        (f"{DLC}/sagemaker-tritonserver:26.05-py3", None),
        ("docker.io/library/python:3.12", None),
    ],
)
def test_the_device_is_read_from_the_tag(uri: str, device: Device | None) -> None:
    assert image_device(uri) is device


def test_the_device_that_is_read_from_any_image_of_the_catalogue_is_its_own() -> None:
    read = {
        (image.framework, image.device, image_device(f"{DLC}/{image.repository}:{tag}"))
        for image in images()
        for tag in {image.tag, image.full_tag}
    }

    assert {(framework, device) for framework, device, found in read if found is None} == {
        ("triton", Device.GPU),
        ("neo-mxnet", Device.NEURON),
        ("neo-pytorch", Device.NEURON),
        ("neo-tensorflow", Device.NEURON),
    }
    assert {each for each in read if each[2] not in (None, each[1])} == set()


def test_a_version_without_an_image_is_a_problem_of_the_version() -> None:
    assert problems(OnnxModel(artifact=S3, version="3.0"), "ml.c6i.large") == [
        (
            "model.version",
            "'3.0' is not a PyTorch version with an inference image for cpu on SageMaker; choose one of 2.6.0, 2.5.1, "
            "2.4.0, 2.3.0, 2.2.0, 2.1.0, 2.0.1, 2.0.0 and 20 older, or set 'image'",
        )
    ]


def test_a_python_that_the_version_lacks_is_a_problem_of_the_python() -> None:
    assert problems(PyTorchModel(artifact=S3, version="2.6", py_version="py39"), "ml.c6i.large") == [
        (
            "model.py_version",
            "'py39' is not a python of PyTorch 2.6.0 with an inference image for cpu on SageMaker; choose one of py312, "
            "or set 'image'",
        )
    ]


def test_a_framework_without_any_image_for_the_device_is_a_problem_of_the_instance_type() -> None:
    assert problems(LargeLanguageModel(model_id="Qwen/Qwen3-8B"), "ml.c6i.large") == [
        (
            "instance_type",
            "vLLM server has no inference image for cpu on SageMaker; it has them for gpu on SageMaker; or set 'image'",
        )
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c6i.large", "'c6i.large' lacks the prefix 'ml.'; did you mean 'ml.c6i.large'?"),
        (
            "ml.c6i.huge",
            "'ml.c6i.huge' is not a SageMaker instance type for hosting; did you mean 'ml.c6i.large', 'ml.c6i.xlarge' or "
            "'ml.c6i.8xlarge'?",
        ),
    ],
)
def test_an_instance_type_that_does_not_exist_is_the_only_problem_reported(name: str, message: str) -> None:
    assert problems(OnnxModel(artifact=S3, version="3.0"), name, autoscaled=True) == [("instance_type", message)]


def test_a_region_without_a_registry_is_a_problem_of_the_region() -> None:
    (problem,) = region_problems(OnnxModel(artifact=S3), "ml.c6i.large", "us-eats-1")

    assert problem.field == "region"
    assert problem.message.startswith(
        "'us-eats-1' has no registry with the image 'pytorch-inference:2.6.0-cpu-py312'; did you mean 'us-east-1'? It is "
        "in af-south-1, ap-east-1, "
    )


def test_an_image_of_your_own_is_not_looked_for_in_the_region() -> None:
    assert list(region_problems(ContainerModel(image="example/mine:1"), "ml.c6i.large", "us-eats-1")) == []


def test_fails_at_a_base_that_a_version_does_not_come_with() -> None:
    model = HuggingFaceModel(model_id="a/b", version="4.51", base="pytorch1.9")

    (problem,) = hosting_problems(model, "ml.g5.xlarge", autoscaled=False)
    assert problem.field == "model.base"
    assert problem.message.startswith(
        "'pytorch1.9' is not a base of Hugging Face PyTorch 4.51.3 with an inference image"
    )
