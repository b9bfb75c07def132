"""How Triton holds an ONNX model against its configuration, and completes what the configuration leaves out."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from local_aws.hosting.server.triton_config import read_config
from local_aws.hosting.server.triton_load import load
from local_aws.hosting.server.triton_model import LoadedModel
from local_aws.hosting.server.triton_repository import LoadError, StoredModel
from local_aws.hosting.server.triton_tensors import Slot

Shape = list[int | str]


class Node(NamedTuple):
    name: str
    type: str
    shape: Shape


class FakeSession:
    """A model that has what the test says."""

    inputs: list[Node] = []  # noqa: RUF012
    outputs: list[Node] = []  # noqa: RUF012
    weights: list[Node] = []  # noqa: RUF012

    def __init__(self, path: str, providers: list[str]) -> None:
        if Path(path).read_bytes() == b"broken":
            raise RuntimeError(
                f"[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model from {path} failed:Protobuf parsing failed."
            )

    def get_inputs(self) -> list[Node]:
        return self.inputs

    def get_outputs(self) -> list[Node]:
        return self.outputs

    def get_overridable_initializers(self) -> list[Node]:
        return self.weights


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> type[FakeSession]:
    runtime: Any = ModuleType("onnxruntime")
    runtime.InferenceSession = FakeSession
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    monkeypatch.setattr(FakeSession, "inputs", [Node("x", "tensor(float)", ["batch", 3])])
    monkeypatch.setattr(FakeSession, "outputs", [Node("y", "tensor(int64)", ["batch"])])
    monkeypatch.setattr(FakeSession, "weights", [])
    return FakeSession


def loaded(directory: Path, config: str, *versions: int) -> LoadedModel:
    (directory / "config.pbtxt").write_text(config, encoding="utf-8")
    files = {version: directory / f"{version}.onnx" for version in versions or (1,)}
    for file in files.values():
        file.touch()
    return load(StoredModel("m", read_config(directory / "config.pbtxt"), files))


IO = 'input { name: "x" data_type: TYPE_FP32 dims: 3 } output { name: "y" data_type: TYPE_INT64 dims: 1 reshape { } }'


def test_what_is_left_out_is_completed_with_batches_of_four(tmp_path: Path) -> None:
    model = loaded(tmp_path, "")

    assert model.max_batch_size == 4
    assert model.inputs == {"x": Slot("x", "FP32", (3,))}
    assert model.outputs == {"y": Slot("y", "INT64", (1,), ())}


def test_a_model_of_a_fixed_size_is_completed_without_batches(tmp_path: Path, session: type[FakeSession]) -> None:
    session.outputs = [Node("y", "tensor(string)", [2, "labels"]), Node("loss", "tensor(double)", [])]

    model = loaded(tmp_path, "")

    assert model.max_batch_size == 0
    assert model.inputs == {"x": Slot("x", "FP32", (-1, 3))}
    assert model.outputs == {"y": Slot("y", "BYTES", (2, -1)), "loss": Slot("loss", "FP64", (1,), ())}


def test_a_configuration_is_taken_as_it_is_and_the_newest_version_answers(tmp_path: Path) -> None:
    model = loaded(tmp_path, f"max_batch_size: 16 {IO}", 2, 10)

    assert (model.name, model.version, model.max_batch_size) == ("m", 10, 16)


def test_a_weight_may_be_an_optional_input(tmp_path: Path, session: type[FakeSession]) -> None:
    session.weights = [Node("w", "tensor(float)", [3])]
    weight = 'input { name: "w" data_type: TYPE_FP32 dims: 3 optional: true }'
    config = IO.replace("dims: 3", "dims: [-1, 3]").replace("dims: 1 reshape { }", "dims: -1")

    assert loaded(tmp_path, f"{config} {weight}").inputs["w"] == Slot("w", "FP32", (3,), optional=True)
    with pytest.raises(LoadError, match="optional input 'w' is not supported for models that support batching"):
        loaded(tmp_path, f"max_batch_size: 4 {IO} {weight}")


UNABLE = "Invalid argument: unable to load model 'm', "


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (IO.replace('"x"', '"z"'), "Invalid argument: unexpected inference input 'z', allowed inputs are: x"),
        (IO.replace('"y"', '"z"'), "Invalid argument: unexpected inference output 'z', allowed outputs are: y"),
        (IO + 'input { name: "z" data_type: TYPE_FP32 dims: 3 }', f"{UNABLE}configuration expects 2 inputs, model provides 1"),
        (IO.replace("FP32", "FP64"), f"{UNABLE}configuration expects datatype TYPE_FP64 for input 'x', model provides TYPE_FP32"),
        (IO.replace("FP32", "BF16"), "Internal: unsupported datatype TYPE_BF16 for input 'x' for model 'm'"),
        (IO.replace("dims: 3", "dims: 4"), "Invalid argument: model 'm', tensor 'x': the model expects 2 dimensions (shape [-1,3]) but the model configuration specifies 2 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,4])"),
        (IO.replace("dims: 3", "dims: -1"), "Invalid argument: model 'm', tensor 'x': the model expects 2 dimensions (shape [-1,3]) but the model configuration specifies 2 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,-1])"),
    ],
)  # fmt: skip
def test_a_configuration_that_does_not_fit_the_model_is_refused_in_tritons_words(
    tmp_path: Path, config: str, message: str
) -> None:
    with pytest.raises(LoadError) as refused:
        loaded(tmp_path, f"max_batch_size: 4 {config}")

    assert str(refused.value) == f"failed to load 'm' version 1: {message}"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (IO, "Invalid argument: model 'm', tensor 'x': the model expects 2 dimensions (shape [2,3]) but the model configuration specifies 1 dimensions (shape [3])"),
        (f"max_batch_size: 4 {IO}", "Invalid argument: model 'm', tensor 'x': for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1; but shape expected by the model is [2,3]"),
        ("max_batch_size: 4", "Invalid argument: autofill failed for model 'm': model does not support batching while non-zero max_batch_size is specified"),
        ('output { name: "y" data_type: TYPE_INT64 dims: 2 }', "Invalid argument: model 'm', tensor 'y': the model expects 1 dimensions (shape [-1]) but the model configuration specifies 1 dimensions (shape [2])"),
    ],
)  # fmt: skip
def test_a_model_of_a_fixed_size_has_no_batches(
    tmp_path: Path, session: type[FakeSession], config: str, message: str
) -> None:
    session.inputs = [Node("x", "tensor(float)", [2, 3])]

    with pytest.raises(LoadError) as refused:
        loaded(tmp_path, config)

    assert str(refused.value) == f"failed to load 'm' version 1: {message}"


@pytest.mark.parametrize(
    ("node", "config", "message"),
    [
        (Node("y", "seq(map(int64,tensor(float)))", []), "", "Unsupported: Unsupported ONNX Type 'ONNX_TYPE_SEQUENCE' for I/O 'y', expected 'ONNX_TYPE_TENSOR'."),
        (Node("y", "tensor(bfloat16)", [1]), "", "Internal: unsupported datatype TYPE_INVALID for output 'y' for model 'm'"),
        (Node("y", "tensor(float)", []), 'output { name: "y" data_type: TYPE_FP32 dims: 2 }', f"{UNABLE}scalar tensor 'y', should only provide 1 in the model configuration when the model doesn't support batching. Model configuration provided: [2]."),
    ],
)  # fmt: skip
def test_a_model_that_triton_cannot_serve_is_refused(
    tmp_path: Path, session: type[FakeSession], node: Node, config: str, message: str
) -> None:
    session.outputs = [node]

    with pytest.raises(LoadError) as refused:
        loaded(tmp_path, config)

    assert str(refused.value) == f"failed to load 'm' version 1: {message}"


def test_a_file_that_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "2.onnx").write_bytes(b"broken")

    with pytest.raises(LoadError) as broken:
        loaded(tmp_path, "", 2)
    with pytest.raises(LoadError) as missing:
        load(StoredModel("m", read_config(tmp_path / "none"), {1: tmp_path / "none.onnx"}))

    assert (
        str(broken.value)
        == f"failed to load 'm' version 2: Internal: onnx runtime error 7: Load model from {tmp_path}/2.onnx failed:Protobuf parsing failed."
    )
    assert (
        str(missing.value)
        == f"failed to load 'm' version 1: Unavailable: unable to find '{tmp_path}/none.onnx' for model instance 'm'"
    )
