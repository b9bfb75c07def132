"""Loads an ONNX model as Triton's ONNX Runtime backend does: held against its configuration, which it completes.

Sources: triton-inference-server/onnxruntime_backend, src/onnxruntime.cc (``AutoCompleteConfig``, ``ValidateInputs``,
``ValidateOutputs``) and src/onnxruntime_utils.cc (``CompareDimsSupported``). The texts of refusals are near theirs.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .triton_model import LoadedModel, runtime_error
from .triton_repository import LoadError, StoredModel
from .triton_tensors import NUMPY_TYPES, ONNX_TYPES, Slot, shown

_DEFAULT_MAX_BATCH_SIZE = 4  # of the server's command line, for a model whose configuration leaves it open


def load(model: StoredModel) -> LoadedModel:
    """Load the versions of a model, and give the newest, which is the one that answers.

    Raises
    ------
    LoadError
        When one of them does not load, or does not fit its configuration.
    """
    loaded = []
    for version, file in model.files.items():
        try:
            loaded.append(_load_version(model, version, file))
        except LoadError as error:
            raise LoadError(f"failed to load '{model.name}' version {version}: {error}") from error.__cause__
    return max(loaded, key=lambda each: each.version)


@dataclass(frozen=True, slots=True)
class _Tensor:
    """An input or output as the model has it."""

    name: str
    datatype: str | None
    shape: list[int]


def _load_version(model: StoredModel, version: int, file: Path) -> LoadedModel:
    session = _session(model.name, file)
    inputs, outputs = _tensors(session.get_inputs()), _tensors(session.get_outputs())
    weights = _tensors(session.get_overridable_initializers())
    config, name = model.config, model.name
    size = _max_batch_size(config, name, [*inputs.values(), *outputs.values()])
    declared = {
        "input": _slots(config.input) or _completed(inputs, batched=size > 0),
        "output": _slots(config.output) or _completed(outputs, batched=size > 0),
    }
    required = [slot for slot in declared["input"] if not slot.optional]
    if len(required) != len(inputs):
        raise LoadError(
            f"Invalid argument: unable to load model '{name}', configuration expects {len(required)} inputs, model "
            f"provides {len(inputs)}"
        )
    checked: dict[str, dict[str, Slot]] = {}
    for kind, known in (("input", inputs | weights), ("output", outputs)):
        for slot in declared[kind]:
            _hold_against(slot, known, kind=kind, model=name, max_batch_size=size)
        # Triton has no tensor without dimensions, and gives and takes one of a single element for it.
        checked[kind] = {s.name: s if known[s.name].shape else replace(s, reshape=()) for s in declared[kind]}
    return LoadedModel(
        name=name,
        version=version,
        max_batch_size=size,
        inputs=checked["input"],
        outputs=checked["output"],
        session=session,
    )


def _session(name: str, file: Path) -> Any:
    if not file.is_file():
        raise LoadError(f"Unavailable: unable to find '{file}' for model instance '{name}'")
    import onnxruntime  # here, so that requests can be tested where it is not installed

    try:
        return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no class of their own in common
        raise LoadError(f"Internal: {runtime_error(error)}") from error


def _tensors(nodes: Iterable[Any]) -> dict[str, _Tensor]:
    found = {}
    for node in nodes:
        if not node.type.startswith("tensor("):
            kind = re.sub(r"\W.*", "", node.type).replace("seq", "sequence").upper()
            raise LoadError(
                f"Unsupported: Unsupported ONNX Type 'ONNX_TYPE_{kind}' for I/O '{node.name}', expected "
                "'ONNX_TYPE_TENSOR'."
            )
        shape = [size if isinstance(size, int) else -1 for size in node.shape]
        found[node.name] = _Tensor(node.name, ONNX_TYPES.get(node.type), shape)
    return found


def _max_batch_size(config: Any, name: str, tensors: Sequence[_Tensor]) -> int:
    """Complete ``max_batch_size`` where the configuration leaves inputs or outputs open, as the backend does."""
    size = int(config.max_batch_size)
    if config.input and config.output:
        return size
    if all(tensor.shape and tensor.shape[0] == -1 for tensor in tensors):
        return size or _DEFAULT_MAX_BATCH_SIZE
    if size:
        raise LoadError(
            f"Invalid argument: autofill failed for model '{name}': model does not support batching while non-zero "
            "max_batch_size is specified"
        )
    return 0


def _slots(declared: Iterable[Any]) -> list[Slot]:
    found = []
    for each in declared:
        kind = each.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number.get(each.data_type)
        found.append(
            Slot(
                name=each.name,
                datatype=kind.name.removeprefix("TYPE_").replace("STRING", "BYTES") if kind else "INVALID",
                dims=tuple(each.dims),
                reshape=tuple(each.reshape.shape) if each.HasField("reshape") else None,
                optional=getattr(each, "optional", False),
            )
        )
    return found


def _completed(tensors: Mapping[str, _Tensor], *, batched: bool) -> list[Slot]:
    found = []
    for tensor in tensors.values():
        dims = tuple(tensor.shape[1:] if batched else tensor.shape)
        found.append(
            Slot(tensor.name, tensor.datatype or "INVALID", dims or (1,), () if batched and not dims else None)
        )
    return found


def _hold_against(slot: Slot, known: Mapping[str, _Tensor], *, kind: str, model: str, max_batch_size: int) -> None:
    """Refuse a declared input or output that the model does not have, or has otherwise."""
    if slot.name not in known:
        raise LoadError(
            f"Invalid argument: unexpected inference {kind} '{slot.name}', allowed {kind}s are: "
            f"{', '.join(sorted(known))}"
        )
    tensor = known[slot.name]
    configured = slot.datatype.replace("BYTES", "STRING")
    if slot.datatype not in NUMPY_TYPES:
        raise LoadError(
            f"Internal: unsupported datatype TYPE_{configured} for {kind} '{slot.name}' for model '{model}'"
        )
    if slot.datatype != tensor.datatype:
        raise LoadError(
            f"Invalid argument: unable to load model '{model}', configuration expects datatype TYPE_{configured} for "
            f"{kind} '{slot.name}', model provides TYPE_{tensor.datatype}"
        )
    if slot.optional and max_batch_size:
        raise LoadError(
            f"Invalid argument: unable to load model '{model}', optional input '{slot.name}' is not supported for "
            "models that support batching"
        )
    dims = list(slot.dims if slot.reshape is None else slot.reshape)
    _compare_dims(model, tensor, dims, max_batch_size=max_batch_size, exact=kind == "output")


def _compare_dims(model: str, tensor: _Tensor, dims: list[int], *, max_batch_size: int, exact: bool) -> None:
    shape = tensor.shape
    what = f"Invalid argument: model '{model}', tensor '{tensor.name}': "
    if not shape:
        if any(dim != 1 for dim in dims):
            raise LoadError(
                f"Invalid argument: unable to load model '{model}', scalar tensor '{tensor.name}', should only provide "
                f"1 in the model configuration when the model doesn't support batching. Model configuration provided: "
                f"{shown(dims)}."
            )
        return
    if max_batch_size and shape[0] != -1:
        raise LoadError(
            f"{what}for the model to support batching the shape should have at least 1 dimension and the first "
            f"dimension must be -1; but shape expected by the model is {shown(shape)}"
        )
    full = [-1, *dims] if max_batch_size else dims
    fits = len(shape) == len(full) and all(
        size == dim or (size == -1 and not exact) for size, dim in zip(shape, full, strict=True)
    )
    if not fits:
        specified = f"{len(full)} dimensions (shape {shown(full)})"
        if max_batch_size:
            specified = (
                f"{len(full)} dimensions (an initial batch dimension because max_batch_size > 0 followed by the "
                f"explicit tensor shape, making complete shape {shown(full)})"
            )
        raise LoadError(
            f"{what}the model expects {len(shape)} dimensions (shape {shown(shape)}) but the model configuration "
            f"specifies {specified}"
        )
