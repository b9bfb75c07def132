"""The open inference protocol as Triton speaks it: JSON, the binary extension, and what is refused."""

from __future__ import annotations

import json
import struct
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.hosting.server.triton import TritonWorker
from local_aws.hosting.server.triton_model import LoadedModel
from local_aws.hosting.server.triton_request import BINARY
from local_aws.hosting.server.triton_tensors import Slot
from local_aws.hosting.server.workers import Answer

JSON = "application/json"
UNKNOWN = "[request id: <id_unknown>] "
NOTE = (
    " NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each "
    "input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting "
    "max_batch_size to zero. See the model configuration docs for more info on max_batch_size."
)


class Doubling:
    """A session that gives each input twice."""

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[Any]:
        if any(array.shape[-1:] == (13,) for array in feeds.values()):
            raise RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions")
        return [feeds[name.removesuffix("_out")] * 2 for name in names]


def worker(*slots: Slot, max_batch_size: int = 4, is_one_of_many: bool = False) -> TritonWorker:
    inputs = slots or (Slot("x", "FP32", (-1,)),)
    outputs = [Slot(f"{slot.name}_out", slot.datatype, slot.dims, slot.reshape) for slot in inputs]
    model = LoadedModel(
        name="double",
        version=3,
        max_batch_size=max_batch_size,
        inputs={slot.name: slot for slot in inputs},
        outputs={slot.name: slot for slot in outputs},
        session=Doubling(),
    )
    return TritonWorker(model, is_one_of_many=is_one_of_many)


