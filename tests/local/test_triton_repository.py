"""Which model of a Triton repository local AWS serves, and what it says of one that Triton would not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.serving.triton_fields import FIELDS
from local_aws.hosting.server.triton_config import read_config
from local_aws.hosting.server.triton_repository import LoadError, StoredModel, find_model

IO = 'input { name: "x" data_type: TYPE_FP32 dims: 3 } output { name: "y" data_type: TYPE_FP32 dims: 3 }'
POLLED = "Poll failed for model directory 'm': "
INVALID = f"{POLLED}Invalid argument: "


def repository(directory: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return directory


def found(directory: Path, files: dict[str, str], *, is_one_of_many: bool = False) -> StoredModel:
    return find_model(repository(directory, files), is_one_of_many=is_one_of_many)


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("", [10]),
        ("version_policy { latest { num_versions: 2 } }", [10, 9]),
        ("version_policy: { all { } }", [10, 9, 2]),
        ("version_policy: { specific: { versions: [2, 4] } }", [2]),
    ],
)
def test_the_version_policy_chooses_among_the_numbered_directories(
    tmp_path: Path, policy: str, versions: list[int]
) -> None:
    files = {f"m/{version}/model.onnx": "" for version in ("2", "9", "10", "011", "v12", "old")}

    model = found(tmp_path, files | {"m/config.pbtxt": policy})

    assert model.name == "m"
    assert model.files == {version: tmp_path / "m" / str(version) / "model.onnx" for version in versions}


def test_a_configuration_may_name_the_file_or_a_directory_with_it(tmp_path: Path) -> None:
    named = found(
        tmp_path / "a",
        {"m/1/net.onnx": "", "m/config.pbtxt": 'backend: "onnxruntime" default_model_filename: "net.onnx"'},
    )
    large = found(tmp_path / "b", {"m/1/model.onnx/model.onnx": "", "m/1/model.onnx/weights": ""})

    assert named.files[1].name == "net.onnx"
    assert large.files[1].parent.name == "model.onnx"


def test_the_default_model_is_one_of_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_TRITON_DEFAULT_MODEL_NAME", "b")

    assert found(tmp_path, {"a/1/model.onnx": "", "b/1/model.onnx": ""}).name == "b"


def test_a_model_of_many_may_be_the_repository_itself_under_any_name(tmp_path: Path) -> None:
    files = {"config.pbtxt": 'name: "other"', "1/model.onnx": ""}

    assert found(tmp_path / "model", files, is_one_of_many=True).files == {1: tmp_path / "model" / "1" / "model.onnx"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("max_batchsize: 2", f'{POLLED}failed to read text proto from DIR/m/config.pbtxt: 1:1 : Message type "inference.ModelConfig" has no field named "max_batchsize".'),
        ("input { data_type: TYPE_FLOAT }", "has no value named TYPE_FLOAT"),
        ('name: "n"', f"{INVALID}unexpected directory name 'm' for model 'n', directory name must equal model name"),
        ("max_batch_size: -1", f"{INVALID}'max_batch_size' must be non-negative value for m"),
        ("max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }", f"{INVALID}dynamic batching preferred size must be <= max batch size for m"),
        ("max_batch_size: 4 dynamic_batching { preferred_batch_size: 0 }", f"{INVALID}dynamic batching preferred size must be positive for m"),
        ("input { data_type: TYPE_FP32 dims: 3 }", f"{INVALID}model input must specify 'name' for m"),
        ('output { name: "y" dims: 3 }', f"{INVALID}model output must specify 'data_type' for m"),
        ('output { name: "y" data_type: TYPE_FP32 }', f"{INVALID}model output must specify 'dims' for m"),
        (IO.replace("dims: 3", "dims: 0"), f"{INVALID}model input dimension must be integer >= 1, or -1 to indicate a variable-size dimension for m"),
        (IO.replace("dims: 3", "dims: 1 reshape { }"), f"{INVALID}model input cannot have empty reshape for non-batching model for m"),
        (IO.replace("dims: 3", "dims: [-1, 6] reshape { shape: [2, -1, 3] }"), f"{INVALID}model input has different size for dims and reshape for m"),
        ('backend: "onnxruntime" platform: "tensorrt_plan"', f"{INVALID}unexpected 'platform' and 'backend' pair, got:tensorrt_plan, onnxruntime"),
        ('platform: "ensemble"', "local AWS serves no ensembles on Triton; deploy it to AWS, or serve its ONNX models by themselves"),
        ('backend: "python"', "local AWS serves ONNX models on Triton, and the backend of 'm' is 'python'; export it to ONNX, serve it in a pytorch-inference image, or deploy it to AWS"),
        ("sequence_batching { }", "local AWS does not do 'sequence_batching' of Triton, which 'm' asks for; deploy it to AWS"),
        (IO.replace("dims: 3", "dims: 3 allow_ragged_batch: true", 1), "local AWS does not do 'allow_ragged_batch' of Triton, which 'm' asks for; deploy it to AWS"),
        ("version_policy { specific { versions: 2 } }", "at least one version must be available under the version policy of model 'm'"),
    ],
)  # fmt: skip
def test_a_configuration_that_triton_or_local_aws_refuses_is_told(tmp_path: Path, config: str, message: str) -> None:
    with pytest.raises(LoadError) as refused:
        found(tmp_path, {"m/config.pbtxt": config, "m/1/model.onnx": ""})

    assert message.replace("DIR", str(tmp_path)) in str(refused.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme.md": ""}, "No model found in model repository"),
        ({"config.pbtxt": "", "1/model.onnx": ""}, "Incorrect directory structure. Model directory needs to contain the top level folder"),
        ({"a/1/model.onnx": "", "b/1/model.onnx": ""}, "More than 1 model directory found in model repository. Either provide a single directory or set SAGEMAKER_TRITON_DEFAULT_MODEL_NAME to run the ensemble backend. Directories found in model repository: a b"),
        ({"m/model.onnx": ""}, f"{INVALID}Invalid model name: Could not determine backend for model 'm' with no backend in model configuration. Expected model name of the form 'model.<backend_name>'."),
        ({"m/1/model.pt": ""}, "local AWS serves ONNX models on Triton, and the backend of 'm' is 'pytorch'; export it to ONNX, serve it in a pytorch-inference image, or deploy it to AWS"),
        ({"m/01/model.onnx": "", "m/config.pbtxt": 'platform: "onnxruntime_onnx"'}, "at least one version must be available under the version policy of model 'm'"),
    ],
)  # fmt: skip
def test_a_repository_that_triton_or_local_aws_refuses_is_told(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    with pytest.raises(LoadError) as refused:
        found(tmp_path, files)

    assert str(refused.value) == message


def test_a_default_model_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_TRITON_DEFAULT_MODEL_NAME", "b")

    with pytest.raises(LoadError, match="Directory with provided SAGEMAKER_TRITON_DEFAULT_MODEL_NAME b does not exist"):
        found(tmp_path, {"a/1/model.onnx": ""})


def test_the_library_knows_the_fields_that_local_aws_knows(tmp_path: Path) -> None:
    model = read_config(tmp_path / "none").DESCRIPTOR.fields_by_name
    repeated = {name for name, field in model.items() if field.is_repeated}

    assert FIELDS["often"] == repeated
    assert FIELDS["once"] == set(model) - repeated
    for kind in ("input", "output"):
        assert FIELDS[kind] == set(model[kind].message_type.fields_by_name)
