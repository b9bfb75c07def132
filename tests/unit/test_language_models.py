"""Large language models: how they are split over an instance, which host they need, how long they may take to start."""

from __future__ import annotations

import pytest

from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.images import Device, find_image
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.language_models import inference_ami_version, parallel_degree, parallel_units
from constructs_lib.serving.models import ContainerModel, LargeLanguageModel, PyTorchModel
from constructs_lib.serving.servers import HostNeeds, host_needs, sagemaker_environment

ECR = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"


def problems(model: LargeLanguageModel, instance: str) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in hosting_problems(model, instance, autoscaled=False)]


@pytest.mark.parametrize(
    ("instance", "units"),
    [
        ("ml.g5.xlarge", 1),
        ("ml.g5.12xlarge", 4),
        ("ml.p4d.24xlarge", 8),
        ("ml.inf2.xlarge", 2),
        ("ml.trn2.48xlarge", 64),  # 16 devices of 8 cores, of which two are taken as one
        ("ml.c6i.large", 0),
    ],
)
def test_gpus_and_neuron_cores_are_counted(instance: str, units: int) -> None:
    assert parallel_units(instance_type(instance)) == units


@pytest.mark.parametrize(("units", "degree"), [(0, 0), (1, 1), (2, 2), (6, 4), (12, 8), (24, 16), (64, 64)])
def test_a_model_is_split_by_a_power_of_two_which_its_attention_heads_divide_by(units: int, degree: int) -> None:
    assert parallel_degree(units) == degree


@pytest.mark.parametrize(
    ("server", "variable"), [("vllm", "SM_VLLM_TENSOR_PARALLEL_SIZE"), ("djl-lmi", "OPTION_TENSOR_PARALLEL_DEGREE")]
)
def test_a_model_is_split_over_all_accelerators_unless_told_otherwise(server: str, variable: str) -> None:
    instance = instance_type("ml.g5.12xlarge")
    every = LargeLanguageModel(model_id="a/b", server=server)  # type: ignore[arg-type]
    two = LargeLanguageModel(model_id="a/b", server=server, tensor_parallel_degree=2)  # type: ignore[arg-type]

    assert sagemaker_environment(every, instance)[variable] == "4"
    assert sagemaker_environment(two, instance)[variable] == "2"


def test_an_artifact_needs_no_name_of_a_model() -> None:
    model = LargeLanguageModel(artifact="s3://my-models/qwen/")

    assert sagemaker_environment(model, instance_type("ml.g5.xlarge")) == {"SM_VLLM_TENSOR_PARALLEL_SIZE": "1"}


@pytest.mark.parametrize("degree", [1, 2, 4])
def test_any_degree_up_to_the_accelerators_fits(degree: int) -> None:
    assert problems(LargeLanguageModel(model_id="a/b", tensor_parallel_degree=degree), "ml.g5.12xlarge") == []


def test_fails_at_more_accelerators_than_there_are() -> None:
    assert problems(LargeLanguageModel(model_id="a/b", tensor_parallel_degree=8), "ml.g5.12xlarge") == [
        (
            "model.tensor_parallel_degree",
            "is 8, but 'ml.g5.12xlarge' has 4 (A10G); choose a degree of at most 4, or an instance type with 8 or "
            "more, such as 'ml.g5.48xlarge', 'ml.p4d.24xlarge', 'ml.p4de.24xlarge'",
        )
    ]


def test_fails_at_more_neuron_cores_than_there_are() -> None:
    model = LargeLanguageModel(model_id="a/b", server="djl-lmi", tensor_parallel_degree=8)

    ((field, message),) = problems(model, "ml.inf2.xlarge")
    assert field == "model.tensor_parallel_degree"
    assert message.startswith("is 8, but 'ml.inf2.xlarge' has 2 (NeuronCores); choose a degree of at most 2, or ")
    assert "'ml.inf2.24xlarge'" in message


def test_fails_at_a_degree_that_no_instance_has() -> None:
    ((_, message),) = problems(LargeLanguageModel(model_id="a/b", tensor_parallel_degree=99), "ml.g5.xlarge")

    assert message == "is 99, but 'ml.g5.xlarge' has 1 (A10G); choose a degree of at most 1, or a smaller degree"


def test_fails_at_a_degree_on_an_instance_without_accelerators() -> None:
    model = LargeLanguageModel(model_id="a/b", image="example/llm:1", tensor_parallel_degree=2)

    ((_, message),) = problems(model, "ml.c6i.large")
    assert message.startswith(
        "is 2, but 'ml.c6i.large' has no accelerator; choose an instance type with 2 or more, such"
    )


@pytest.mark.parametrize(
    ("image", "host"),
    [
        (find_image("vllm-server", "2.6", device=Device.GPU), "al2023-ami-sagemaker-inference-gpu-4-1"),
        (find_image("vllm", "0.30", device=Device.GPU), "al2023-ami-sagemaker-inference-gpu-4-1"),
        (find_image("djl-lmi", "0.38", device=Device.GPU), "al2023-ami-sagemaker-inference-gpu-4-1"),
        (find_image("vllm", "0.19", device=Device.GPU), "al2-ami-sagemaker-inference-gpu-3-1"),
        (find_image("djl-lmi", "0.33", device=Device.GPU), None),
        (find_image("pytorch", "2.6", device=Device.GPU), None),
        (find_image("pytorch", "2.6", device=Device.CPU), None),
        (f"{ECR}/djl-inference:0.38.0-lmi29.0.0-cu130", "al2023-ami-sagemaker-inference-gpu-4-1"),
        ("example/mine:cu130", None),
    ],
)
def test_the_host_follows_from_the_images_cuda(image: object, host: str | None) -> None:
    assert inference_ami_version(image) == host  # type: ignore[arg-type]


def test_a_large_model_needs_a_new_driver_and_may_take_an_hour_to_start() -> None:
    needs = host_needs(LargeLanguageModel(model_id="a/b"), instance_type("ml.g5.xlarge"))

    assert needs == HostNeeds(inference_ami_version="al2023-ami-sagemaker-inference-gpu-4-1", start_up_seconds=3600)


def test_other_models_need_nothing_of_their_hosts() -> None:
    pytorch = PyTorchModel(artifact="s3://b12/m.tar.gz")

    assert host_needs(pytorch, instance_type("ml.c6i.large")) == HostNeeds()
    assert host_needs(pytorch, instance_type("ml.g5.xlarge")) == HostNeeds()
    assert host_needs(ContainerModel(image="example/mine:1"), instance_type("ml.g5.xlarge")) == HostNeeds()
