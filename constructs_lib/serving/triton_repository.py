"""The model repository that Triton's SageMaker container serves: made from one model file, or brought and checked.

Sources: triton-inference-server/server, docker/sagemaker/serve (one directory at the top of the artifact, or
``SAGEMAKER_TRITON_DEFAULT_MODEL_NAME``; no ``config.pbtxt`` at the top) and docs/user_guide/model_repository.md
(``<model>/<version>/model.onnx``; a version is a number without leading zeros).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from constructs_lib.serving.models import Model, OnnxModel, PyTorchModel
from constructs_lib.serving.onnx_file import OnnxFileError, read_onnx
from constructs_lib.serving.source_file import SourceFile
from constructs_lib.serving.text_proto import Message, TextProtoError, parse_text_proto
from constructs_lib.serving.triton_config import config_problems, render_config, signature_problems
from constructs_lib.serving.triton_fields import field_problems

CONFIG = "config.pbtxt"
DEFAULT_MODEL_NAME = "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"
_VERSION = re.compile(r"[1-9][0-9]*")
_LISTED = 5


@dataclass(frozen=True, slots=True)
class _Kind:
    """What Triton calls a kind of model."""

    suffix: str
    file: str
    backend: str
    platform: str


_ONNX = _Kind(".onnx", "model.onnx", "onnxruntime", "onnxruntime_onnx")
_TORCHSCRIPT = _Kind(".pt", "model.pt", "pytorch", "pytorch_libtorch")


def is_on_triton(model: Model) -> bool:
    """Tell whether Triton serves a model."""
    return isinstance(model, OnnxModel | PyTorchModel) and model.server == "triton"


def repository_problems(
    model: Model, names: Sequence[str], read: Callable[[str], str], path: Callable[[str], Path] | None
) -> Iterator[str]:
    """Say why Triton would not serve an artifact.

    Parameters
    ----------
    model
        A model that is on Triton.
    names
        The names of the artifact's files, as seen from its top.
    read
        Gives the text of one of them.
    path
        Gives where one of them is, so that the model itself is read. None: in an archive, where it is not.
    """
    kind = _kind(model)
    top = [name for name in names if "/" not in name]
    files = [name for name in top if name.endswith(kind.suffix)]
    if files and path is not None:
        yield from _single_problems(model, kind, files, read if CONFIG in top else None, path)
        return
    if CONFIG in top or files:
        yield (
            f"has {CONFIG if CONFIG in top else files[0]} at its top, where Triton does not look; move it into a "
            f"directory with the model's name: '<name>/{CONFIG}' and '<name>/1/{kind.file}'"
        )
        return
    folders = sorted({name.split("/")[0] for name in names if "/" in name})
    if not folders:
        there = ", ".join(top[:_LISTED]) or "nothing"
        yield f"has no {kind.suffix} file at its top, and no '<name>/1/{kind.file}' (found {there})"
    if len(folders) > 1 and DEFAULT_MODEL_NAME not in model.environment:
        yield (
            f"has {len(folders)} directories ({', '.join(folders[:_LISTED])}), and Triton starts with one model; leave "
            f"one, or name it by the environment variable {DEFAULT_MODEL_NAME}"
        )
    for folder in folders:
        yield from _folder_problems(kind, folder, names, read, path)


def lay_out(model: Model, files: Sequence[SourceFile]) -> list[SourceFile]:
    """Move a model file and what lies beside it into a model repository, with its configuration; one that is stays.

    Parameters
    ----------
    model
        A model that is on Triton.
    files
        The files of its artifact; `repository_problems` found nothing.
    """
    kind = _kind(model)
    by_name = {file.name: file for file in files}
    single = next((file for file in files if "/" not in file.name and file.name.endswith(kind.suffix)), None)
    if single is None:
        return list(files)
    config = by_name.pop(CONFIG, None)
    name = _model_name(single.name, _parsed(config))
    moved = [replace(file, name=f"{name}/1/{kind.file if file is single else file.name}") for file in by_name.values()]
    if config is None:
        text = render_config(name, read_onnx(Path(single.path)), _max_batch_size(model))
        moved.append(SourceFile.of_content(f"{name}/{CONFIG}", text.encode()))
    else:
        moved.append(replace(config, name=f"{name}/{CONFIG}"))
    return sorted(moved, key=lambda file: file.name)


def _kind(model: Model) -> _Kind:
    return _ONNX if isinstance(model, OnnxModel) else _TORCHSCRIPT


def _max_batch_size(model: Model) -> int | None:
    return model.max_batch_size if isinstance(model, OnnxModel) else None


def _parsed(config: SourceFile | None) -> Message:
    return parse_text_proto(Path(config.path).read_text(encoding="utf-8")) if config else {}


def _read_config(text: str) -> Message:
    if "\ufffd" in text:
        raise TextProtoError("it is not in UTF-8")
    return parse_text_proto(text)


def _model_name(file: str, config: Mapping[str, list[object]]) -> str:
    named = [name for name in config.get("name", []) if isinstance(name, str)]
    return named[0] if named else PurePosixPath(file).stem


def _single_problems(
    model: Model, kind: _Kind, files: Sequence[str], read: Callable[[str], str] | None, path: Callable[[str], Path]
) -> Iterator[str]:
    """Look at a model file at the top, which is moved into a repository."""
    if len(files) > 1:
        yield f"has {len(files)} {kind.suffix} files at its top ({', '.join(files[:_LISTED])}), and Triton takes one"
        return
    (file,) = files
    if read is None and kind is _TORCHSCRIPT:
        yield f"has no {CONFIG} beside '{file}': TorchScript does not say what it takes and gives; write it"
        return
    if read is not None and _max_batch_size(model) is not None:
        yield f"has a {CONFIG}, which says 'max_batch_size' itself; leave it out of the settings, or remove the file"
    try:
        config = {} if read is None else _read_config(read(CONFIG))
    except TextProtoError as error:
        yield f"has a {CONFIG} that cannot be read: {error}"
        return
    yield from (f"has a {CONFIG} that {wrong}" for wrong in field_problems(config))
    yield from _backend_problems(kind, CONFIG, config)
    if kind is _ONNX:
        yield from _onnx_problems(file, path(file), config if read else None, _max_batch_size(model))


def _onnx_problems(name: str, path: Path, config: Message | None, max_batch_size: int | None) -> Iterator[str]:
    try:
        signature = read_onnx(path)
    except OnnxFileError as error:
        yield f"has a file '{name}' that is no ONNX model: {error}"
        return
    if config is None:
        yield from (f"has '{name}', but {wrong}" for wrong in signature_problems(signature, max_batch_size))
    else:
        yield from (f"has a {CONFIG} for '{name}' that {wrong}" for wrong in config_problems(config, signature))


def _folder_problems(
    kind: _Kind, folder: str, names: Sequence[str], read: Callable[[str], str], path: Callable[[str], Path] | None
) -> Iterator[str]:
    """Look at one model of a repository."""
    inside = [name.split("/")[1:] for name in names if name.startswith(f"{folder}/")]
    versions = sorted({parts[0] for parts in inside if len(parts) > 1 and _VERSION.fullmatch(parts[0])})
    if not versions:
        yield f"has no version of '{folder}': Triton looks for files in '{folder}/1/', a number without zeros before it"
    try:
        config = _read_config(read(f"{folder}/{CONFIG}")) if [CONFIG] in inside else None
    except TextProtoError as error:
        yield f"has a '{folder}/{CONFIG}' that cannot be read: {error}"
        return
    if config is None and kind is _TORCHSCRIPT:
        yield f"has no '{folder}/{CONFIG}': TorchScript does not say what it takes and gives; write it"
        return
    yield from (f"has a '{folder}/{CONFIG}' that {wrong}" for wrong in field_problems(config or {}))
    named = (config or {}).get("name", [folder])
    if named != [folder]:
        yield f"has a '{folder}/{CONFIG}' with the name '{named[0]}', which must be that of the directory, or left out"
    if config and ("default_model_filename" in config or any(_backend_problems(kind, CONFIG, config))):
        return  # a model of another kind beside it, such as an ensemble's
    for version in versions:
        file = f"{folder}/{version}/{kind.file}"
        if file not in names:
            yield f"has no '{file}', which Triton looks for"
        elif path is not None and kind is _ONNX and config:
            yield from _onnx_problems(file, path(file), config, None)


def _backend_problems(kind: _Kind, name: str, config: Message) -> Iterator[str]:
    for field, wanted in (("backend", kind.backend), ("platform", kind.platform)):
        given = config.get(field, [wanted])
        if given != [wanted]:
            yield f"has a {name} with the {field} '{given[0]}', and '{kind.file}' needs '{wanted}'"
