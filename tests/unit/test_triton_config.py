"""Triton's config.pbtxt: made from an ONNX file, or held against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.onnx_file import OnnxSignature, OnnxTensor
from constructs_lib.serving.text_proto import parse_text_proto
from constructs_lib.serving.triton_config import config_problems, render_config, signature_problems


def signature(*outputs: OnnxTensor, shape: tuple[int | None, ...] = (None, 3)) -> OnnxSignature:
    return OnnxSignature((OnnxTensor("x", 1, shape),), outputs or (OnnxTensor("y", 7, shape),))


BATCHED = signature()
FIXED = signature(shape=(1, 3))


def test_a_configuration_says_what_the_file_says() -> None:
    assert render_config("ranking", BATCHED, 16) == (
        'name: "ranking"\n'
        'backend: "onnxruntime"\n'
        "max_batch_size: 16\n"
        'input [\n  {\n    name: "x"\n    data_type: TYPE_FP32\n    dims: [3]\n  }\n]\n'
        'output [\n  {\n    name: "y"\n    data_type: TYPE_INT64\n    dims: [3]\n  }\n]\n'
        "dynamic_batching { }\n"
    )


@pytest.mark.parametrize(
    ("model", "asked", "size", "dims"), [(BATCHED, None, 4, [3]), (FIXED, None, 0, [1, 3]), (BATCHED, 0, 0, [-1, 3])]
)
def test_rows_are_joined_where_the_first_dimension_is_free(
    model: OnnxSignature, asked: int | None, size: int, dims: list[int]
) -> None:
    config = parse_text_proto(render_config("m", model, asked))

    assert config["max_batch_size"] == [size]
    assert config["input"][0]["dims"] == dims
    assert ("dynamic_batching" in config) is (size > 0)


def test_empty_dims_are_written_as_triton_takes_them() -> None:
    config = parse_text_proto(render_config("m", signature(OnnxTensor("label", 7, (None,))), None))

    assert config["output"][0]["dims"] == [1]
    assert config["output"][0]["reshape"] == [{"shape": []}]


def test_a_single_number_is_one_element_without_a_reshape() -> None:
    config = parse_text_proto(render_config("m", signature(OnnxTensor("loss", 1, ())), None))

    assert config["max_batch_size"] == [0]
    assert config["output"][0]["dims"] == [1]
    assert "reshape" not in config["output"][0]


def test_a_configuration_that_was_made_fits_its_model() -> None:
    for model in (BATCHED, FIXED, signature(OnnxTensor("label", 7, (None,))), signature(OnnxTensor("loss", 1, ()))):
        assert list(signature_problems(model, None)) == []
        assert list(config_problems(parse_text_proto(render_config("m", model, None)), model)) == []


@pytest.mark.parametrize(
    ("output", "size", "message"),
    [
        (OnnxTensor("p", None, None), None, "its output 'p' is no tensor, and Triton serves tensors only; export it without (zipmap=False, for one)"),
        (OnnxTensor("p", 14, (1,)), None, "its output 'p' has the element type 14, which Triton does not serve"),
        (OnnxTensor("p", 16, (1,)), None, "its output 'p' has the element type 16, which Triton does not serve"),
        (OnnxTensor("p", 1, None), None, "its output 'p' has no shape; export it with one, or write a config.pbtxt: see 'server'"),
        (OnnxTensor("p", 1, (2,)), 8, "its output 'p' has no free first dimension, so that requests cannot be joined; export it with one, or set 'max_batch_size' to 0"),
    ],
)  # fmt: skip
def test_what_triton_cannot_serve_is_told(output: OnnxTensor, size: int | None, message: str) -> None:
    assert list(signature_problems(signature(output), size)) == [message]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('output { name: "z" }', "has the output 'z', and the model has 'y'"),
        ('input { name: "z" data_type: TYPE_FP32 dims: [3] }', "has the input 'z', and the model has 'x'"),
        ('output { name: "y" data_type: TYPE_FP32 dims: [3] }', "gives the output 'y' the data_type TYPE_FP32, and the model's is TYPE_INT64"),
        ('output { name: "y" }', "gives the output 'y' no data_type; gives the output 'y' no dims"),
        ('input { name: "x" data_type: TYPE_FP32 dims: [4] }', "gives the input 'x' the dims [4], and the model's dims are [3], without the first, by which 'max_batch_size' joins"),
        ('input { name: "x" data_type: TYPE_FP32 dims: [-1] }', "gives the input 'x' the dims [-1], and the model's dims are [3], without the first, by which 'max_batch_size' joins"),
        ('input { name: "x" data_type: TYPE_FP32 dims: [3] } output { name: "y" data_type: TYPE_INT64 dims: [-1, 3] }', "gives the input 'x' the dims [3], and the model's dims are [-1, 3]"),
        ('output { name: "y" data_type: TYPE_INT64 dims: [8, 3] } input { name: "x" data_type: TYPE_FP32 dims: [8, 3] }', "gives the output 'y' the dims [8, 3], and the model's dims are [-1, 3]"),
        ('input { name: "x" data_type: TYPE_FP32 dims: [4] reshape { shape: [2, 2] } }', "gives the input 'x' the reshape [2, 2], and the model's dims are [3], without the first, by which 'max_batch_size' joins"),
    ],
)  # fmt: skip
def test_a_configuration_of_the_users_is_held_against_the_model(config: str, message: str) -> None:
    assert "; ".join(config_problems(parse_text_proto(config), BATCHED)) == message


_VALUES = st.sampled_from(
    ["x", "y", "TYPE_FP32", "3", "-1", "[]", "[3, -1]", "{ }", "{ shape: [3] }", '"x"', "{ name: 1 }"]
)
_FIELDS = st.tuples(st.sampled_from(["name", "data_type", "dims", "reshape", "optional"]), _VALUES)
_SLOTS = st.lists(_FIELDS, max_size=5).map(lambda fields: " ".join(f"{name}: {value}" for name, value in fields))


@given(
    st.lists(st.tuples(st.sampled_from(["input", "output"]), _SLOTS), max_size=3), st.sampled_from(["", "0", "8", "x"])
)
def test_any_configuration_is_read_or_told(slots: list[tuple[str, str]], size: str) -> None:
    text = " ".join(f"{kind} {{ {fields} }}" for kind, fields in slots) + (f" max_batch_size: {size}" if size else "")

    assert all(isinstance(problem, str) for problem in config_problems(parse_text_proto(text), BATCHED))


def test_an_output_without_a_free_dimension_keeps_rows_from_being_joined() -> None:
    model = signature(OnnxTensor("total", 1, (3,)))
    config = parse_text_proto('input { name: "x" data_type: TYPE_FP32 dims: [-1, 3] }')

    assert list(config_problems(config, model)) == []


def test_an_input_that_is_left_out_is_told() -> None:
    model = OnnxSignature((*BATCHED.inputs, OnnxTensor("mask", 9, (None, 3))), BATCHED.outputs)
    config = parse_text_proto('input { name: "x" data_type: TYPE_FP32 dims: [3] }')

    assert list(config_problems(config, model)) == ["has no input 'mask', which the model needs"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: [3] }', "has a 'max_batch_size', and the input 'x' of the model has no free first dimension for it"),
        ('input { name: "x" data_type: TYPE_FP32 dims: [1] reshape { } }', "gives the input 'x' an empty reshape, which takes a 'max_batch_size'"),
    ],
)  # fmt: skip
def test_a_model_without_a_free_dimension_has_no_batches(config: str, message: str) -> None:
    assert list(config_problems(parse_text_proto(config), FIXED)) == [message]


def test_a_configuration_may_leave_open_or_narrow_what_the_model_leaves_open() -> None:
    output = 'output { name: "y" data_type: TYPE_INT64 dims: [-1, 3] }'
    for text in (
        "",
        'input { name: "x" data_type: TYPE_FP32 dims: [3] }',
        f'input {{ name: "x" data_type: TYPE_FP32 dims: [8, 3] }} {output}',
        f'input {{ name: "x" data_type: TYPE_FP32 dims: [-1, 3, 1] reshape {{ shape: [-1, 3] }} }} {output}',
    ):
        assert list(config_problems(parse_text_proto(text), BATCHED)) == []
