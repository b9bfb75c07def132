"""The library's own handler for ONNX models, without onnxruntime: requests in, answers out, and its place in archives."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from constructs_lib.serving.handlers.onnx.inference import input_fn, model_fn, output_fn, predict_fn
from constructs_lib.serving.models import OnnxModel
from constructs_lib.serving.packaging import file_problems, package


def slot(name: str, kind: str = "float", shape: tuple[Any, ...] = ("batch", 2)) -> SimpleNamespace:
    return SimpleNamespace(name=name, type=f"tensor({kind})", shape=list(shape))


class FakeSession:
    """Doubles each input, as onnxruntime's session would run it."""

    def __init__(self, *inputs: SimpleNamespace) -> None:
        self._inputs = inputs
        self.fed: dict[str, Any] = {}

    def get_inputs(self) -> list[SimpleNamespace]:
        return list(self._inputs)

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=f"{each.name}_doubled") for each in self._inputs]

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[Any]:
        self.fed = feeds
        if any(feed.shape[-1] != 2 for feed in feeds.values()):
            raise RuntimeError("Got invalid dimensions")
        return [feed * 2 for feed in feeds.values()]


def answer(session: FakeSession, body: str | bytes, content_type: str, accept: str) -> tuple[str | bytes, str]:
    return output_fn(predict_fn(input_fn(body, content_type), session), accept)


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_json_has_one_prediction_per_instance() -> None:
    session = FakeSession(slot("x"))

    body, content_type = answer(session, '{"instances": [[1, 2], [3, 4]]}', "application/json", "*/*")

    assert (json.loads(body), content_type) == ({"predictions": [[2.0, 4.0], [6.0, 8.0]]}, "application/json")
    assert session.fed["x"].dtype == np.float32


def test_an_input_has_the_models_type() -> None:
    session = FakeSession(slot("x", "int64"))

    body, _ = answer(session, '{"instances": [[1, 2]]}', "application/json; charset=utf-8", "application/json")

    assert json.loads(body) == {"predictions": [[2, 4]]}
    assert session.fed["x"].dtype == np.int64


def test_several_inputs_and_outputs_go_by_their_names() -> None:
    session = FakeSession(slot("ids", "int64"), slot("mask", "int64"))

    body, _ = answer(
        session, '{"instances": [{"ids": [1, 2], "mask": [1, 0]}]}', "application/json", "application/json"
    )

    assert json.loads(body) == {"predictions": [{"ids_doubled": [2, 4], "mask_doubled": [2, 0]}]}


def test_csv_is_one_instance_per_line() -> None:
    assert answer(FakeSession(slot("x")), "1,2\n3,4\n", "text/csv", "text/csv") == ("2.0,4.0\n6.0,8.0\n", "text/csv")


def test_npy_goes_both_ways() -> None:
    body, content_type = answer(
        FakeSession(slot("x")), npy(np.array([[1.5, 2.0]])), "application/x-npy", "application/x-npy"
    )

    assert content_type == "application/x-npy"
    assert isinstance(body, bytes)
    assert np.load(io.BytesIO(body)).tolist() == [[3.0, 4.0]]


