"""What a model's local files must be, and what becomes of them."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from constructs_lib.serving.archive import ArchiveError
from constructs_lib.serving.models import ContainerModel, Model, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.packaging import file_problems, package
from constructs_lib.serving.problems import InvalidValueError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A model as the documentation tells to lay it out."""
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"weights")
    (model / "code" / "inference.py").write_text("def model_fn(directory): ...\n")
    return model


def problems(model: Model) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in file_problems(model)]


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_a_directory_becomes_an_archive_of_its_files(directory: Path) -> None:
    archive = package(OnnxModel(artifact=str(directory), entry_point="inference.py"))

    assert names(archive.path) == ["code/inference.py", "model.onnx"]


def test_a_source_directory_becomes_the_code_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.pt").write_bytes(b"weights")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "serve.py").write_text("")

    archive = package(
        PyTorchModel(artifact=str(tmp_path / "weights"), source_dir=str(tmp_path / "source"), entry_point="serve.py")
    )

    assert names(archive.path) == ["code/serve.py", "model.pt"]


def test_a_finished_archive_is_taken_as_it_is(tmp_path: Path) -> None:
    finished = tmp_path / "model-1.2.tar.gz"
    finished.write_bytes(gzip.compress(b"anything"))

    archive = package(ContainerModel(image="example/mine:1", artifact=str(finished)))

    assert (archive.path, archive.size) == (finished, finished.stat().st_size)
    assert archive.digest == hashlib.sha256(finished.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "model", [OnnxModel(artifact="s3://my-models/model.tar.gz"), ContainerModel(image="example/mine:1")]
)
def test_a_model_without_local_files_has_nothing_to_package(model: Model) -> None:
    assert file_problems(model) == []
    with pytest.raises(InvalidValueError, match=r"'artifact' must be local to be packaged, got ('s3://|None)"):
        package(model)


def test_fails_at_an_artifact_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "nothing"

    assert problems(PyTorchModel(artifact=str(path))) == [
        ("artifact", f"does not exist: '{path}'; give a directory, a .tar.gz file, or an s3:// address")
    ]


def test_fails_at_an_empty_directory(tmp_path: Path) -> None:
    assert problems(PyTorchModel(artifact=str(tmp_path))) == [
        ("artifact", f"is an empty directory: '{tmp_path}'; put the model's files into it")
    ]


def test_fails_at_a_directory_with_nothing_to_pack(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()

    ((field, message),) = problems(PyTorchModel(artifact=str(tmp_path)))

    assert field == "artifact"
    assert message.startswith(f"{tmp_path}: has no files to pack (")
    assert message.endswith("; put the model's files there")


def test_fails_at_an_empty_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.touch()

    assert problems(PyTorchModel(artifact=str(path))) == [("artifact", f"is an empty file: '{path}'")]


def test_fails_at_an_archive_that_is_something_else(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")

    assert problems(PyTorchModel(artifact=str(path))) == [
        ("artifact", f"is no gzip file, though its name ends with .tar.gz: '{path}'")
    ]


def test_fails_at_a_directory_with_the_name_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.mkdir()

    assert problems(PyTorchModel(artifact=str(path))) == [
        ("artifact", f"is not a file, though its name ends with .tar.gz: '{path}'")
    ]


def test_fails_at_any_other_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")

    assert problems(OnnxModel(artifact=str(path))) == [
        ("artifact", f"is neither a directory nor a .tar.gz file: '{path}'")
    ]


def test_fails_at_a_path_that_the_system_cannot_look_at(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300)

    assert problems(PyTorchModel(artifact=str(path))) == [
        ("artifact", f"cannot be looked at: '{path}': {os.strerror(errno.ENAMETOOLONG)}")
    ]


def test_fails_at_a_symlink_that_leaves_the_directory(directory: Path) -> None:
    (directory / "elsewhere").symlink_to("/etc/hostname")

    ((field, message),) = problems(OnnxModel(artifact=str(directory)))

    assert field == "artifact"
    assert message.startswith(f"{directory}/elsewhere: is a symlink to '/etc/hostname', outside of '{directory}'")


def test_fails_at_a_symlink_that_leaves_the_source_directory(directory: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "elsewhere").symlink_to("/etc/hostname")

    ((field, message),) = problems(PyTorchModel(artifact=str(directory), source_dir=str(source)))

    assert field == "source_dir"
    assert message.startswith(f"{source}/elsewhere: is a symlink to '/etc/hostname', outside of '{source}'")


def test_fails_at_a_handler_that_is_missing(directory: Path) -> None:
    assert problems(OnnxModel(artifact=str(directory), entry_point="handler.py")) == [
        ("entry_point", f"'handler.py' is not in '{directory}/code', which has inference.py")
    ]


def test_fails_at_a_handler_where_there_is_no_code_at_all(directory: Path) -> None:
    (directory / "code" / "inference.py").unlink()
    (directory / "1").mkdir()
    (directory / "1" / "saved_model.pb").write_bytes(b"graph")

    assert problems(TensorFlowModel(artifact=str(directory), entry_point="inference.py")) == [
        ("entry_point", f"'inference.py' is not in '{directory}/code', which has no Python file")
    ]


def test_fails_at_an_onnx_model_whose_code_has_no_handler(directory: Path) -> None:
    (directory / "code" / "inference.py").unlink()

    assert problems(OnnxModel(artifact=str(directory))) == [
        (
            "entry_point",
            f"is missing, and '{directory}/code' has no inference.py; name the handler, or remove '{directory}/code' "
            "to be served by the library's own",
        )
    ]


def test_a_pytorch_model_needs_no_handler(directory: Path) -> None:
    (directory / "code" / "inference.py").unlink()

    assert problems(PyTorchModel(artifact=str(directory))) == []


def test_fails_at_a_source_directory_that_is_missing(directory: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"

    assert problems(PyTorchModel(artifact=str(directory), source_dir=str(source))) == [
        ("source_dir", f"is not a directory: '{source}'")
    ]


def test_packaging_refuses_what_the_check_finds(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"^PyTorchModel: 'artifact' is an empty directory: "):
        package(PyTorchModel(artifact=str(tmp_path)))


def test_packaging_refuses_files_that_do_not_fit_into_an_archive(directory: Path) -> None:
    (directory / "elsewhere").symlink_to("/etc/hostname")

    with pytest.raises(ArchiveError, match="is a symlink to '/etc/hostname', outside of "):
        package(OnnxModel(artifact=str(directory)))
