"""Model archives (``.mar``) for TorchServe and Multi Model Server, made without either, and without torch.

>>> archive = ModelArchive(
...     model_name="archived_model",
...     version="1.0",
...     serialized_file="model.pth",
...     handler="run_inference",
... )
>>> build_mar(archive).path  # doctest: +SKIP
PosixPath('.../inference-constructs/archives/9ab1...-isal1.9.1.mar')

The archive is a zip file with a manifest. Both servers read the same one: each takes from it what it knows.

Sources: torch-model-archiver 0.12.0 and model-archiver 1.0.3 (manifest, names of the options); pytorch/serve,
ts/model_loader.py and frontend/archive (how it is loaded, and what is refused); awslabs/multi-model-server likewise.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from constructs_lib.serving.archive import Archive, keep_archive, write_archive
from constructs_lib.serving.archive_files import list_file, list_files, put_together
from constructs_lib.serving.artifacts import MAR_SUFFIX
from constructs_lib.serving.file_content import Progress
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.source_file import ArchiveError, SourceFile
from constructs_lib.serving.zip_stream import write_zip

MANIFEST = "MAR-INF/MANIFEST.json"
# TorchServe's own handlers (docs/default_handlers.md), of which the last two fetch their model themselves.
BUILT_IN_HANDLERS = (
    *("base_handler", "image_classifier", "image_segmenter", "object_detector", "text_classifier"),
    *("dali_image_classifier", "trt_llm_handler", "vllm_handler"),
)
_FETCH_THEIR_MODEL = ("trt_llm_handler", "vllm_handler")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.+]*")
_FUNCTION = re.compile(r"[A-Za-z_]\w*", re.ASCII)
# The formats that the manifest follows. TorchServe complains when it is not told when an archive was made.
_TORCHSERVE = {"createdOn": "01/01/1980 00:00:00", "archiverVersion": "0.12.0"}
_MULTI_MODEL_SERVER = {"specificationVersion": "1.0", "implementationVersion": "1.0", "modelServerVersion": "1.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelArchive:
    """What goes into a ``.mar``: the options of ``torch-model-archiver``, under their names.

    Attributes
    ----------
    model_name
        Name under which the server offers the model: letters, digits, ``_``, ``-`` and ``.``; a letter or digit first.
    handler
        One of TorchServe's own handlers (`BUILT_IN_HANDLERS`), or a Python file, with or without ``.py``, that has one
        class with ``initialize`` and ``handle``, or a function ``handle``; ``file.py:function`` names another function.
        Multi Model Server has no handlers of its own.
    version
        Version of the model, such as ``"1.0"``.
    serialized_file
        The weights: a ``.pt`` or ``.pth`` file, TorchScript or a state dictionary, or an ``.onnx`` file. None: the
        handler finds its model among `extra_files`, or fetches it.
    model_file
        Python file with the one ``torch.nn.Module`` class whose state dictionary `serialized_file` is. None:
        `serialized_file` is TorchScript, or the handler knows.
    extra_files
        More files, and directories whose content goes to the top of the archive. Default: none.
    requirements_file
        A ``requirements.txt``, which TorchServe installs if its ``install_py_dep_per_model`` is true. None: none.
    config_file
        A YAML file with the model's own TorchServe configuration (batch size, workers). None: the server's.
    runtime
        ``"python"``: the Python that runs the server. ``"python3"``: the first ``python3`` on its path.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model_name: str
    handler: str
    version: str = "1.0"
    serialized_file: str | None = None
    model_file: str | None = None
    extra_files: tuple[str, ...] = ()
    requirements_file: str | None = None
    config_file: str | None = None
    runtime: Literal["python", "python3"] = "python"

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._problems())
        problems.raise_any()

    @property
    def file_name(self) -> str:
        """The name of the archive's file."""
        return f"{self.model_name}{MAR_SUFFIX}"

    @property
    def handler_file(self) -> Path | None:
        """The handler's file; None: it is one of TorchServe's own."""
        if self.handler in BUILT_IN_HANDLERS:
            return None
        path = Path(self._handler_parts[0])
        return path if path.suffix == ".py" else path.with_name(f"{path.name}.py")

    def manifest(self) -> str:
        """Give the text of the manifest, in which files have the names that they have in the archive."""
        file, function = self.handler_file, self._handler_parts[1]
        handler = self.handler if file is None else f"{file.name}:{function}" if function else file.name
        model = {
            "modelName": self.model_name,
            "modelVersion": self.version,
            "handler": handler,
            "serializedFile": _name(self.serialized_file),
            "modelFile": _name(self.model_file),
            "requirementsFile": _name(self.requirements_file),
            "configFile": _name(self.config_file),
        }
        known = {key: value for key, value in model.items() if value is not None}
        return json.dumps({**_TORCHSERVE, **_MULTI_MODEL_SERVER, "runtime": self.runtime, "model": known}, indent=2)

    @property
    def _handler_parts(self) -> tuple[str, str]:
        # A drive letter is no module: the function stands behind the last colon, if it looks like one.
        file, colon, function = self.handler.rpartition(":")
        return (file, function) if colon and _FUNCTION.fullmatch(function) else (self.handler, "")

    def _problems(self) -> list[Problem]:
        found = []
        if not _NAME.fullmatch(self.model_name):
            allowed = "must have letters, digits, '_', '-' and '.', and begin with a letter or digit"
            found.append(Problem("model_name", f"{allowed}, got '{self.model_name}'"))
        if not _VERSION.fullmatch(self.version):
            found.append(Problem("version", f"must look like '1.0', got '{self.version}'"))
        if not self.handler.strip():
            wanted = f"name a Python file, or one of TorchServe's own: {', '.join(BUILT_IN_HANDLERS)}"
            found.append(Problem("handler", f"is empty; {wanted}"))
        needs_weights = self.handler in BUILT_IN_HANDLERS and self.handler not in _FETCH_THEIR_MODEL
        if needs_weights and self.serialized_file is None:
            found.append(Problem("serialized_file", f"is missing, which TorchServe's '{self.handler}' loads; give it"))
        if self.runtime not in ("python", "python3"):
            found.append(Problem("runtime", f"must be 'python' or 'python3', got '{self.runtime}'"))
        return found


