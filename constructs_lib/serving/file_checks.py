"""What a model's local files must be: found by looking at names, and at little else.

Each function gives the problems of one kind; `packaging.file_problems` puts them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.artifact_names import UnreadableArchiveError, archive_names, archive_text
from constructs_lib.serving.artifacts import LocalArtifact
from constructs_lib.serving.models import ContainerModel, FrameworkModel, Model, OnnxModel, TensorFlowModel
from constructs_lib.serving.problems import Problem
from constructs_lib.serving.saved_model import saved_model_problem
from constructs_lib.serving.source_file import ArchiveError
from constructs_lib.serving.triton_repository import is_on_triton, repository_problems

CODE_DIRECTORY = "code"
_DEFAULT_HANDLER = "inference.py"
_REQUIREMENTS = "requirements.txt"
_ONNX_HANDLER = Path(__file__).with_name("handlers") / "onnx"
_GZIP = b"\x1f\x8b"
_LISTED = 3


def missing_files(model: Model, location: LocalArtifact, allow: Sequence[str] = ()) -> list[Problem]:
    """Look for the artifact, and for what must be in it; `allow` is as in `archive_files.list_files`."""
    path = location.path
    try:
        if not path.exists():
            text = f"does not exist: '{path}'; give a directory, a .tar.gz file, or an s3:// address"
            return [Problem("artifact", text)]
        if location.is_archive:
            return _archive_problems(path) or _archived_problems(model, path)
        if not path.is_dir():
            return [Problem("artifact", f"is neither a directory nor a .tar.gz file: '{path}'")]
        if not any(path.iterdir()):
            return [Problem("artifact", f"is an empty directory: '{path}'; put the model's files into it")]
        return _content_problems(model, path, allow)
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


def _archived_problems(model: Model, path: Path) -> list[Problem]:
    """Look for what must be in a finished archive."""
    if is_on_triton(model):
        return _archived_repository_problems(model, path)
    # Nothing can be added to a finished archive, so an ONNX model's handler must be in it.
    entry_point = _entry_point(model) or (_DEFAULT_HANDLER if isinstance(model, OnnxModel) else None)
    wanted = f"{CODE_DIRECTORY}/{entry_point}" if entry_point else None
    if wanted is None and not isinstance(model, TensorFlowModel):
        return []
    try:
        names = archive_names(path)
    except UnreadableArchiveError as error:
        return [Problem("artifact", f"cannot be read: '{path}': {error}; make the archive again")]
    found = []
    if wanted is not None and wanted not in names:
        there = [name for name in names if name.startswith(f"{CODE_DIRECTORY}/") and name.endswith(".py")]
        what = f"which has {', '.join(there)}" if there else f"which has no Python file in {CODE_DIRECTORY}/"
        found.append(Problem("entry_point", f"'{wanted}' is not in '{path}', {what}"))
    if isinstance(model, TensorFlowModel) and (wrong := saved_model_problem(names)):
        found.append(Problem("artifact", f"'{path}' {wrong}"))
    return found


def _content_problems(model: Model, directory: Path, allow: Sequence[str]) -> list[Problem]:
    """Look for what must be in a directory that will be packaged."""
    if is_on_triton(model):
        return _repository_problems(model, directory, allow)
    found = _handler_problems(model, directory) if isinstance(model, FrameworkModel) else []
    if isinstance(model, TensorFlowModel):
        with suppress(ArchiveError):  # what cannot be packed at all is told by `unfit_files`
            wrong = saved_model_problem(file.name for file in list_files(directory, allow=allow))
            found += [Problem("artifact", f"'{directory}' {wrong}")] if wrong else []
    return found


def _repository_problems(model: Model, directory: Path, allow: Sequence[str]) -> list[Problem]:
    """Look for what Triton must find in a directory."""
    with suppress(ArchiveError):  # what cannot be packed at all is told by `unfit_files`
        paths = {file.name: Path(file.path) for file in list_files(directory, allow=allow)}
        found = repository_problems(model, list(paths), lambda name: _text(paths[name]), paths.__getitem__)
        return [Problem("artifact", f"'{directory}' {wrong}") for wrong in found]
    return []


def _archived_repository_problems(model: Model, path: Path) -> list[Problem]:
    """Look for what Triton must find in a finished archive."""
    try:
        names = archive_names(path)
        found = repository_problems(model, names, lambda name: archive_text(path, name) or "", None)
        return [Problem("artifact", f"'{path}' {wrong}") for wrong in found]
    except UnreadableArchiveError as error:
        return [Problem("artifact", f"cannot be read: '{path}': {error}; make the archive again")]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def unfit_files(directory: Path, code: Path | None) -> list[Problem]:
    """Look for files that cannot be packed."""
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
        return _default_handler_problems(model, artifact) if isinstance(model, OnnxModel) else []
    if (code / model.entry_point).is_file():
        return []
    found = sorted(file.name for file in code.glob("*.py")) if code.is_dir() else []
    there = f"which has {', '.join(found)}" if found else "which has no Python file"
    return [Problem("entry_point", f"'{model.entry_point}' is not in '{code}', {there}")]


def _default_handler_problems(model: OnnxModel, artifact: Path) -> list[Problem]:
    """Check that an ONNX model without a handler of its own can be served by the library's."""
    code = _source_directory(model) or artifact / CODE_DIRECTORY
    if (code / _DEFAULT_HANDLER).is_file():
        return []
    if code.exists():
        text = (
            f"is missing, and '{code}' has no {_DEFAULT_HANDLER}; name the handler, or remove '{code}' to be served by"
        )
        return [Problem("entry_point", f"{text} the library's own")]
    found = sorted(file.name for file in artifact.glob("*.onnx"))
    if len(found) == 1:
        return []
    what = f"has {len(found)} .onnx files ({', '.join(found)})" if found else "has no .onnx file at its top"
    return [Problem("artifact", f"'{artifact}' {what}, and the library's handler serves one; give an 'entry_point'")]