def ask(served: TritonWorker, body: object, content_type: str = JSON, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return served.invoke({"Content-Type": content_type, **headers}, data, lambda _part: None)


def tensor(data: object = ((1, 2, 5),), shape: object = (1, 3), datatype: object = "FP32", **others: object) -> Any:
    return {"name": "x", "datatype": datatype, "shape": shape, "data": data} | others


def binary(document: object, data: bytes) -> tuple[bytes, str]:
    head = json.dumps(document).encode()
    return head + data, f"{BINARY}{len(head)}"


def test_json_is_answered_with_json() -> None:
    answer = ask(worker(), {"id": "q7", "inputs": [tensor()]})

    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert json.loads(answer.body) == {
        "id": "q7",
        "model_name": "double",
        "model_version": "3",
        "outputs": [{"name": "x_out", "datatype": "FP32", "shape": [1, 3], "data": [2.0, 4.0, 10.0]}],
    }


@pytest.mark.parametrize("data", [[1, 2, 5], [[1, 2, 5]], [[1], [2, [5]]]])
def test_data_may_be_nested_in_any_way(data: object) -> None:
    answer = json.loads(ask(worker(), {"inputs": [tensor(data)]}).body)

    assert answer["outputs"][0]["data"] == [2.0, 4.0, 10.0]


def test_binary_tensors_go_both_ways() -> None:
    sent = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
    document = {"inputs": [sent], "outputs": [{"name": "x_out", "parameters": {"binary_data": True}}]}

    answer = ask(worker(), *binary(document, np.array([1, 2], np.float32).tobytes()))

    kind, size = answer.headers["Content-Type"].rsplit("=", 1)
    head, data = json.loads(answer.body[: int(size)]), answer.body[int(size) :]
    assert f"{kind}=" == BINARY
    assert head["outputs"] == [
        {"name": "x_out", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
    ]
    assert np.frombuffer(data, np.float32).tolist() == [2, 4]


def test_half_precision_is_binary_only() -> None:
    served = worker(Slot("x", "FP16", (-1,)))
    sent = {"name": "x", "datatype": "FP16", "shape": [1, 2], "parameters": {"binary_data_size": 4}}
    data = np.array([1, 2], np.float16).tobytes()

    asked = ask(served, *binary({"inputs": [sent], "parameters": {"binary_data_output": True}}, data))
    in_json = ask(served, *binary({"inputs": [sent]}, data))

    assert asked.body.endswith(np.array([2, 4], np.float16).tobytes())
    assert json.loads(in_json.body) == {
        "error": "sending FP16 data via JSON is not supported. Please use the binary data format for output"
    }
    assert json.loads(ask(served, {"inputs": [tensor(datatype="FP16")]}).body) == {
        "error": "receiving FP16 data via JSON is not supported. Please use the binary data format for input x"
    }


def test_texts_are_bytes_with_their_length_in_the_binary_form() -> None:
    served = worker(Slot("x", "BYTES", (-1,)))
    data = b"".join(struct.pack("<I", len(text)) + text for text in ("ä".encode(), b""))
    sent = {"name": "x", "datatype": "BYTES", "shape": [1, 2], "parameters": {"binary_data_size": len(data)}}

    in_json = json.loads(ask(served, *binary({"inputs": [sent]}, data)).body)
    in_binary = ask(
        served, {"inputs": [tensor(["ä", ""], [1, 2], "BYTES")], "parameters": {"binary_data_output": True}}
    )

    assert in_json["outputs"][0]["data"] == ["ää", ""]
    assert in_binary.body.endswith(struct.pack("<I", 4) + "ää".encode() + struct.pack("<I", 0))


def test_integers_are_cast_as_triton_casts_them() -> None:
    answer = json.loads(ask(worker(Slot("x", "INT8", (-1,))), {"inputs": [tensor([130, -1], [1, 2], "INT8")]}).body)

    assert answer["outputs"][0]["data"] == [4, -2]  # 130 is -126, and twice that is 4 again


def test_a_reshape_is_undone_in_the_answer() -> None:
    rows = ask(worker(Slot("x", "FP32", (1,), ())), {"inputs": [tensor([1, 2], [2, 1])]})
    free = ask(worker(Slot("x", "FP32", (-1, 2), (2, -1)), max_batch_size=0), {"inputs": [tensor([1] * 6, [3, 2])]})

    assert json.loads(rows.body)["outputs"][0]["shape"] == [2, 1]
    assert json.loads(free.body)["outputs"][0]["shape"] == [3, 2]


def test_an_optional_input_may_be_left_out() -> None:
    served = worker(Slot("x", "FP32", (3,)), Slot("z", "FP32", (3,), optional=True), max_batch_size=0)

    answer = ask(served, {"inputs": [tensor([1, 2, 5], [3])], "outputs": [{"name": "x_out"}]})

    assert json.loads(answer.body)["outputs"][0]["data"] == [2.0, 4.0, 10.0]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"1,2,5", 500, "failed to parse the request JSON buffer: Extra data: line 1 column 2 (char 1)"),
        ([], 500, "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
        ({"instances": [[1]]}, 500, "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
        ({"inputs": {}}, 500, "Unable to parse 'inputs': attempt to access JSON non-array as array"),
        ({"inputs": [{"data": [1]}]}, 500, "Unable to parse 'name': attempt to access non-existing object member 'name'"),
        ({"inputs": [tensor(datatype=7)]}, 500, "Unable to parse 'datatype': attempt to access JSON non-string as string"),
        ({"inputs": [tensor(shape=[-1, 3])]}, 500, "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer"),
        ({"inputs": [tensor(["a", "b", "c"])]}, 500, "Unable to parse 'data': attempt to access JSON non-number as double"),
        ({"inputs": [tensor([True, 1, 2])]}, 500, "Unable to parse 'data': attempt to access JSON non-number as double"),
        ({"inputs": [tensor([1.5, 1, 2], datatype="INT64")]}, 500, "Unable to parse 'data': attempt to access JSON non-signed-integer as signed-integer"),
        ({"inputs": [tensor([-1, 1, 2], datatype="UINT8")]}, 500, "Unable to parse 'data': attempt to access JSON non-unsigned-integer as unsigned-integer"),
        ({"inputs": [tensor([1, 2])]}, 500, "Unable to parse 'data': Shape does not match true shape of 'data' field"),
        ({"inputs": [tensor(datatype="float")]}, 400, "invalid datatype for input x"),
        ({"inputs": [tensor(parameters={"binary_data_size": 4})]}, 400, "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But set 'data' 'binary_data_size'"),
        ({"inputs": [{"name": "x"}]}, 400, "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But no field is set"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"shared_memory_region": "r"}}]}, 400, "Unable to find shared memory region: 'r'"),
        ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}]}, 400, "unexpected size for input 'x', expecting 8 additional bytes for model 'double'"),
        ({"inputs": [tensor(), tensor()]}, 400, "input 'x' already exists in request"),
        ({"inputs": []}, 400, f"{UNKNOWN}expected 1 inputs but got 0 inputs for model 'double'. Got inputs [], but missing required inputs ['x']. Please provide all required inputs."),
        ({"inputs": [tensor(name="z")]}, 400, f"{UNKNOWN}unexpected inference input 'z' for model 'double'"),
        ({"inputs": [tensor()], "outputs": [{"name": "z"}]}, 400, f"{UNKNOWN}unexpected inference output 'z' for model 'double'"),
        ({"inputs": [tensor()], "outputs": [{"name": "x_out", "parameters": {"classification": 2}}]}, 501, "local AWS gives no 'classification' of output 'x_out'; ask for the output itself"),
        ({"inputs": [tensor(datatype="FP64")]}, 400, f"{UNKNOWN}inference input 'x' data-type is 'FP64', but model 'double' expects 'FP32'"),
        ({"id": "7", "inputs": [tensor(shape=[3])]}, 400, f"[request id: 7] unexpected shape for input 'x' for model 'double'. Expected [-1,-1], got [3].{NOTE}"),
        ({"inputs": [tensor([1], [])]}, 400, f"{UNKNOWN}input 'x' has no shape but model requires batch dimension for 'double'"),
        ({"inputs": [tensor([1] * 5, [5, 1])]}, 400, f"{UNKNOWN}inference request batch-size must be <= 4 for 'double'"),
        ({"inputs": [tensor([], [0, 2**63])]}, 400, f"{UNKNOWN}the shape is too large for inference input 'x' for model 'double'"),
        ({"inputs": [tensor([1] * 13, [1, 13])]}, 400, "onnx runtime error 2: Got invalid dimensions"),
    ],
)  # fmt: skip
def test_a_request_that_triton_refuses_is_refused_in_its_words(body: object, status: int, message: str) -> None:
    answer = ask(worker(), body)

    assert (answer.status, json.loads(answer.body)) == (status, {"error": message})
    assert answer.phrase == HTTPStatus(status).phrase


