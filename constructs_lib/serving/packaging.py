"""What a model's local files must be, and how they become one archive."""

from __future__ import annotations

import hashlib
from pathlib import Path

from constructs_lib.serving.archive import Archive, ArchiveError, build_archive
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.artifacts import LocalArtifact
from constructs_lib.serving.models import FrameworkModel, Model, OnnxModel
from constructs_lib.serving.problems import Problem, Problems

CODE_DIRECTORY = "code"
_DEFAULT_HANDLER = "inference.py"
_GZIP = b"\x1f\x8b"


def package(model: Model) -> Archive:
    """Make the archive of a model whose artifact is local.

    A directory becomes a ``model.tar.gz`` in the cache, with ``source_dir`` as its ``code/``; a finished ``.tar.gz``
    is taken as it is.

    Raises
    ------
    InvalidValueError
        When the model has no local artifact; when the artifact, the handler or its directory is missing.
    ArchiveError
        When the directory cannot be packaged: it is empty, unreadable, or has a link that leaves it.
    """
    problems = Problems(type(model).__name__)
    location = model.location
    if not isinstance(location, LocalArtifact):
        problems.add("artifact", f"must be local to be packaged, got {model.artifact!r}")
        raise problems.error()
    problems.extend(_missing_files(model, location))
    problems.raise_any()
    if location.is_archive:
        return _finished(location.path)
    return build_archive(location.path, code=_source_directory(model))


def file_problems(model: Model) -> list[Problem]:
    """Find what is wrong with a model's local files, without reading what is in them.

    Returns
    -------
    list of Problem
        Empty when the model can be packaged, or has no local files.
    """
    if not isinstance(model.location, LocalArtifact):
        return []
    if missing := _missing_files(model, model.location):
        return missing
    return [] if model.location.is_archive else _unfit_files(model.location.path, _source_directory(model))


def _missing_files(model: Model, location: LocalArtifact) -> list[Problem]:
    path = location.path
    try:
        if not path.exists():
            text = f"does not exist: '{path}'; give a directory, a .tar.gz file, or an s3:// address"
            return [Problem("artifact", text)]
        if location.is_archive:
            return _archive_problems(path)
        if not path.is_dir():
            return [Problem("artifact", f"is neither a directory nor a .tar.gz file: '{path}'")]
        if not any(path.iterdir()):
            return [Problem("artifact", f"is an empty directory: '{path}'; put the model's files into it")]
        return _handler_problems(model, path) if isinstance(model, FrameworkModel) else []
    except OSError as error:
        return [Problem("artifact", f"cannot be looked at: '{error.filename}': {error.strerror}")]


def _archive_problems(path: Path) -> list[Problem]:
    if not path.is_file():
        return [Problem("artifact", f"is not a file, though its name ends with .tar.gz: '{path}'")]
    if not path.stat().st_size:
        return [Problem("artifact", f"is an empty file: '{path}'")]
    with path.open("rb") as file:
        if file.read(len(_GZIP)) != _GZIP:  # a pointer of Git LFS, a web page with an error
            return [Problem("artifact", f"is no gzip file, though its name ends with .tar.gz: '{path}'")]
    return []


def _unfit_files(directory: Path, code: Path | None) -> list[Problem]:
    try:
        list_files(directory, code)
    except ArchiveError as error:
        return [_unfit(line, code) for line in str(error).splitlines()]
    return []


def _unfit(line: str, code: Path | None) -> Problem:
    in_code = code is not None and line.startswith((f"{code}/", f"{code}:"))
    return Problem("source_dir" if in_code else "artifact", line)


def _handler_problems(model: FrameworkModel, artifact: Path) -> list[Problem]:
    directory = _source_directory(model)
    if directory and not directory.is_dir():
        return [Problem("source_dir", f"is not a directory: '{directory}'")]
    code = directory or artifact / CODE_DIRECTORY
    if model.entry_point is None:
        if isinstance(model, OnnxModel) and not (code / _DEFAULT_HANDLER).is_file():
            return [Problem("entry_point", f"is missing; an ONNX model needs a handler that loads it, in '{code}'")]
        return []
    if (code / model.entry_point).is_file():
        return []
    found = sorted(file.name for file in code.glob("*.py")) if code.is_dir() else []
    there = f"which has {', '.join(found)}" if found else "which has no Python file"
    return [Problem("entry_point", f"'{model.entry_point}' is not in '{code}', {there}")]


def _source_directory(model: Model) -> Path | None:
    if isinstance(model, FrameworkModel) and model.source_dir is not None:
        return Path(model.source_dir)
    return None


def _finished(path: Path) -> Archive:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Archive(path=path, digest=digest, size=path.stat().st_size)
