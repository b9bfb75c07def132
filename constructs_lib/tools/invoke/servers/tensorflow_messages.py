"""TensorFlow Serving's gRPC messages: as much of them as a prediction needs, by their own names and field numbers.

They live in a descriptor pool of their own, so that a process may have the `tensorflow-serving-api` package as well.

Sources of names and numbers: tensorflow/serving, tensorflow_serving/apis/{predict,model,get_model_metadata}.proto;
tensorflow/tensorflow, tensorflow/core/framework/{tensor,tensor_shape,types}.proto, core/protobuf/meta_graph.proto.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}

# Message: {field: (type, number)}; "repeated" and "map" (of text) as in a .proto file.
_TENSORFLOW = {
    "TensorShapeProto.Dim": {"size": ("int64", 1), "name": ("string", 2)},
    "TensorShapeProto": {"dim": ("repeated TensorShapeProto.Dim", 2), "unknown_rank": ("bool", 3)},
    "TensorProto": {
        "dtype": ("int32", 1),  # an enumeration, which is an int32 on the wire
        "tensor_shape": ("TensorShapeProto", 2),
        "tensor_content": ("bytes", 4),
        "float_val": ("repeated float", 5),
        "double_val": ("repeated double", 6),
        "int_val": ("repeated int32", 7),
        "string_val": ("repeated bytes", 8),
        "int64_val": ("repeated int64", 10),
        "bool_val": ("repeated bool", 11),
        "half_val": ("repeated int32", 13),
        "uint32_val": ("repeated uint32", 16),
        "uint64_val": ("repeated uint64", 17),
    },
    "TensorInfo": {"name": ("string", 1), "dtype": ("int32", 2), "tensor_shape": ("TensorShapeProto", 3)},
    "SignatureDef": {
        "inputs": ("map TensorInfo", 1),
        "outputs": ("map TensorInfo", 2),
        "method_name": ("string", 3),
    },
}
_SERVING = {
    "ModelSpec": {
        "name": ("string", 1),
        "version": (".google.protobuf.Int64Value", 2),
        "signature_name": ("string", 3),
        "version_label": ("string", 4),
    },
    "PredictRequest": {
        "model_spec": ("ModelSpec", 1),
        "inputs": ("map .tensorflow.TensorProto", 2),
        "output_filter": ("repeated string", 3),
    },
    "PredictResponse": {"outputs": ("map .tensorflow.TensorProto", 1), "model_spec": ("ModelSpec", 2)},
    "GetModelMetadataRequest": {"model_spec": ("ModelSpec", 1), "metadata_field": ("repeated string", 2)},
    "SignatureDefMap": {"signature_def": ("map .tensorflow.SignatureDef", 1)},
    "GetModelMetadataResponse": {"model_spec": ("ModelSpec", 1), "metadata": ("map .google.protobuf.Any", 2)},
}


@cache
def message(name: str) -> Any:
    """Give a message class by its full name, such as ``tensorflow.serving.PredictRequest``."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for known in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(_file("tensorflow", _TENSORFLOW, []))
    imports = ["tensorflow.proto", any_pb2.DESCRIPTOR.name, wrappers_pb2.DESCRIPTOR.name]
    pool.Add(_file("tensorflow.serving", _SERVING, imports))
    return pool


def _file(
    package: str, messages: dict[str, dict[str, tuple[str, int]]], imports: list[str]
) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3", dependency=imports
    )
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for full_name in sorted(messages, key=lambda name: name.count(".")):
        owner, _, name = full_name.rpartition(".")
        made[full_name] = (made[owner].nested_type if owner else file.message_type).add(name=name)
    for full_name, fields in messages.items():
        for name, (kind, number) in fields.items():
            _add_field(made[full_name], f".{package}.{full_name}", name, kind, number, package=package)
    return file


def _add_field(
    owner: descriptor_pb2.DescriptorProto, path: str, name: str, kind: str, number: int, *, package: str
) -> None:
    shape, _, inner = kind.rpartition(" ")
    label = _Field.LABEL_REPEATED if shape else _Field.LABEL_OPTIONAL
    if shape == "map":
        entry = owner.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(entry, f"{path}.{entry.name}", "key", "string", 1, package=package)
        _add_field(entry, f"{path}.{entry.name}", "value", inner, 2, package=package)
        inner = f"{path}.{entry.name}"
    field = owner.field.add(name=name, number=number, label=label)
    if inner in _SCALARS:
        field.type = _SCALARS[inner]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = inner if inner.startswith(".") else f".{package}.{inner}"
