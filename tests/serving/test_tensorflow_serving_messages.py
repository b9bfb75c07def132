"""The gRPC client against a server that is made of TensorFlow Serving's own messages, in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from typing import Any

import pytest

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.payload import json_payload
from constructs_lib.tools.invoke.servers import PROTOCOLS

pytestmark = pytest.mark.serving


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A prediction service whose model gives half of its input plus two, as the book's demo does."""
    import grpc
    import tensorflow as tf
    from tensorflow.core.protobuf import meta_graph_pb2
    from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

    class HalfPlusTwo(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[misc]
        def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
            if request.model_spec.name != "demo" or list(request.metadata_field) != ["signature_def"]:
                context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found: {request.model_spec.name}")
            signature = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
            signature.inputs["x"].dtype = tf.float32.as_datatype_enum
            signatures = get_model_metadata_pb2.SignatureDefMap()
            signatures.signature_def["serving_default"].CopyFrom(signature)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.metadata["signature_def"].Pack(signatures)
            return response

        def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
            if request.model_spec.version.value not in (0, 3):
                context.abort(grpc.StatusCode.NOT_FOUND, f"no version {request.model_spec.version.value}")
            given = tf.make_ndarray(request.inputs["x"])
            response = predict_pb2.PredictResponse()
            answered = tf.make_tensor_proto(given / 2 + 2)
            if given.ndim == 1:  # as TensorFlow Serving writes them unless told otherwise: number by number
                spelled = (given / 2 + 2).tolist()
                answered = tf.make_tensor_proto([], dtype=tf.float32)
                answered.ClearField("tensor_content")
                answered.float_val.extend(spelled)
                del answered.tensor_shape.dim[:]
                answered.tensor_shape.dim.add(size=len(spelled))
            response.outputs["y"].CopyFrom(answered)
            return response

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), options=[("grpc.so_reuseport", 0)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(HalfPlusTwo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def ask(address: str, document: object, **choices: Any) -> Any:
    given = {"model": "demo", "version": None, "token": None, "timeout": 30.0, **choices}
    return PROTOCOLS["tensorflow-serving-grpc"].at(address, **given).call(json_payload(document)).document()


@pytest.mark.parametrize(
    ("instances", "predictions"),
    [([1.0, 2.0, 5.0], [2.5, 3.0, 4.5]), ([[1.0], [2.0]], [[2.5], [3.0]]), ([[1.0, 1.0]] * 50, [[2.5, 2.5]] * 50)],
    ids=["spelled out", "rows", "in one piece"],
)
def test_the_books_model_is_asked_over_grpc(address: str, instances: list[Any], predictions: list[Any]) -> None:
    assert ask(address, {"instances": instances}) == {"predictions": predictions}


def test_a_version_is_asked_for(address: str) -> None:
    assert ask(address, [1.0], version="3") == {"predictions": [2.5]}
    with pytest.raises(ToolError, match=r"answers NOT_FOUND to Predict: no version 4$"):
        ask(address, [1.0], version="4")


def test_a_model_that_is_not_there_is_told(address: str) -> None:
    with pytest.raises(ToolError, match=r"answers NOT_FOUND to GetModelMetadata: Servable not found: demmo$"):
        ask(address, [1.0], model="demmo")