def test_what_has_no_array_is_written_by_name() -> None:
    body, _ = output_fn({"label": np.array([7]), "probability": [{1: 0.25, 7: 0.75}]})

    assert json.loads(body) == {"predictions": [{"label": 7, "probability": {"1": 0.25, "7": 0.75}}]}


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("{", "application/json", r"^the request is not JSON: "),
        ("[1]", "application/json", r'^the request has no list of "instances"; expected '),
        ('{"instances": 1}', "application/json", r'^the request has no list of "instances"'),
        ('{"instances": []}', "application/json", r"^the request has no instances; expected at least one$"),
        ("", "text/csv", r"^the request has no instances"),
        (b"\xff", "text/csv", r"^the request is not UTF-8 text$"),
        (b"no array", "application/x-npy", r"^the request is not an NPY array: "),
        (npy(np.empty((0, 2))), "application/x-npy", r"^the request has no instances; expected an array"),
        ("x", "image/png", r"^Content-Type 'image/png' is not supported; use one of application/json, text/csv, "),
    ],
)
def test_fails_at_a_request_that_cannot_be_read(body: str | bytes, content_type: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        input_fn(body, content_type)


@pytest.mark.parametrize(
    ("instances", "inputs", "message"),
    [
        ([[1, "a"]], [slot("x")], r"^the instances are no array of tensor\(float\) for the input 'x' \['batch', 2\]: "),
        ([[1, 2], [3]], [slot("x")], r"^the instances are no array of tensor\(float\)"),
        ([[1, 2, 3]], [slot("x")], r"^the model takes x tensor\(float\)\['batch', 2\], got x \[1, 3\]: Got invalid"),
        ([[1, 2]], [slot("a"), slot("b")], r"^the model has several inputs; expected each instance as an object "),
        ([{"a": [1, 2]}], [slot("a"), slot("b")], r"^instance 1 of 1 has no 'b'$"),
        ([{"x": [1, 2]}, [1, 2]], [slot("x")], r"^instance 2 of 2 has no 'x'$"),
        ([[1, 2]], [slot("x", "complex64")], r"^the model's input 'x' is a tensor\(complex64\), which requests cannot"),
    ],
)
def test_fails_at_instances_that_do_not_fit(instances: Any, inputs: list[SimpleNamespace], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict_fn(instances, FakeSession(*inputs))


def test_fails_at_an_answer_that_takes_one_output() -> None:
    with pytest.raises(
        ValueError, match=r"^text/csv takes one output, and the model has a, b; accept application/json$"
    ):
        output_fn({"a": np.zeros(1), "b": np.zeros(1)}, "text/csv")


def test_fails_to_load_anything_but_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", SimpleNamespace())
    (tmp_path / "a.onnx").touch()
    (tmp_path / "b.onnx").touch()

    with pytest.raises(ValueError, match=r"must have one \.onnx file at its top, found a\.onnx, b\.onnx$"):
        model_fn(str(tmp_path))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "net.onnx").write_bytes(b"weights")
    return directory


def test_a_bare_model_is_packed_with_the_handler_and_its_requirements(bare: Path) -> None:
    archive = package(OnnxModel(artifact=str(bare)))

    with tarfile.open(archive.path) as packed:
        assert packed.getnames() == ["code/inference.py", "code/requirements.txt", "net.onnx"]
    assert package(OnnxModel(artifact=str(bare))).digest == archive.digest


def test_a_model_with_a_handler_of_its_own_keeps_it(bare: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "inference.py").write_text("")

    archive = package(OnnxModel(artifact=str(bare), source_dir=str(source)))

    with tarfile.open(archive.path) as packed:
        assert packed.getnames() == ["code/inference.py", "net.onnx"]


@pytest.mark.parametrize(
    ("files", "what"),
    [
        (["weights.bin"], "has no .onnx file at its top"),
        (["a.onnx", "b.onnx"], "has 2 .onnx files (a.onnx, b.onnx)"),
    ],
)
def test_fails_at_anything_but_one_model_for_the_handler(tmp_path: Path, files: list[str], what: str) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"weights")

    (problem,) = file_problems(OnnxModel(artifact=str(tmp_path)))
    assert str(problem) == (
        f"'artifact' '{tmp_path}' {what}, and the library's handler serves one; give an 'entry_point'"
    )


def test_fails_at_a_finished_archive_without_a_handler(tmp_path: Path, bare: Path) -> None:
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(bare, arcname=".")

    (problem,) = file_problems(OnnxModel(artifact=str(path)))
    assert str(problem) == (f"'entry_point' 'code/inference.py' is not in '{path}', which has no Python file in code/")