def build_mar(
    archive: ModelArchive,
    *,
    output: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    allow: Sequence[str] = (),
) -> Archive:
    """Make a ``.mar``, or find the one that was made of the same files before.

    Parameters
    ----------
    archive
        What goes into it.
    output, cache, progress, allow
        As in `constructs_lib.serving.archive.build_archive`.

    Returns
    -------
    Archive
        The same digest for the same content, whoever builds it, wherever and whenever.

    Raises
    ------
    ArchiveError
        If a file is missing or cannot be packed, or if two would have one name; all of them, one a line. Nothing
        half-written is left.
    """
    started = time.time_ns()
    files, problems = [SourceFile.of_content(MANIFEST, archive.manifest().encode())], list[str]()
    directories = [path for path in map(Path, archive.extra_files) if path.is_dir()]
    for path in _files(archive):
        try:
            files += list_files(path, allow=allow) if path in directories else [list_file(path, path.name, allow)]
        except ArchiveError as error:
            problems += str(error).splitlines()
    packed = put_together(list(dict.fromkeys(files)), problems)

    def write(file: BinaryIO) -> str:
        return write_zip(packed, file, progress=progress)

    if output is not None:
        return write_archive(write, output)
    sources = [Path(archive.file_name), *directories]
    return keep_archive(packed, write, suffix=MAR_SUFFIX, sources=sources, started=started, cache=cache)


def _files(archive: ModelArchive) -> list[Path]:
    """Give what is to be packed, each once: two options may name one file."""
    single = (archive.serialized_file, archive.model_file, archive.requirements_file, archive.config_file)
    given = [archive.handler_file, *single, *archive.extra_files]
    return list(dict.fromkeys(Path(path) for path in given if path is not None))


def _name(path: str | None) -> str | None:
    return None if path is None else Path(path).name