def added_code(model: Model, artifact: Path) -> Path | None:
    """Give the directory that becomes ``code/``; None: the artifact brings its own, or needs none."""
    if is_on_triton(model):
        return None
    given = _source_directory(model)
    if given is None and isinstance(model, OnnxModel) and not (artifact / CODE_DIRECTORY).exists():
        return _ONNX_HANDLER
    return given


def _entry_point(model: Model) -> str | None:
    return model.entry_point if isinstance(model, FrameworkModel) else None


def _source_directory(model: Model) -> Path | None:
    if isinstance(model, FrameworkModel) and model.source_dir is not None:
        return Path(model.source_dir)
    return None


def missing_dockerfile(model: Model) -> list[Problem]:
    """Look for the file that an image is to be built from."""
    if not isinstance(model, ContainerModel) or model.dockerfile_directory is None:
        return []
    directory = Path(model.dockerfile_directory)
    if (directory / "Dockerfile").is_file():
        return []
    what = "has no file called 'Dockerfile'" if directory.is_dir() else "is no directory"
    return [Problem("dockerfile_directory", f"{what}: '{directory}'")]


def downloads_in_isolation(model: Model, location: LocalArtifact) -> list[Problem]:
    """Check that a container that may call nobody is not told to install packages when it starts."""
    # SageMaker developer guide, "Run Training and Inference Containers in Internet-Free Mode". An image of one's own
    # may have the packages already, and then pip calls nobody.
    if not model.network_isolation or model.image is not None:
        return []
    text = requirements(model, location)
    wanted = [] if text is None else _downloaded(text)
    if not wanted:
        return []
    named = ", ".join(wanted[:_LISTED]) + (" …" if len(wanted) > _LISTED else "")
    what = f"keeps the container from installing what {CODE_DIRECTORY}/{_REQUIREMENTS} names ({named})"
    return [
        Problem(
            "network_isolation",
            f"{what}; put wheels into {CODE_DIRECTORY}/ and name them by their path, or give an 'image' that has them",
        )
    ]


def requirements(model: Model, location: LocalArtifact) -> str | None:
    """Read what a model's code asks to be installed; None when there is no such file."""
    if location.is_archive:
        with suppress(UnreadableArchiveError):  # one that nothing has to be found in may be anything
            return archive_text(location.path, f"{CODE_DIRECTORY}/{_REQUIREMENTS}")
        return None
    file = (added_code(model, location.path) or location.path / CODE_DIRECTORY) / _REQUIREMENTS
    return _text(file) if file.is_file() else None


def _downloaded(requirements: str) -> list[str]:
    """Give the lines for which pip goes to an index."""
    lines = [line.partition(" #")[0].strip() for line in requirements.splitlines()]
    if "--no-index" in lines:
        return []
    return [line for line in lines if line and not line.startswith(("#", "-", ".", "/", "file:"))]
