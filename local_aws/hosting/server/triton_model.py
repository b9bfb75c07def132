"""A loaded ONNX model of Triton's: requests are held against its configuration, and computed.

Source: triton-inference-server/core, src/infer_request.cc (``Normalize``). The texts of refusals are near Triton's.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .triton_request import Given, RequestError
from .triton_tensors import Slot, shown

_BATCH_NOTE = (
    "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each "
    "input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting "
    "max_batch_size to zero. See the model configuration docs for more info on max_batch_size."
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A version of a model that can be asked.

    Attributes
    ----------
    name, version
        What it is called.
    max_batch_size
        Most rows of a request; 0 for a model without batches.
    inputs, outputs
        What it takes and gives, by name.
    session
        ONNX Runtime's session.
    """

    name: str
    version: int
    max_batch_size: int
    inputs: Mapping[str, Slot]
    outputs: Mapping[str, Slot]
    session: Any

    def check(self, given: Sequence[Given], asked: Sequence[str]) -> None:
        """Hold a request's inputs and the outputs that it asks for against the model.

        Raises
        ------
        RequestError
            When they do not fit.
        """
        for name in asked:
            if name not in self.outputs:
                raise RequestError(f"unexpected inference output '{name}' for model '{self.name}'")
        self._check_names([each.name for each in given])
        if self.max_batch_size:
            self._check_batch(given)
        for each in given:
            self._check_input(each)

    def run(self, arrays: Mapping[str, Any], asked: Sequence[str]) -> dict[str, Any]:
        """Compute the outputs that are asked for.

        Raises
        ------
        RequestError
            With ONNX Runtime's own error.
        """
        feeds = {name: self._reshaped(array, self.inputs[name], to_model=True) for name, array in arrays.items()}
        names = list(asked or self.outputs)
        try:
            results = self.session.run(names, feeds)
        except Exception as error:  # onnxruntime's exceptions have no class of their own in common
            raise RequestError(runtime_error(error)) from error
        found = zip(names, results, strict=True)
        return {name: self._reshaped(result, self.outputs[name], to_model=False) for name, result in found}

    @property
    def _batch(self) -> int:
        return 1 if self.max_batch_size else 0

    def _reshaped(self, array: Any, slot: Slot, *, to_model: bool) -> Any:
        """Give a tensor the shape that the model has for it, or the one that requests have."""
        if slot.reshape is None:
            return array
        given, wanted = (slot.dims, slot.reshape) if to_model else (slot.reshape, slot.dims)
        rows, sizes = array.shape[: self._batch], array.shape[self._batch :]
        free = iter([size for size, dim in zip(sizes, given, strict=True) if dim == -1])
        return array.reshape((*rows, *(next(free) if dim == -1 else dim for dim in wanted)))

    def _check_names(self, names: Sequence[str]) -> None:
        required = [name for name, slot in self.inputs.items() if not slot.optional]
        if not len(required) <= len(names) <= len(self.inputs):
            expected = str(len(self.inputs))
            if len(required) < len(self.inputs):
                expected = f"number of inputs between {len(required)} and {len(self.inputs)}"
            raise RequestError(
                f"expected {expected} inputs but got {len(names)} inputs for model '{self.name}'. Got inputs "
                f"{_listed(names)}, but missing required inputs {_listed(n for n in required if n not in names)}. "
                "Please provide all required inputs."
            )
        for name in names:
            if name not in self.inputs:
                raise RequestError(f"unexpected inference input '{name}' for model '{self.name}'")

    def _check_batch(self, given: Sequence[Given]) -> None:
        size = None
        for each in given:
            if not each.shape:
                raise RequestError(
                    f"input '{each.name}' has no shape but model requires batch dimension for '{self.name}'"
                )
            if size not in (None, each.shape[0]):
                raise RequestError(f"input '{each.name}' batch size does not match other inputs for '{self.name}'")
            size = each.shape[0]
        if (size or 0) > self.max_batch_size:
            raise RequestError(f"inference request batch-size must be <= {self.max_batch_size} for '{self.name}'")

    def _check_input(self, given: Given) -> None:
        slot = self.inputs[given.name]
        if given.datatype != slot.datatype:
            raise RequestError(
                f"inference input '{given.name}' data-type is '{given.datatype}', but model '{self.name}' expects "
                f"'{slot.datatype}'"
            )
        sizes = given.shape[self._batch :]
        fits = len(sizes) == len(slot.dims) and all(
            dim in (-1, size) for dim, size in zip(slot.dims, sizes, strict=True)
        )
        if not fits:
            full = shown([-1] * self._batch + list(slot.dims))
            raise RequestError(
                f"unexpected shape for input '{given.name}' for model '{self.name}'. Expected {full}, got "
                f"{shown(given.shape)}. {_BATCH_NOTE if self._batch else ''}".rstrip()
            )


def runtime_error(error: Exception) -> str:
    """Give ONNX Runtime's error as the backend does."""
    found = re.fullmatch(r"\[ONNXRuntimeError\] : (\d+) : \w+ : (.*)", str(error), re.DOTALL)
    return f"onnx runtime error {found[1]}: {found[2]}" if found else str(error)


def _listed(names: Iterable[str]) -> str:
    return "[" + ",".join(f"'{name}'" for name in names) + "]"
