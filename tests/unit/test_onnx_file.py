"""What an ONNX file takes and gives, read without the onnx package."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_bytes import FLOAT, dimension, field, graph, model, tensor, varint

from constructs_lib.serving.onnx_file import OnnxFileError, OnnxTensor, read_onnx

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("onnx") / "model.onnx"


def test_a_real_model_is_read() -> None:
    signature = read_onnx(ROOT / "examples" / "digits" / "model" / "model.onnx")

    assert signature.inputs == (OnnxTensor("images", FLOAT, (None, 1, 8, 8)),)
    assert signature.outputs == (OnnxTensor("probabilities", FLOAT, (None, 10)),)


def test_weights_that_are_listed_as_inputs_are_none(file: Path) -> None:
    weights = field(5, field(9, b"\0" * 100_000) + field(8, b"w"))
    file.write_bytes(
        model(tensor(11, "x", FLOAT, [None, 3]), tensor(11, "w", FLOAT, [3]), weights, tensor(12, "y", 7, [2]))
    )

    signature = read_onnx(file)

    assert signature.inputs == (OnnxTensor("x", FLOAT, (None, 3)),)
    assert signature.outputs == (OnnxTensor("y", 7, (2,)),)


def test_a_shape_may_be_missing_empty_or_free(file: Path) -> None:
    nameless = field(1, b"")
    file.write_bytes(
        model(
            tensor(12, "unknown", FLOAT, None),
            tensor(12, "scalar", FLOAT, []),
            field(12, field(1, b"free") + field(2, field(1, varint(1 << 3) + varint(1) + field(2, nameless)))),
            field(12, field(1, b"sequence") + field(2, field(4, b""))),
        )
    )

    assert read_onnx(file).outputs == (
        OnnxTensor("unknown", FLOAT, None),
        OnnxTensor("scalar", FLOAT, ()),
        OnnxTensor("free", FLOAT, (None,)),
        OnnxTensor("sequence", None, None),
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it has no graph"),
        (b"weights", "it is no protobuf message"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is no protobuf message"),
        (model(tensor(12, "y", FLOAT, [1]))[:-2], "it is cut off, or no protobuf message"),
        (graph(tensor(11, "x", FLOAT, [1])), "its graph has no output"),
        (b"\x08" + b"\xff" * 12, "it is no protobuf message"),
        (graph(field(12, field(1, b"n" * 20_000))), "it has a name that is too long"),
        (graph(varint(12 << 3) + varint(1)), "it is no protobuf message"),
        (graph(field(12, field(1, b"y") + field(2, field(1, field(2, varint(1 << 3) + varint(1)))))), "it is no protobuf message"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_told(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)

    with pytest.raises(OnnxFileError) as caught:
        read_onnx(file)

    assert str(caught.value) == why


@given(st.one_of(st.binary(), st.binary().map(graph), st.binary().map(lambda inner: graph(field(12, inner)))))
def test_any_bytes_are_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with suppress(OnnxFileError):
        assert read_onnx(file).outputs


def test_a_dimension_is_what_was_written(file: Path) -> None:
    file.write_bytes(graph(field(12, field(1, b"y") + field(2, field(1, field(2, dimension(5) + dimension(None)))))))

    assert read_onnx(file).outputs == (OnnxTensor("y", None, (5, None)),)
