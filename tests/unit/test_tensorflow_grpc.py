"""TensorFlow Serving over gRPC: a real gRPC server answers, with numbers in one piece or spelled out."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import numpy
import pytest
from model_server import nobody

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.payload import Payload, json_payload
from constructs_lib.tools.invoke.servers import PROTOCOLS, tensorflow_grpc
from constructs_lib.tools.invoke.servers.tensorflow_grpc import TensorFlowServingGrpc
from constructs_lib.tools.invoke.servers.tensorflow_messages import message
from constructs_lib.tools.invoke.target import Target

FLOAT, INT32, STRING, INT64, HALF, COMPLEX = 1, 3, 7, 9, 19, 8

Predict = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def _no_earlier_server() -> None:
    """Forget what an earlier test's server said: the next may listen on the same port."""
    tensorflow_grpc._channel.cache_clear()
    tensorflow_grpc._signature.cache_clear()


@contextmanager
def serving(predict: Predict, inputs: dict[str, int], signature: str = "serving_default") -> Iterator[str]:
    """Serve one model, which takes these inputs, and give the address."""

    def metadata(request: Any, context: grpc.ServicerContext) -> Any:
        if request.model_spec.name != "demo":
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {request.model_spec.name}")
        signatures = message("tensorflow.serving.SignatureDefMap")()
        for name, dtype in inputs.items():
            signatures.signature_def[signature].inputs[name].dtype = dtype
        response = message("tensorflow.serving.GetModelMetadataResponse")()
        response.metadata["signature_def"].value = signatures.SerializeToString()
        return response

    def handler(function: Callable[..., Any], request: str) -> grpc.RpcMethodHandler[Any, Any]:
        return grpc.unary_unary_rpc_method_handler(
            function,
            request_deserializer=message(f"tensorflow.serving.{request}").FromString,
            response_serializer=lambda each: each.SerializeToString(),
        )

    # Linux gives a port that takes several listeners to a second test as well, and answers from either.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), options=[("grpc.so_reuseport", 0)])
    methods = {
        "GetModelMetadata": handler(metadata, "GetModelMetadataRequest"),
        "Predict": handler(lambda request, _: predict(request), "PredictRequest"),
    }
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", methods)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def server_at(address: str, **choices: Any) -> Target:
    given = {"model": "demo", "version": None, "token": None, "timeout": 60.0, **choices}
    return PROTOCOLS["tensorflow-serving-grpc"].at(address, **given)


def ask(address: str, payload: Payload, **choices: Any) -> Any:
    return server_at(address, **choices).call(payload).document()


def response(**outputs: Any) -> Any:
    made = message("tensorflow.serving.PredictResponse")()
    for name, tensor in outputs.items():
        made.outputs[name].CopyFrom(tensor)
    return made


def tensor(dtype: int, shape: Sequence[int], **values: Any) -> Any:
    made = message("tensorflow.TensorProto")(dtype=dtype, **values)
    for size in shape:
        made.tensor_shape.dim.add(size=size)
    return made


def half_plus_two(request: Any) -> Any:
    """Do as the book's demo model does."""
    given = request.inputs["x"]
    array = numpy.frombuffer(given.tensor_content, dtype="float32") / 2 + 2
    return response(y=tensor(FLOAT, [dim.size for dim in given.tensor_shape.dim], float_val=array.tolist()))


def test_the_books_instances_are_predicted() -> None:
    with serving(half_plus_two, {"x": FLOAT}) as address:
        assert ask(address, json_payload({"instances": [1.0, 2.0, 5.0]})) == {"predictions": [2.5, 3.0, 4.5]}


@pytest.mark.parametrize(
    "payload",
    [
        json_payload({"inputs": {"x": [[1.0, 2.0]]}}),
        json_payload({"inputs": [[1.0, 2.0]]}),
        json_payload({"instances": [{"x": [1.0, 2.0]}]}),
        Payload(body=b"1,2\n", content_type="text/csv"),
    ],
)
def test_inputs_are_given_by_name_by_row_and_alone(payload: Payload) -> None:
    with serving(half_plus_two, {"x": FLOAT}) as address:
        assert ask(address, payload) == {"predictions": [[2.5, 3.0]]}


def test_an_array_is_sent_in_the_models_type_to_a_version_with_a_token() -> None:
    seen: list[Any] = []

    def predict(request: Any) -> Any:
        seen.append(request)
        return response(y=tensor(INT64, [1], int64_val=[3]))

    stored = io.BytesIO()
    numpy.save(stored, numpy.array([[1.0, 2.0]]))
    with serving(predict, {"x": INT32}) as address:
        payload = Payload(body=stored.getvalue(), content_type="application/x-npy")
        assert ask(address, payload, version="7", token="t") == {"predictions": [3]}

    (request,) = seen
    assert (request.model_spec.name, request.model_spec.version.value) == ("demo", 7)
    assert request.model_spec.signature_name == "serving_default"
    assert request.inputs["x"].dtype == INT32
    assert numpy.frombuffer(request.inputs["x"].tensor_content, dtype="int32").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("answered", "shown"),
    [
        (tensor(FLOAT, [2], tensor_content=numpy.array([1.5, 2.5], dtype="float32").tobytes()), [1.5, 2.5]),
        (tensor(FLOAT, [2, 2], float_val=[1.5]), [[1.5, 1.5], [1.5, 1.5]]),
        (tensor(INT32, [2], int_val=[1, 2]), [1, 2]),
        (tensor(HALF, [1], half_val=[0x3C00]), [1.0]),
        (tensor(STRING, [2], string_val=[b"cat", b"dog"]), ["cat", "dog"]),
        (tensor(FLOAT, [0], float_val=[]), []),
    ],
)
def test_outputs_are_read_however_the_server_writes_them(answered: Any, shown: list[object]) -> None:
    with serving(lambda _: response(y=answered), {"x": FLOAT}) as address:
        assert ask(address, json_payload([1.0])) == {"predictions": shown}


