"""TensorFlow Serving over gRPC.

Source: tensorflow/serving, tensorflow_serving/apis/prediction_service.proto.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from constructs_lib.tools.brief import brief
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import JSON, Payload
from constructs_lib.tools.invoke.servers import ModelServer

_SERVICE = "/tensorflow.serving.PredictionService/"
_SIGNATURE = "serving_default"
_CONNECTING = 10.0  # seconds, at most, until there is a connection
_MESSAGE_MAX = 256 << 20  # bytes; gRPC's own limit of 4 MB is below what models take and give

# tensorflow/core/framework/types.proto
_STRING, _HALF = 7, 19
_NUMPY_TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    9: "int64",
    10: "bool",
    17: "uint16",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
# Where a tensor's numbers are when they are spelled out one by one; all smaller integers are in int_val.
_VALUES = {
    1: "float_val",
    2: "double_val",
    9: "int64_val",
    10: "bool_val",
    _HALF: "half_val",
    22: "uint32_val",
    23: "uint64_val",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowServingGrpc(ModelServer):
    """TensorFlow Serving's prediction service.

    The model says which inputs it takes, and of which types. A JSON object with ``inputs`` (or ``instances`` that are
    objects) gives them by name; anything else is the only one.
    """

    def call(self, payload: Payload) -> Answer:
        """Ask for predictions."""
        from constructs_lib.tools.invoke.servers.tensorflow_messages import message

        asked = _signature(self)
        request = message("tensorflow.serving.PredictRequest")(model_spec=self._spec())
        for name, values in _by_name(payload, sorted(asked)).items():
            request.inputs[name].CopyFrom(_tensor(name, values, asked[name]))
        response = self._ask("Predict", request, "tensorflow.serving.PredictResponse")
        outputs = {name: _values(tensor) for name, tensor in sorted(response.outputs.items())}
        shown = {"predictions": next(iter(outputs.values()))} if len(outputs) == 1 else {"outputs": outputs}
        return Answer(body=json.dumps(shown).encode(), content_type=JSON)

    def _spec(self) -> Any:
        from constructs_lib.tools.invoke.servers.tensorflow_messages import message

        spec = message("tensorflow.serving.ModelSpec")(name=self.named_model(), signature_name=_SIGNATURE)
        if self.version is not None:
            if not self.version.isdecimal():
                raise ToolError(
                    f"a version of TensorFlow Serving is a whole number, got --model-version {self.version}"
                )
            spec.version.value = int(self.version)
        return spec

    def read_signature(self) -> Mapping[str, Any]:
        """Ask the server which inputs the model takes."""
        from constructs_lib.tools.invoke.servers.tensorflow_messages import message

        request = message("tensorflow.serving.GetModelMetadataRequest")(
            model_spec=self._spec(), metadata_field=["signature_def"]
        )
        response = self._ask("GetModelMetadata", request, "tensorflow.serving.GetModelMetadataResponse")
        signatures = message("tensorflow.serving.SignatureDefMap")()
        signatures.ParseFromString(response.metadata["signature_def"].value)
        if _SIGNATURE not in signatures.signature_def:
            known = ", ".join(sorted(signatures.signature_def)) or "none"
            raise ToolError(f"'{self.model}' has no signature '{_SIGNATURE}'; it has {known}")
        return dict(signatures.signature_def[_SIGNATURE].inputs)

    def _ask(self, method: str, request: Any, response: str) -> Any:
        import grpc

        from constructs_lib.tools.invoke.servers.tensorflow_messages import message

        call = _channel(self.url, min(self.timeout, _CONNECTING)).unary_unary(
            f"{_SERVICE}{method}",
            request_serializer=lambda each: each.SerializeToString(),
            response_deserializer=message(response).FromString,
        )
        metadata = [*self.headers.items()]
        try:
            return call(request, timeout=self.timeout, metadata=metadata, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise ToolError(
                    f"{self.url} has not answered within {self.timeout:g} seconds; give it more: --timeout"
                ) from error
            raise ToolError(
                f"{self.url} answers {error.code().name} to {method}: {brief(error.details() or '')}"
            ) from error


@cache
def _channel(url: str, wait: float) -> Any:
    """Give the connection to a server, which is kept as long as the process lives."""
    import grpc

    sizes = [("grpc.max_receive_message_length", _MESSAGE_MAX), ("grpc.max_send_message_length", _MESSAGE_MAX)]
    address = url.removeprefix("grpc://").removeprefix("http://").rstrip("/")
    channel = grpc.insecure_channel(address, options=sizes)
    try:
        grpc.channel_ready_future(channel).result(timeout=wait)
    except grpc.FutureTimeoutError as error:
        channel.close()
        raise ToolError(f"{url} cannot be reached by gRPC within {wait:g} seconds") from error
    return channel


@cache
def _signature(server: TensorFlowServingGrpc) -> Mapping[str, Any]:
    """Give the inputs of a model, asked for once: a model's signature stays, whatever its version."""
    return server.read_signature()


