"""Package a model as an archive that a server loads, and upload it.

>>> model = PyTorchModel(artifact="weights/", source_dir="src/", entry_point="inference.py")
>>> package(model, upload="s3://models/ranking/").uri  # doctest: +SKIP
's3://models/ranking/4f0c…/model.tar.gz'
>>> package(ModelArchive(model_name="ranking", handler="handler.py"), output=Path("store/")).path  # doctest: +SKIP
PosixPath('store/ranking.mar')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from constructs_lib.serving import packaging
from constructs_lib.serving.artifacts import ARCHIVE_SUFFIX, MAR_SUFFIX
from constructs_lib.serving.mar import ModelArchive, build_mar
from constructs_lib.serving.models import FrameworkModel, Model
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.upload import upload as upload_archive

MODEL_FILE = f"model{ARCHIVE_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A finished archive.

    Attributes
    ----------
    path
        Where it is on this machine; None: it was only uploaded.
    uri
        Its ``s3://`` address; None: it was not uploaded.
    digest
        SHA-256 (hexadecimal) of what was packed, before compression.
    size
        Its bytes.
    """

    path: Path | None
    uri: str | None
    digest: str
    size: int


def package(
    model: Model | ModelArchive,
    *,
    output: Path | None = None,
    upload: str | None = None,
    allow: Sequence[str] = (),
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Package:
    """Make an archive: SageMaker's ``model.tar.gz`` of a model, or the ``.mar`` of a `ModelArchive`.

    Parameters
    ----------
    model
        What is packaged. A model's artifact must be local; its files are checked as they are at synth.
    output
        The file to write, or the directory to write it to. None: the current directory, or no file if it is uploaded.
    upload
        The ``s3://bucket/prefix/`` to upload it to, under ``<digest>/<name>``. None: it is not uploaded.
    allow
        Names, with shell wildcards, of files that are packed though they look like secrets or left-overs. Default:
        none.
    progress
        Called with what is done (``"packing"``, ``"uploading"``), the bytes done and all bytes. Default: nobody is
        told.

    Raises
    ------
    InvalidValueError
        When the model's files are not what its server needs.
    ArchiveError
        When files cannot be packed, or the archive cannot be written.
    ToolError
        When the output's name or place is refused, or the archive cannot be uploaded.
    """
    name, suffix = (model.file_name, MAR_SUFFIX) if isinstance(model, ModelArchive) else (MODEL_FILE, ARCHIVE_SUFFIX)
    target = None if output is None and upload is not None else _target(output or Path(), name, suffix)
    if target is not None:
        _refuse_among_files(target, model)
    packing = partial(progress, "packing")
    if isinstance(model, ModelArchive):
        archive = build_mar(model, output=target, progress=packing, allow=allow)
    else:
        archive = packaging.package(model, output=target, progress=packing, allow=allow)
    uri = None
    if upload is not None:
        told = partial(progress, "uploading")
        uri = upload_archive(archive.path, upload, digest=archive.digest, name=name, progress=told)
    return Package(path=target, uri=uri, digest=archive.digest, size=archive.size)


def _target(output: Path, name: str, suffix: str) -> Path:
    if output.is_dir():
        return output / name
    if not output.name.endswith(suffix):
        raise ToolError(f"cannot write '{output}': give a directory that is there, or a name that ends with {suffix}")
    if not output.parent.is_dir():
        raise ToolError(f"cannot write '{output}': there is no directory '{output.parent}'; make it")
    return output


def _refuse_among_files(target: Path, model: Model | ModelArchive) -> None:
    """Refuse to write the archive where the next one would pack it."""
    given: tuple[str | None, ...] = model.extra_files if isinstance(model, ModelArchive) else (model.artifact,)
    if isinstance(model, FrameworkModel):
        given = (model.artifact, model.source_dir)
    for directory in (Path(path) for path in given if path is not None):
        if directory.is_dir() and target.resolve().is_relative_to(directory.resolve()):
            raise ToolError(
                f"cannot write '{target}': it is inside of '{directory}', so that the next archive would hold this "
                "one; give another place (--output)"
            )
