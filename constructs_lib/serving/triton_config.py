"""Triton's ``config.pbtxt`` for an ONNX model: made from the model's own file, or held against it.

Sources: triton-inference-server/common, protobuf/model_config.proto; triton-inference-server/server,
docs/user_guide/model_configuration.md ("Maximum Batch Size", "Datatypes", "Reshape", "Default Max Batch Size");
triton-inference-server/onnxruntime_backend, src/onnxruntime.cc (what is completed and what is refused).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from constructs_lib.serving.onnx_file import OnnxSignature, OnnxTensor
from constructs_lib.serving.text_proto import Message

# ONNX's numbers (onnx.proto, TensorProto.DataType) in Triton's words; its ONNX Runtime backend has no BF16.
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
    declared = {kind: [each for each in config.get(kind, []) if isinstance(each, dict)] for kind in ("input", "output")}
    size = max([0, *(each for each in config.get("max_batch_size", []) if isinstance(each, int))])
    if not all(declared.values()) and all(map(_is_batched, _slots(signature))):
        size = size or _DEFAULT_MAX_BATCH_SIZE
    for kind, tensors in (("input", signature.inputs), ("output", signature.outputs)):
        known = {tensor.name: tensor for tensor in tensors}
        names = [str(next(iter(given.get("name", [])), "")) for given in declared[kind]]
        for name, given in zip(names, declared[kind], strict=True):
            if name not in known:
                yield f"has the {kind} '{name}', and the model has {', '.join(map(repr, known)) or 'none'}"
            else:
                yield from _differences(_Slot(kind, known[name]), given, batched=size > 0)
        if kind == "input" and names and set(names) < set(known):
            yield f"has no input {', '.join(repr(name) for name in known if name not in names)}, which the model needs"


def _differences(slot: _Slot, given: Message, *, batched: bool) -> Iterator[str]:
    wanted, got = _TYPES.get(slot.tensor.element_type or 0), next(iter(given.get("data_type", [])), None)
    for field in ("data_type", "dims"):
        if field not in given:
            yield f"gives the {slot} no {field}"
    if got is not None and wanted is not None and got != wanted:
        yield f"gives the {slot} the data_type {got}, and the model's is {wanted}"
    shape = slot.tensor.shape
    if shape is None or "dims" not in given:
        return
    if batched and shape and shape[0] is not None:
        yield f"has a 'max_batch_size', and the {slot} of the model has no free first dimension for it"
        return
    field, dims = "dims", given["dims"]
    if "reshape" in given:
        field, dims = (
            "reshape",
            [dim for each in given["reshape"] if isinstance(each, dict) for dim in each.get("shape", [])],
        )
        if not dims and not batched:
            yield f"gives the {slot} an empty reshape, which takes a 'max_batch_size'"
            return
    # A tensor without dimensions is one element to Triton.
    own = _dims(shape[1:] if batched else shape) if shape else [1] * len(dims)
    # Requests may be held to less than the model takes; what it gives must be told as it is.
    alike = len(dims) == len(own) and all(
        dim == size or (size == -1 and slot.kind == "input") for dim, size in zip(dims, own, strict=True)
    )
    if not alike:
        left_out = ", without the first, by which 'max_batch_size' joins" if batched else ""
        yield f"gives the {slot} the {field} {dims}, and the model's dims are {own}{left_out}"


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
    # Triton takes no empty dims: one of 1 stands for them, which it takes away again if rows are joined.
    shape = f"dims: {dims or [1]}" + ("\n    reshape { shape: [] }" if batched and not dims else "")
    data_type = _TYPES[tensor.element_type or 0]
    return f"{slot.kind} [\n  {{\n    name: {_quoted(tensor.name)}\n    data_type: {data_type}\n    {shape}\n  }}\n]"


def _dims(shape: tuple[int | None, ...]) -> list[int]:
    return [-1 if size is None else size for size in shape]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
