"""What a model's local files must be, and how they become one archive."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from constructs_lib.serving.archive import Archive, build_archive, write_archive
from constructs_lib.serving.artifacts import LocalArtifact
from constructs_lib.serving.file_checks import (
    added_code,
    downloads_in_isolation,
    missing_dockerfile,
    missing_files,
    unfit_files,
)
from constructs_lib.serving.file_content import Progress
from constructs_lib.serving.models import Model
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems
from constructs_lib.serving.triton_repository import is_on_triton, lay_out


def package(
    model: Model, *, output: Path | None = None, progress: Progress | None = None, allow: Sequence[str] = ()
) -> Archive:
    """Make the archive of a model whose artifact is local.

    A directory becomes a ``model.tar.gz``, with ``source_dir`` as its ``code/``, or as a model repository for Triton; a
    finished ``.tar.gz`` is taken as it is.

    Parameters
    ----------
    model
        What is packaged.
    output, progress, allow
        As in `constructs_lib.serving.archive.build_archive`.

    Raises
    ------
    InvalidValueError
        When the model has no local artifact; when the artifact, the handler or its directory is missing.
    ArchiveError
        When the directory cannot be packaged: it is empty, unreadable, or has a link that leaves it.
    """
    owner, location = type(model).__name__, model.location
    if not isinstance(location, LocalArtifact):
        remote = Problem("artifact", f"must be local to be packaged, got {model.artifact!r}")
        raise InvalidValueError(owner, [remote])
    problems = Problems(owner)
    problems.extend(missing_files(model, location, allow) or downloads_in_isolation(model, location))
    problems.raise_any()
    if location.is_archive:
        return _finished(location.path, output)
    layout = partial(lay_out, model) if is_on_triton(model) else None
    code = added_code(model, location.path)
    return build_archive(location.path, code=code, layout=layout, output=output, progress=progress, allow=allow)


def file_problems(model: Model) -> list[Problem]:
    """Find what is wrong with a model's local files, without reading what is in them.

    Of an archive, the names are read when there is something to look for: a handler, a SavedModel.

    Returns
    -------
    list of Problem
        Empty when the model can be packaged, or has no local files.
    """
    location = model.location
    if not isinstance(location, LocalArtifact):
        return missing_dockerfile(model)
    found = [*missing_dockerfile(model), *missing_files(model, location)]
    if found:
        return found
    unfit = [] if location.is_archive else unfit_files(location.path, added_code(model, location.path))
    return unfit or downloads_in_isolation(model, location)


def _finished(path: Path, output: Path | None) -> Archive:
    with path.open("rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
        if output is None:
            return Archive(path=path, digest=digest, size=path.stat().st_size)
        archive.seek(0)

        def write(file: BinaryIO) -> str:
            shutil.copyfileobj(archive, file, 1 << 20)
            return digest

        return write_archive(write, output)