def _by_name(payload: Payload, names: list[str]) -> dict[str, Any]:
    """Give the values of each input."""
    document = payload.document() if payload.kind == JSON else None
    if isinstance(document, dict) and isinstance(document.get("inputs"), dict):
        given = dict(document["inputs"])
    elif isinstance(document, dict) and "inputs" in document and len(names) == 1:
        given = {names[0]: document["inputs"]}
    else:
        instances = payload.array() if payload.kind not in (JSON,) else payload.instances()
        if len(instances) and isinstance(instances[0], dict) and "b64" not in instances[0]:
            if not all(isinstance(each, dict) for each in instances):
                raise ToolError("some instances give inputs by name and some do not; give all of them in one way")
            given = {name: [each.get(name) for each in instances] for name in instances[0]}
        elif len(names) == 1:
            given = {names[0]: instances}
        else:
            raise ToolError(f"the model takes {', '.join(names)}; give a JSON object with 'inputs' by name")
    if unknown := sorted(set(given) ^ set(names)):
        raise ToolError(f"the model takes {', '.join(names)}; wrong or missing: {', '.join(unknown)}")
    return given


def _tensor(name: str, values: Any, info: Any) -> Any:
    import numpy

    from constructs_lib.tools.invoke.servers.tensorflow_messages import message

    tensor = message("tensorflow.TensorProto")(dtype=info.dtype)
    kind = "strings" if info.dtype == _STRING else _NUMPY_TYPES.get(info.dtype)
    if kind is None:
        raise ToolError(f"'{name}' is of TensorFlow's type {info.dtype}, which cannot be written from a file")
    try:
        if info.dtype == _STRING:
            array = numpy.array(values, dtype=object)
            tensor.string_val.extend(_bytes(value) for value in array.ravel())
        else:
            array = numpy.ascontiguousarray(values, dtype=kind)
            tensor.tensor_content = array.tobytes()
    except (TypeError, ValueError, OverflowError) as error:
        raise ToolError(f"'{name}' takes {kind}: {error}") from error
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def _values(tensor: Any) -> Any:
    """Read a tensor as nested lists, whether its numbers are in one piece or spelled out one by one."""
    import numpy

    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.dtype == _STRING:
        return numpy.array([value.decode(errors="replace") for value in tensor.string_val]).reshape(shape).tolist()
    kind = _NUMPY_TYPES.get(tensor.dtype)
    if kind is None:
        raise ToolError(f"the answer is of TensorFlow's type {tensor.dtype}, which cannot be shown")
    if tensor.tensor_content:
        return numpy.frombuffer(tensor.tensor_content, dtype=kind).reshape(shape).tolist()
    spelled = numpy.array(getattr(tensor, _VALUES.get(tensor.dtype, "int_val")))
    array = spelled.astype("uint16").view("float16") if tensor.dtype == _HALF else spelled.astype(kind)
    size = int(numpy.prod(shape))
    if 0 < len(array) < size:  # the last one stands for all that follow
        array = numpy.pad(array, (0, size - len(array)), mode="edge")
    return array.reshape(shape).tolist()


def _bytes(value: Any) -> bytes:
    if isinstance(value, dict) and "b64" in value:  # bytes, as TensorFlow Serving's JSON has them
        return base64.b64decode(value["b64"])
    return value if isinstance(value, bytes) else str(value).encode()