@pytest.mark.parametrize(
    ("size", "data", "message"),
    [
        (8, b"1234", "unexpected size for input 'x', expecting 4 additional bytes for model 'double'"),
        (4, b"1234", f"{UNKNOWN}input byte size mismatch for input 'x' for model 'double'. Expected 8, got 4"),
        (8, b"123456789", "unexpected additional input data for model 'double'"),
    ],
)
def test_binary_data_of_another_size_is_refused(size: int, data: bytes, message: str) -> None:
    sent = {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": size}}

    answer = ask(worker(), *binary({"inputs": [sent]}, data))

    assert (answer.status, json.loads(answer.body)) == (400, {"error": message})


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (struct.pack("<I", 9) + b"a", 400, f"{UNKNOWN}incomplete string data for inference input 'x' for model 'double': a text is cut off"),
        (struct.pack("<I", 1) + b"a", 400, f"{UNKNOWN}expected 2 string elements for inference input 'x' for model 'double', got 1"),
        (struct.pack("<I", 1) + b"\xff", 501, f"{UNKNOWN}local AWS takes texts in UTF-8, and inference input 'x' for model 'double' has another"),
    ],
)  # fmt: skip
def test_texts_that_are_cut_off_too_few_or_no_texts_are_refused(data: bytes, status: int, message: str) -> None:
    sent = {"name": "x", "datatype": "BYTES", "shape": [1, 2], "parameters": {"binary_data_size": len(data)}}

    answer = ask(worker(Slot("x", "BYTES", (2,))), *binary({"inputs": [sent]}, data))

    assert (answer.status, json.loads(answer.body)) == (status, {"error": message})


@pytest.mark.parametrize(
    ("size", "status", "message"),
    [
        ("99", 400, "inference header size should be in range (0, 2), got: 99"),
        ("two", 400, "inference header size should be in range (0, 2), got: two"),
        ("0", 501, "local AWS takes no raw binary requests: a request has JSON"),
    ],
)
def test_a_json_size_that_is_none_is_refused(size: str, status: int, message: str) -> None:
    answer = ask(worker(), b"{}", f"{BINARY}{size}")

    assert (answer.status, json.loads(answer.body)) == (status, {"error": message})


def test_inputs_of_other_batch_sizes_are_refused() -> None:
    served = worker(Slot("x", "FP32", (1,)), Slot("z", "FP32", (1,)))

    answer = ask(served, {"inputs": [tensor([1], [1, 1]), tensor([1, 2], [2, 1], name="z")]})

    assert json.loads(answer.body) == {
        "error": f"{UNKNOWN}input 'z' batch size does not match other inputs for 'double'"
    }


def test_one_of_many_models_has_the_name_that_it_is_asked_for_by_and_refuses_with_400() -> None:
    served = worker(is_one_of_many=True)
    target = {"X-Amzn-SageMaker-Target-Model": "team/double.tar.gz"}

    assert json.loads(ask(served, {"inputs": [tensor()]}, **target).body)["model_name"] == "team/double.tar.gz"
    assert ask(served, b"{", **target).status == 400


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "name", "shape", "parameters"]), inner), max_leaves=6
)  # fmt: skip
_ANY_TENSOR = st.fixed_dictionaries(
    {"name": st.just("x") | _ANY_JSON, "datatype": st.sampled_from(["FP32", "INT8", "BYTES", "BOOL", "FP16", "?"])},
    optional={
        "shape": st.lists(st.integers(-1, 3) | st.just(2**62), max_size=3) | _ANY_JSON,
        "data": _ANY_JSON | st.lists(st.floats(), max_size=4),
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 9)}) | _ANY_JSON,
    },
)


@given(st.fixed_dictionaries({"inputs": st.lists(_ANY_TENSOR, max_size=2) | _ANY_JSON}, optional={"outputs": _ANY_JSON, "id": _ANY_JSON}) | _ANY_JSON, st.binary(max_size=9))  # fmt: skip
def test_any_request_is_answered_or_refused(document: object, data: bytes) -> None:
    for slot in (Slot("x", "FP32", (-1,)), Slot("x", "BYTES", (-1, -1)), Slot("x", "INT8", ())):
        answer = ask(worker(slot), *binary(document, data))

        assert answer.status in (200, 400, 500, 501)
        assert answer.status == 200 or set(json.loads(answer.body)) == {"error"}