def test_several_outputs_are_given_by_name() -> None:
    answered = response(label=tensor(STRING, [1], string_val=[b"cat"]), score=tensor(FLOAT, [1], float_val=[0.5]))

    with serving(lambda _: answered, {"x": FLOAT}) as address:
        assert ask(address, json_payload([1.0])) == {"outputs": {"label": ["cat"], "score": [0.5]}}


def test_text_is_sent_as_strings() -> None:
    with serving(lambda request: response(y=request.inputs["x"]), {"x": STRING}) as address:
        assert ask(address, json_payload(["é", "b"])) == {"predictions": ["é", "b"]}


@pytest.mark.parametrize(
    ("inputs", "payload", "message_start"),
    [
        (
            {"a": FLOAT, "b": FLOAT},
            json_payload([1.0]),
            "the model takes a, b; give a JSON object with 'inputs' by name",
        ),
        ({"x": FLOAT}, json_payload({"inputs": {"z": 1}}), "the model takes x; wrong or missing: x, z"),
        ({"x": FLOAT}, json_payload(["one"]), "'x' takes float32: could not convert string to float: 'one'"),
        ({"x": INT64}, json_payload([10**30]), "'x' takes int64: Python int too large to convert to C long"),
        ({"x": STRING}, json_payload([{"b64": 5}]), "'x' takes strings: argument should be a bytes-like object or"),
        (
            {"x": FLOAT},
            json_payload([{"x": 1}, 5]),
            "some instances give inputs by name and some do not; give all of them in one way",
        ),
        ({"x": COMPLEX}, json_payload([1.0]), "'x' is of TensorFlow's type 8, which cannot be written from a file"),
    ],
)
def test_inputs_that_do_not_fit_are_told(inputs: dict[str, int], payload: Payload, message_start: str) -> None:
    with serving(half_plus_two, inputs) as address, pytest.raises(ToolError) as raised:
        ask(address, payload)

    assert str(raised.value).startswith(message_start)


def test_a_model_that_is_not_there_is_told_in_the_servers_words() -> None:
    with serving(half_plus_two, {"x": FLOAT}) as address, pytest.raises(ToolError) as raised:
        ask(address, json_payload([1.0]), model="demmo")

    assert str(raised.value) == f"{address} answers NOT_FOUND to GetModelMetadata: Servable not found: demmo"


def test_a_version_is_a_number() -> None:
    with serving(half_plus_two, {"x": FLOAT}) as address, pytest.raises(ToolError) as raised:
        ask(f"http://{address}", json_payload([1.0]), version="latest")

    assert str(raised.value) == "a version of TensorFlow Serving is a whole number, got --model-version latest"


def test_a_model_without_the_default_signature_is_told() -> None:
    with serving(half_plus_two, {"x": FLOAT}, signature="train") as address, pytest.raises(ToolError) as raised:
        ask(address, json_payload([1.0]))

    assert str(raised.value) == "'demo' has no signature 'serving_default'; it has train"


@pytest.mark.parametrize(
    "payload",
    [
        Payload(body=b"\x89PNG\xff", content_type="image/png"),
        json_payload([{"b64": "iVBOR/8="}]),
        json_payload({"inputs": {"x": [{"b64": "iVBOR/8="}]}}),
    ],
    ids=["image", "json", "named"],
)
def test_an_image_is_sent_as_its_bytes(payload: Payload) -> None:
    seen: list[bytes] = []

    def predict(request: Any) -> Any:
        seen.extend(request.inputs["x"].string_val)
        return response(y=tensor(INT64, [1], int64_val=[3]))

    with serving(predict, {"x": STRING}) as address:
        assert ask(address, payload) == {"predictions": [3]}

    assert seen == [b"\x89PNG\xff"]


def test_a_model_that_takes_too_long_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def predict(_: Any) -> Any:
        answered.wait(60)
        return response(y=tensor(INT64, [1], int64_val=[3]))

    with serving(predict, {"x": FLOAT}) as address, grpc.insecure_channel(address) as channel:
        # The time to connect, and to learn the inputs, is not what this is about.
        monkeypatch.setattr(tensorflow_grpc, "_channel", lambda *_: channel)
        server = server_at(address)
        assert isinstance(server, TensorFlowServingGrpc)
        inputs = server.read_signature()
        monkeypatch.setattr(tensorflow_grpc, "_signature", lambda _: inputs)
        try:
            with pytest.raises(ToolError) as raised:
                ask(address, json_payload([1.0]), timeout=0.5)
        finally:
            answered.set()

    assert str(raised.value) == f"{address} has not answered within 0.5 seconds; give it more: --timeout"


def test_an_address_where_nobody_listens_is_told_when_time_is_up() -> None:
    with nobody() as address, pytest.raises(ToolError) as raised:
        ask(address, json_payload([1.0]), timeout=0.5)

    assert str(raised.value) == f"{address} cannot be reached by gRPC within 0.5 seconds"
