"""Models as values: what they take, what they refuse, and in which words."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.serving.artifacts import LocalArtifact, S3Artifact
from constructs_lib.serving.models import (
    AnyModel,
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    ModelPackageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.problems import InvalidValueError

S3 = "s3://my-models/model.tar.gz"


@pytest.mark.parametrize(
    ("model", "framework"),
    [
        (TensorFlowModel(artifact=S3), "tensorflow"),
        (PyTorchModel(artifact=S3), "pytorch"),
        (OnnxModel(artifact=S3), "onnx"),
        (HuggingFaceModel(model_id="distilbert/distilbert-base-uncased"), "huggingface"),
        (LargeLanguageModel(model_id="Qwen/Qwen3-8B"), "llm"),
        (ContainerModel(image="example/mine:1"), "container"),
        (
            ModelPackageModel(model_package_arn="arn:aws:sagemaker:us-east-1:111122223333:model-package/ranking/3"),
            "model-package",
        ),
    ],
)
def test_every_kind_of_model_names_its_framework(model: AnyModel, framework: str) -> None:
    assert model.framework == framework


def test_a_model_cannot_be_changed() -> None:
    model = OnnxModel(artifact=S3)

    with pytest.raises(FrozenInstanceError):
        model.artifact = "elsewhere"  # type: ignore[misc]


def test_models_of_the_same_content_are_equal() -> None:
    assert OnnxModel(artifact=S3, version="2.6") == OnnxModel(artifact=S3, version="2.6")
    assert OnnxModel(artifact=S3) != OnnxModel(artifact=S3, version="2.6")


def test_the_location_is_the_artifact_that_was_read() -> None:
    assert PyTorchModel(artifact=S3).location == S3Artifact(bucket="my-models", key="model.tar.gz")
    assert PyTorchModel(artifact="model").location == LocalArtifact(path=Path("model"))
    assert ContainerModel(image="example/mine:1").location is None


def test_relative_paths_are_read_from_a_directory() -> None:
    model = PyTorchModel(artifact="model", source_dir="src").relative_to(Path("project"))

    assert (model.artifact, model.source_dir) == (str(Path("project/model")), str(Path("project/src")))


def test_absolute_paths_and_s3_addresses_stay_as_they_are(tmp_path: Path) -> None:
    assert OnnxModel(artifact=S3).relative_to(Path("project")).artifact == S3
    assert OnnxModel(artifact=str(tmp_path)).relative_to(Path("project")).artifact == str(tmp_path)
    assert ContainerModel(image="example/mine:1").relative_to(Path("project")).artifact is None


ONE_PROBLEM: list[tuple[type[AnyModel], dict[str, Any], str]] = [
    (
        PyTorchModel,
        {},
        "PyTorchModel: 'artifact' is missing; give the weights: a local directory, a .tar.gz or an s3:// address",
    ),
    (
        ContainerModel,
        {},
        "ContainerModel: 'image' is missing; give the URI of your container image, or a 'dockerfile_directory'",
    ),
    (
        ContainerModel,
        {"image": "example/mine 1"},
        "ContainerModel: 'image' must be the URI of a container image, without spaces, got 'example/mine 1'",
    ),
    (ContainerModel, {"image": "a" * 256}, "ContainerModel: 'image' must have at most 255 characters, got 256"),
    (
        OnnxModel,
        {"artifact": S3, "environment": {f"V{number}": "" for number in range(101)}},
        "OnnxModel: 'environment' must have at most 100 variables, got 101",
    ),
    (
        OnnxModel,
        {"artifact": S3, "environment": {"MY-VARIABLE": "1"}},
        "OnnxModel: 'environment.MY-VARIABLE' must be named with letters, digits and underscores, and not begin with a "
        "digit",
    ),
    (
        OnnxModel,
        {"artifact": S3, "environment": {"LONG": "x" * 1025}},
        "OnnxModel: 'environment.LONG' must have at most 1024 characters in its name and in its value",
    ),
    (
        OnnxModel,
        {"artifact": S3, "version": " "},
        "OnnxModel: 'version' must not be empty; leave it out for the newest version",
    ),
    (
        OnnxModel,
        {"artifact": S3, "py_version": "3.12"},
        "OnnxModel: 'py_version' must look like 'py312', got '3.12'",
    ),
    (
        OnnxModel,
        {"artifact": "model", "entry_point": "code/inference.py"},
        "OnnxModel: 'entry_point' must be the name of a Python file inside 'source_dir' or the artifact's code/, such as "
        "'inference.py', got 'code/inference.py'",
    ),
    (
        OnnxModel,
        {"artifact": S3, "source_dir": "src"},
        "OnnxModel: 'source_dir' cannot be added to an artifact that is in S3 already; put the handler into the "
        "artifact's own code/, or give the artifact as a local directory",
    ),
    (
        OnnxModel,
        {"artifact": "model.tar.gz", "source_dir": "src"},
        "OnnxModel: 'source_dir' cannot be added to a finished archive; put the handler into the artifact's own code/, "
        "or give the artifact as a local directory",
    ),
    (
        TensorFlowModel,
        {"artifact": "model", "entry_point": "handler.py"},
        "TensorFlowModel: 'entry_point' must be 'inference.py' for TensorFlow, whose container looks for no other name, "
        "got 'handler.py'; rename the file",
    ),
    (
        HuggingFaceModel,
        {},
        "HuggingFaceModel: 'model_id' is missing; give the model's name on the hub, or an 'artifact'",
    ),
    (
        LargeLanguageModel,
        {"model_id": "Qwen/Qwen3-8B", "artifact": S3},
        "LargeLanguageModel: 'model_id' and 'artifact' exclude each other; give the one that holds the weights",
    ),
    (
        LargeLanguageModel,
        {"model_id": "Qwen/Qwen3-8B", "tensor_parallel_degree": 0},
        "LargeLanguageModel: 'tensor_parallel_degree' must be at least 1, got 0",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "message"), ONE_PROBLEM)
def test_fails_in_the_words_of_the_field(kind: type[AnyModel], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        kind(**fields)

    assert str(raised.value) == message


def test_fails_with_every_problem_on_a_line_of_its_own() -> None:
    with pytest.raises(InvalidValueError) as raised:
        TensorFlowModel(artifact="ftp://x/y", version="", entry_point="serve.py", environment={"1": ""})

    assert [problem.field for problem in raised.value.problems] == [
        "artifact",
        "environment.1",
        "version",
        "entry_point",
    ]
    assert len(str(raised.value).splitlines()) == 4


def test_a_source_directory_beside_an_unreadable_artifact_adds_no_second_problem() -> None:
    with pytest.raises(InvalidValueError) as raised:
        OnnxModel(artifact="s3://x", source_dir="src")

    assert [problem.field for problem in raised.value.problems] == ["artifact"]


@pytest.mark.parametrize(
    "image", ["${Token[TOKEN.3]}", "123456789012.dkr.ecr.us-east-1.amazonaws.com/${Token[TOKEN.3]}:1"]
)
def test_an_image_that_is_a_token_is_not_checked(image: str) -> None:
    assert ContainerModel(image=image).image == image


@pytest.mark.parametrize("model_id", ["gpt2", "Qwen/Qwen3-8B", "distilbert/distilbert-base_uncased.v2"])
def test_a_name_on_the_hub_is_taken(model_id: str) -> None:
    assert HuggingFaceModel(model_id=model_id).model_id == model_id


@pytest.mark.parametrize(
    ("model_id", "hint"),
    [
        ("a/b/c", ""),
        ("a b", ""),
        ("", ""),
        ("s3://my-models/x/", "; weights in S3 or on this machine are an 'artifact'"),
        ("./model", "; weights in S3 or on this machine are an 'artifact'"),
    ],
)
def test_fails_at_a_name_that_is_not_one_of_the_hub(model_id: str, hint: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        LargeLanguageModel(model_id=model_id)

    assert str(raised.value) == (
        "LargeLanguageModel: 'model_id' must look like 'owner/name', with letters, digits, '-', '_' and '.', "
        f"got '{model_id}'{hint}"
    )


def test_fails_at_a_base_that_is_no_framework() -> None:
    with pytest.raises(InvalidValueError, match=r"^HuggingFaceModel: 'base' must look like 'pytorch2\.6', got '2\.6'$"):
        HuggingFaceModel(model_id="a/b", base="2.6")
