"""The examples about models and images: each gives the template that its README promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk.assertions import Annotations, Match, Template

from constructs_lib.serving.images import Image
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.servers import sagemaker_image
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, new_app

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


def stack_of(example: str, outdir: Path) -> InferenceStack:
    settings = load_settings(ROOT / "examples" / example / "inference.yaml")
    return InferenceStack(new_app(outdir), "InferenceStack", settings=settings, env=FIXED)


def containers(template: Template) -> list[dict[str, Any]]:
    models = template.find_resources("AWS::SageMaker::Model").values()
    return [model["Properties"]["PrimaryContainer"] for model in models]


def variants(template: Template) -> list[dict[str, Any]]:
    configs = template.find_resources("AWS::SageMaker::EndpointConfig").values()
    return [variant for config in configs for variant in config["Properties"]["ProductionVariants"]]


def test_tensorflow_is_served_with_and_without_a_handler(tmp_path: Path) -> None:
    stack = stack_of("tensorflow", tmp_path)

    plain, handled = containers(Template.from_stack(stack))
    assert plain["Image"] == handled["Image"] == f"{ECR}/tensorflow-inference:2.20.0-cpu-py312"
    assert "Environment" not in plain
    assert handled["Environment"] == {"SAGEMAKER_TFS_ENABLE_BATCHING": "true", "SAGEMAKER_TFS_MAX_BATCH_SIZE": "16"}
    assert plain["ModelDataUrl"] == "s3://amzn-s3-demo-bucket/tensorflow/plain/model.tar.gz"
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []


def test_pytorch_is_served_with_and_without_a_handler(tmp_path: Path) -> None:
    stack = stack_of("pytorch", tmp_path)

    script, handled = containers(Template.from_stack(stack))
    assert script["Image"] == f"{ECR}/pytorch-inference:2.6.0-cpu-py312"
    assert "Environment" not in script
    assert handled["Image"] == f"{ECR}/pytorch-inference:2.6.0-gpu-py312"
    assert handled["Environment"] == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []


def test_the_books_version_of_pytorch_still_resolves() -> None:
    book = PyTorchModel(artifact="s3://my-models/model.tar.gz", version="1.11.0", py_version="py38")
    image = sagemaker_image(book, instance_type("ml.c5.xlarge"))

    assert isinstance(image, Image)
    assert (image.version, image.python) == ("1.11.0", "py38")


def test_hugging_face_is_served_from_the_hub_and_from_a_bucket(tmp_path: Path) -> None:
    hub, own = containers(Template.from_stack(stack_of("huggingface", tmp_path)))

    assert hub["Image"].startswith(f"{ECR}/huggingface-pytorch-inference:")
    assert hub["Environment"] == {
        "HF_MODEL_ID": "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        "HF_TASK": "text-classification",
    }
    assert "ModelDataUrl" not in hub
    assert own["Image"].startswith(f"{ECR}/huggingface-pytorch-inference:2.6.0-transformers4.51.3-gpu-py312")
    assert own["Environment"] == {"HF_TASK": "zero-shot-classification"}
    assert own["ModelDataUrl"] == "s3://amzn-s3-demo-bucket/topics/model.tar.gz"


def test_language_models_are_split_over_their_accelerators(tmp_path: Path) -> None:
    chat, summaries = containers(Template.from_stack(stack_of("llm", tmp_path)))

    assert chat["Environment"] == {
        "SM_VLLM_MODEL": "Qwen/Qwen3-8B",
        "SM_VLLM_TENSOR_PARALLEL_SIZE": "4",
        "SM_VLLM_MAX_MODEL_LEN": "16384",
    }
    assert summaries["Environment"] == {"OPTION_TENSOR_PARALLEL_DEGREE": "2"}
    assert summaries["ModelDataSource"]["S3DataSource"]["S3Uri"] == "s3://amzn-s3-demo-bucket/qwen3-8b/"


def test_language_models_get_a_host_with_a_new_driver_and_time_to_start(tmp_path: Path) -> None:
    for variant in variants(Template.from_stack(stack_of("llm", tmp_path))):
        assert variant["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
        assert variant["ModelDataDownloadTimeoutInSeconds"] == 3600
        assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 3600


def test_other_models_leave_the_host_to_sagemaker(tmp_path: Path) -> None:
    for variant in variants(Template.from_stack(stack_of("pytorch", tmp_path))):
        assert set(variant) == {
            "VariantName",
            "ModelName",
            "InstanceType",
            "InitialInstanceCount",
            "InitialVariantWeight",
        }


def test_a_bare_onnx_file_is_an_endpoint(tmp_path: Path) -> None:
    stack = stack_of("onnx", tmp_path)

    (double,) = containers(Template.from_stack(stack))
    assert double["Image"] == f"{ECR}/pytorch-inference:2.6.0-cpu-py312"
    assert double["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []


def test_a_private_network_is_said_in_the_settings(tmp_path: Path) -> None:
    template = Template.from_stack(stack_of("private-network", tmp_path))

    template.has_resource_properties("AWS::SageMaker::Model", {"EnableNetworkIsolation": True})
    _, own = containers(template)
    assert own["Image"] == "registry.example.com/models/ranking:1.4"
    assert own["ImageConfig"]["RepositoryAccessMode"] == "Vpc"
