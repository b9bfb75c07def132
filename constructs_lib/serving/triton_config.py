"""Triton's ``config.pbtxt`` for an ONNX model: made from the model's own file, or held against it.

Sources: triton-inference-server/common, protobuf/model_config.proto; triton-inference-server/server,
docs/user_guide/model_configuration.md ("Maximum Batch Size", "Datatypes", "Reshape", "Default Max Batch Size").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from constructs_lib.serving.onnx_file import OnnxSignature, OnnxTensor
from constructs_lib.serving.text_proto import Message

# ONNX's numbers (onnx.proto, TensorProto.DataType) in Triton's words.
_TYPES = {
    1: "TYPE_FP32",
    2: "TYPE_UINT8",
    3: "TYPE_INT8",
    4: "TYPE_UINT16",
    5: "TYPE_INT16",
    6: "TYPE_INT32",
    7: "TYPE_INT64",
    8: "TYPE_STRING",
    9: "TYPE_BOOL",
    10: "TYPE_FP16",
    11: "TYPE_FP64",
    12: "TYPE_UINT32",
    13: "TYPE_UINT64",
    16: "TYPE_BF16",
}
# What Triton itself takes for a model that can be batched and whose configuration leaves it open.
_DEFAULT_MAX_BATCH_SIZE = 4


@dataclass(frozen=True, slots=True)
class _Slot:
    kind: str  # "input" or "output"
    tensor: OnnxTensor

    def __str__(self) -> str:
        return f"{self.kind} '{self.tensor.name}'"


def signature_problems(signature: OnnxSignature, max_batch_size: int | None) -> Iterator[str]:
    """Say why Triton could not serve a model with this signature, or not in batches."""
    for slot in _slots(signature):
        if slot.tensor.element_type is None:
            yield f"its {slot} is no tensor, and Triton serves tensors only; export it without (zipmap=False, for one)"
        elif slot.tensor.element_type not in _TYPES:
            yield f"its {slot} has the element type {slot.tensor.element_type}, which Triton does not serve"
        elif slot.tensor.shape is None:
            yield f"its {slot} has no shape; export it with one, or write a config.pbtxt: see 'server'"
        elif max_batch_size and not _is_batched(slot):
            yield (
                f"its {slot} has no free first dimension, so that requests cannot be joined; export it with one, or "
                "set 'max_batch_size' to 0"
            )


def render_config(name: str, signature: OnnxSignature, max_batch_size: int | None) -> str:
    """Write the configuration of a model.

    Parameters
    ----------
    name
        Name of the model, as of its directory.
    signature
        What the model takes and gives; `signature_problems` found nothing.
    max_batch_size
        Most rows that Triton joins. None: 4, as Triton itself does, if the first dimension of every input and output
        is free, otherwise 0.
    """
    batched = all(map(_is_batched, _slots(signature)))
    size = (_DEFAULT_MAX_BATCH_SIZE if batched else 0) if max_batch_size is None else max_batch_size
    lines = [f"name: {_quoted(name)}", 'backend: "onnxruntime"', f"max_batch_size: {size}"]
    lines += [_rendered(slot, batched=size > 0) for slot in _slots(signature)]
    if size > 0:
        lines.append("dynamic_batching { }")
    return "\n".join(lines) + "\n"


def config_problems(config: Message, signature: OnnxSignature) -> Iterator[str]:
    """Say in what a configuration of the user's differs from the model that it is for."""
    batched = max([0, *(each for each in config.get("max_batch_size", []) if isinstance(each, int))]) > 0
    for kind, tensors in (("input", signature.inputs), ("output", signature.outputs)):
        known = {tensor.name: tensor for tensor in tensors}
        for given in (each for each in config.get(kind, []) if isinstance(each, dict)):
            name = next(iter(given.get("name", [])), "")
            if name not in known:
                yield f"has the {kind} '{name}', and the model has {', '.join(map(repr, known)) or 'none'}"
                continue
            yield from _differences(f"the {kind} '{name}'", given, known[name], batched=batched)


def _differences(what: str, given: Message, tensor: OnnxTensor, *, batched: bool) -> Iterator[str]:
    wanted, got = _TYPES.get(tensor.element_type or 0), next(iter(given.get("data_type", [])), None)
    if got is not None and wanted is not None and got != wanted:
        yield f"gives {what} the data_type {got}, and the model's is {wanted}"
    if tensor.shape is None or "reshape" in given or "dims" not in given:
        return
    dims, own = given["dims"], tensor.shape[1:] if batched else tensor.shape
    alike = len(dims) == len(own) and all(
        dim == size or size is None or dim == -1 for dim, size in zip(dims, own, strict=True)
    )
    if not alike:
        left_out = ", without the first, by which 'max_batch_size' joins" if batched else ""
        yield f"gives {what} the dims {dims}, and the model's are {_dims(own)}{left_out}"


def _slots(signature: OnnxSignature) -> list[_Slot]:
    return [
        *(_Slot("input", tensor) for tensor in signature.inputs),
        *(_Slot("output", tensor) for tensor in signature.outputs),
    ]


def _is_batched(slot: _Slot) -> bool:
    return bool(slot.tensor.shape) and (slot.tensor.shape or (1,))[0] is None


def _rendered(slot: _Slot, *, batched: bool) -> str:
    tensor = slot.tensor
    assert tensor.shape is not None  # noqa: S101 - signature_problems told it
    dims = _dims(tensor.shape[1:] if batched else tensor.shape)
    # Triton takes no empty dims: one of 1 stands for them, which it takes away again.
    shape = f"dims: {dims}" if dims else "dims: [1]\n    reshape { shape: [] }"
    data_type = _TYPES[tensor.element_type or 0]
    return f"{slot.kind} [\n  {{\n    name: {_quoted(tensor.name)}\n    data_type: {data_type}\n    {shape}\n  }}\n]"


def _dims(shape: tuple[int | None, ...]) -> list[int]:
    return [-1 if size is None else size for size in shape]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
