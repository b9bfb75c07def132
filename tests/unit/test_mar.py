"""Model archives: what their manifest says, what goes in, and what is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.serving.archive import ArchiveError
from constructs_lib.serving.mar import BUILT_IN_HANDLERS, MANIFEST, ModelArchive, build_mar
from constructs_lib.serving.problems import InvalidValueError


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with the files of the book's model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pth").write_bytes(b"weights")
    (tmp_path / "run_inference.py").write_text("def handle(data, context): ...\n")
    (tmp_path / "network.py").write_text("class Net: ...\n")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "index_to_name.json").write_text("{}")
    (tmp_path / "labels" / "more").mkdir()
    (tmp_path / "labels" / "more" / "vocabulary.txt").write_text("a\n")
    return tmp_path


def books(**more: Any) -> ModelArchive:
    """The archive of the book."""
    given = {"model_name": "archived_model", "serialized_file": "model.pth", "handler": "run_inference"}
    return ModelArchive(**{**given, **more})


def names(archive: ModelArchive, **options: Any) -> list[str]:
    with zipfile.ZipFile(build_mar(archive, **options).path) as opened:
        return opened.namelist()


def errors(archive: ModelArchive) -> list[str]:
    with pytest.raises(ArchiveError) as raised:
        build_mar(archive)
    return str(raised.value).splitlines()


def refusals(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidValueError) as raised:
        books(**fields)
    return [(problem.field, problem.message) for problem in raised.value.problems]


def test_the_books_archive_has_its_three_files_and_a_manifest(directory: Path) -> None:
    archive = build_mar(books())

    with zipfile.ZipFile(archive.path) as opened:
        assert opened.namelist() == [MANIFEST, "model.pth", "run_inference.py"]
        manifest = json.loads(opened.read(MANIFEST))
    assert manifest["model"] == {
        "modelName": "archived_model",
        "modelVersion": "1.0",
        "handler": "run_inference.py",
        "serializedFile": "model.pth",
    }
    assert manifest["runtime"] == "python"


def test_the_manifest_is_one_for_torchserve_and_multi_model_server() -> None:
    """Each complains of, or refuses, an archive without its own fields."""
    manifest = json.loads(books().manifest())

    assert {"createdOn", "archiverVersion", "runtime", "model"} <= set(manifest)
    assert {"specificationVersion", "implementationVersion", "modelServerVersion"} <= set(manifest)


def test_the_manifest_names_files_as_they_are_in_the_archive(directory: Path) -> None:
    (directory / "requirements.txt").write_text("numpy\n")
    (directory / "model-config.yaml").write_text("batchSize: 4\n")

    archive = books(
        handler="./run_inference.py:handle",
        model_file=str(directory / "network.py"),
        requirements_file="./requirements.txt",
        config_file="model-config.yaml",
        runtime="python3",
        version="2.1",
    )

    manifest = json.loads(archive.manifest())
    assert manifest["runtime"] == "python3"
    assert manifest["model"] == {
        "modelName": "archived_model",
        "modelVersion": "2.1",
        "handler": "run_inference.py:handle",
        "serializedFile": "model.pth",
        "modelFile": "network.py",
        "requirementsFile": "requirements.txt",
        "configFile": "model-config.yaml",
    }
    packed = ["model-config.yaml", "model.pth", "network.py", "requirements.txt", "run_inference.py"]
    assert names(archive) == [MANIFEST, *packed]


def test_extra_files_go_to_the_top_and_so_does_what_is_in_a_directory(directory: Path) -> None:
    packed = names(books(extra_files=("network.py", "labels")))

    assert packed == [
        MANIFEST,
        "index_to_name.json",
        "model.pth",
        "more/vocabulary.txt",
        "network.py",
        "run_inference.py",
    ]


def test_a_file_that_two_options_name_is_packed_once(directory: Path) -> None:
    assert names(books(extra_files=("model.pth",))) == [MANIFEST, "model.pth", "run_inference.py"]


def test_torchserves_own_handlers_are_no_files(directory: Path) -> None:
    archive = books(handler="image_classifier")

    assert archive.handler_file is None
    assert json.loads(archive.manifest())["model"]["handler"] == "image_classifier"
    assert names(archive) == [MANIFEST, "model.pth"]


def test_the_same_files_give_the_same_bytes(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    caches = [tmp_path_factory.mktemp("cache") for _ in range(2)]

    first, second = (build_mar(books(extra_files=("labels",)), cache=cache) for cache in caches)

    assert first.digest == second.digest
    assert first.path.read_bytes() == second.path.read_bytes()


def test_another_version_is_another_archive(directory: Path) -> None:
    assert build_mar(books()).digest != build_mar(books(version="2.0")).digest


def test_an_unchanged_archive_is_found_again_without_reading(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constructs_lib.serving.archive.CLOCK_STEP_NS", 0)
    told: list[int] = []

    first = build_mar(books(), progress=lambda done, _: told.append(done))
    assert told
    told.clear()
    second = build_mar(books(), progress=lambda done, _: told.append(done))

    assert (second.path, told) == (first.path, [])


def test_fails_at_files_that_are_missing_all_at_once(directory: Path) -> None:
    assert errors(books(serialized_file="weights.pth", handler="nowhere/handler", extra_files=("labels", "gone"))) == [
        "nowhere/handler.py: cannot be read (No such file or directory); give a file that is there",
        "weights.pth: cannot be read (No such file or directory); give a file that is there",
        "gone: cannot be read (No such file or directory); give a file that is there",
    ]


def test_fails_at_a_directory_where_a_file_belongs(directory: Path) -> None:
    assert errors(books(serialized_file="labels")) == ["labels: is not a file; give one"]


def test_fails_at_two_files_of_one_name(directory: Path) -> None:
    (directory / "labels" / "model.pth").write_bytes(b"other weights")

    (line,) = errors(books(extra_files=("labels",)))

    assert "would be 'model.pth' in the archive" in line


def test_fails_at_a_file_that_takes_the_place_of_the_manifest(directory: Path) -> None:
    (directory / "labels" / "MAR-INF").mkdir()
    (directory / "labels" / "MAR-INF" / "MANIFEST.json").write_text("{}")

    (line,) = errors(books(extra_files=("labels",)))

    assert "'MAR-INF/MANIFEST.json'" in line


def test_fails_at_a_secret_unless_it_is_allowed(directory: Path) -> None:
    (directory / "labels" / ".env").write_text("TOKEN=1\n")

    (line,) = errors(books(extra_files=("labels",)))

    assert line.startswith("labels/.env: looks like a secret")
    assert ".env" in names(books(extra_files=("labels",)), allow=[".env"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"model_name": "my model"},
            [
                (
                    "model_name",
                    "must have letters, digits, '_', '-' and '.', and begin with a letter or digit, got 'my model'",
                )
            ],
        ),
        ({"version": ""}, [("version", "must look like '1.0', got ''")]),
        (
            {"handler": " "},
            [("handler", f"is empty; name a Python file, or one of TorchServe's own: {', '.join(BUILT_IN_HANDLERS)}")],
        ),
        (
            {"handler": "image_classifier", "serialized_file": None},
            [("serialized_file", "is missing, which TorchServe's 'image_classifier' loads; give it")],
        ),
        ({"runtime": "python2"}, [("runtime", "must be 'python' or 'python3', got 'python2'")]),
    ],
)
def test_fails_at_a_wrong_value(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert refusals(**fields) == expected


def test_all_wrong_values_are_told_at_once() -> None:
    assert [field for field, _ in refusals(model_name="", version="v 1", runtime="java")] == [
        "model_name",
        "version",
        "runtime",
    ]


def test_a_handler_that_fetches_its_model_needs_no_weights() -> None:
    assert books(handler="vllm_handler", serialized_file=None).handler_file is None
