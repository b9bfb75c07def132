"""Compile the model below SOURCE for Neuron into DESTINATION.

It runs in AWS's Neuron images, of which the oldest has Python 3.7, and imports what they have in them.

Environment
-----------
FRAMEWORK
    ``tensorflow`` or ``pytorch``.
TARGET
    ``inf1``, ``inf2``, ``trn1`` or ``trn2``.
INPUTS
    JSON: a list of ``{"shape": [...], "dtype": "float32"}``.
COMPILER_ARGS
    JSON: a list of arguments of the compiler.
SOURCE, DESTINATION
    Directories.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


def tensorflow_1(source: Path, destination: Path, target: str, inputs: list[Any], arguments: list[str]) -> None:
    """Compile each SavedModel as it stands: it says itself what goes in."""
    tensorflow = import_module("tensorflow")
    import_module("tensorflow.neuron")
    for model, result in saved_models(source, destination):
        shutil.rmtree(str(result), ignore_errors=True)
        tensorflow.neuron.saved_model.compile(str(model), str(result), compiler_args=arguments or None)


def tensorflow_2(source: Path, destination: Path, target: str, inputs: list[Any], arguments: list[str]) -> None:
    """Trace each SavedModel with inputs of the shapes given."""
    tensorflow = import_module("tensorflow")
    neuron = import_module("tensorflow.neuron" if target == "inf1" else "tensorflow_neuronx")
    os.environ["NEURON_CC_FLAGS"] = " ".join(arguments)
    examples = [tensorflow.zeros(each["shape"], dtype=each["dtype"]) for each in inputs]
    for model, result in saved_models(source, destination):
        loaded = tensorflow.keras.models.load_model(str(model))
        neuron.trace(loaded, examples if len(examples) > 1 else examples[0]).save(str(result))


def pytorch(source: Path, destination: Path, target: str, inputs: list[Any], arguments: list[str]) -> None:
    """Trace the one TorchScript file with inputs of the shapes given."""
    torch = import_module("torch")
    neuron = import_module("torch_neuron" if target == "inf1" else "torch_neuronx")
    found = sorted(path for path in source.rglob("*") if path.suffix in (".pt", ".pth"))
    if len(found) != 1:
        sys.exit(f"the model must be one .pt or .pth file, found {[path.name for path in found]}")
    loaded = torch.jit.load(str(found[0]), map_location="cpu").eval()
    examples = tuple(torch.zeros(each["shape"], dtype=getattr(torch, each["dtype"])) for each in inputs)
    compiled = neuron.trace(loaded, examples, compiler_args=arguments or None)
    compiled.save(str(destination / found[0].name))


def saved_models(source: Path, destination: Path) -> list[tuple[Path, Path]]:
    """Find the SavedModels, and where the compiled ones go: numbered, as TensorFlow Serving wants them."""
    found = sorted(path.parent for path in source.rglob("saved_model.pb"))
    if not found:
        sys.exit("the model has no saved_model.pb")
    return [(path, destination / (path.relative_to(source) if path != source else "1")) for path in found]


def main(environment: Mapping[str, str]) -> None:
    """Compile what the environment says."""
    compilers = {"tensorflow": tensorflow_2, "pytorch": pytorch}
    compiler = compilers[environment["FRAMEWORK"]]
    if environment["FRAMEWORK"] == "tensorflow" and import_module("tensorflow").__version__.startswith("1."):
        compiler = tensorflow_1
    destination = Path(environment["DESTINATION"])
    destination.mkdir(parents=True, exist_ok=True)
    compiler(
        Path(environment["SOURCE"]),
        destination,
        environment["TARGET"],
        json.loads(environment["INPUTS"]),
        json.loads(environment["COMPILER_ARGS"]),
    )


if __name__ == "__main__":
    main(os.environ)
