"""Where a SavedModel must be in an artifact, whether that is a directory or a finished archive."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from constructs_lib.serving.models import PyTorchModel, TensorFlowModel
from constructs_lib.serving.packaging import file_problems, package
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.saved_model import saved_model_problem


def write(directory: Path, *names: str) -> Path:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"bytes of a file")
    return directory


def archive_of(directory: Path) -> Path:
    path = directory.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(directory, arcname=".")
    return path


def problems(artifact: Path, entry_point: str | None = None) -> list[tuple[str, str]]:
    model = TensorFlowModel(artifact=str(artifact), entry_point=entry_point)
    return [(problem.field, problem.message) for problem in file_problems(model)]


@pytest.mark.parametrize(
    "names",
    [
        ["1/saved_model.pb"],
        ["00000123/saved_model.pb", "00000123/variables/variables.index"],
        ["demo/7/saved_model.pb"],
        ["export/saved_model.pb", "demo/2/saved_model.pb"],
    ],
)
def test_a_saved_model_is_in_a_directory_named_by_a_version(names: list[str]) -> None:
    assert saved_model_problem(names) is None


@pytest.mark.parametrize("form", ["directory", "archive"])
def test_a_local_artifact_with_a_version_and_a_handler_is_fine(tmp_path: Path, form: str) -> None:
    directory = write(tmp_path / "model", "1/saved_model.pb", "1/variables/variables.index", "code/inference.py")
    artifact = directory if form == "directory" else archive_of(directory)

    assert problems(artifact) == problems(artifact, "inference.py") == []


@pytest.mark.parametrize("form", ["directory", "archive"])
def test_fails_at_a_saved_model_without_a_version(tmp_path: Path, form: str) -> None:
    directory = write(tmp_path / "model", "saved_model.pb", "export/saved_model.pb", "v1/saved_model.pb")
    artifact = directory if form == "directory" else archive_of(directory)

    ((field, message),) = problems(artifact)
    assert field == "artifact"
    assert message.startswith(f"'{artifact}' has saved_model.pb ")
    assert "at the top" in message
    assert "in 'v1/'" in message
    assert message.endswith(
        "where TensorFlow Serving does not look: its directory must be named by a version number, as in "
        "'1/saved_model.pb'; rename or add the directory"
    )


def test_fails_at_digits_that_are_not_ascii() -> None:
    assert saved_model_problem(["\N{ARABIC-INDIC DIGIT ONE}/saved_model.pb"]) is not None


def test_fails_at_a_keras_file(tmp_path: Path) -> None:
    directory = write(tmp_path / "model", "model.keras")

    assert problems(directory) == [
        (
            "artifact",
            f"'{directory}' has no SavedModel but the Keras file 'model.keras', which TensorFlow Serving cannot read; "
            "export it (model.export('DIRECTORY/1')) so that the artifact has '1/saved_model.pb'",
        )
    ]


def test_fails_at_an_artifact_of_another_framework(tmp_path: Path) -> None:
    directory = write(tmp_path / "model", "model.pth")

    assert problems(directory) == [
        (
            "artifact",
            f"'{directory}' has no SavedModel: TensorFlow Serving looks for '1/saved_model.pb'; "
            "tf.saved_model.save(model, 'DIRECTORY/1') writes it so (found model.pth)",
        )
    ]


def test_a_missing_handler_and_a_missing_model_are_told_together(tmp_path: Path) -> None:
    artifact = archive_of(write(tmp_path / "model", "model.pth", "code/other.py"))

    handler, model = problems(artifact, "inference.py")
    assert handler == ("entry_point", f"'code/inference.py' is not in '{artifact}', which has code/other.py")
    assert model[0] == "artifact"


def test_the_handler_of_any_framework_must_be_in_a_finished_archive(tmp_path: Path) -> None:
    artifact = archive_of(write(tmp_path / "model", "model.pth"))

    (problem,) = file_problems(PyTorchModel(artifact=str(artifact), entry_point="inference.py"))
    assert str(problem) == (
        f"'entry_point' 'code/inference.py' is not in '{artifact}', which has no Python file in code/"
    )


def test_fails_at_an_archive_that_is_cut_off(tmp_path: Path) -> None:
    artifact = archive_of(write(tmp_path / "model", "1/saved_model.pb"))
    artifact.write_bytes(artifact.read_bytes()[:60])

    ((field, message),) = problems(artifact)
    assert field == "artifact"
    assert message.startswith(f"cannot be read: '{artifact}': ")
    assert message.endswith("; make the archive again")


def test_an_archive_that_is_made_again_is_read_again(tmp_path: Path) -> None:
    directory = write(tmp_path / "model", "saved_model.pb")
    assert len(problems(archive_of(directory))) == 1

    write(directory, "1/saved_model.pb", "1/variables/variables.data-00000-of-00001")

    assert problems(archive_of(directory)) == []


def test_packaging_refuses_a_directory_without_a_saved_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"^TensorFlowModel: 'artifact' '.*' has no SavedModel: "):
        package(TensorFlowModel(artifact=str(write(tmp_path / "model", "weights.bin"))))
