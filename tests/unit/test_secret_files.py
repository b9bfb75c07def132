"""What looks like a secret is not packed, and what only resembles one is."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from constructs_lib.serving.archive import build_archive
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.models import TensorFlowModel
from constructs_lib.serving.packaging import file_problems, package
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.source_file import ArchiveError

PRIVATE_KEY = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3Blbg==\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "weights").write_bytes(b"w")
    return directory


def refused(directory: Path) -> list[str]:
    with pytest.raises(ArchiveError) as raised:
        list_files(directory)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.production",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        "id_rsa",
        "id_ed25519",
        "credentials",
        "credentials.json",
        "robot_accessKeys.csv",
        "client_secret_42.json",
        "service-account.json",
        "store.p12",
        "Store.JKS",
    ],
)
def test_fails_at_a_name_that_secrets_have(name: str, model: Path) -> None:
    (model / name).write_text("x")

    assert refused(model) == [
        f"{model / name}: looks like a secret, which whoever may read the model could read; remove it, or pack it on"
        f" purpose with `inference package … --allow '{name}'`"
    ]


@pytest.mark.parametrize("name", [".aws", ".ssh", ".kube", ".docker"])
def test_fails_at_a_directory_that_credentials_are_kept_in(name: str, model: Path) -> None:
    (model / name).mkdir()
    (model / name / "config").write_text("x")

    (line,) = refused(model)

    assert line.startswith(f"{model / name}: looks like a secret")


@pytest.mark.parametrize("name", ["server.key", "server.pem", "SERVER.PEM"])
def test_fails_at_a_private_key(name: str, model: Path) -> None:
    (model / name).write_text(PRIVATE_KEY)

    (line,) = refused(model)

    assert line.startswith(f"{model / name}: looks like a secret")


@pytest.mark.parametrize(
    "name", [".env.example", "environment.py", "tokenizer.json", "id_rsa.pub", "credentials.py", "config.json"]
)
def test_a_name_that_only_resembles_one_is_packed(name: str, model: Path) -> None:
    (model / name).write_text("x")

    assert name in [file.name for file in list_files(model)]


def test_a_certificate_is_public(model: Path) -> None:
    (model / "authority.pem").write_text(CERTIFICATE)

    assert [file.name for file in list_files(model)] == ["authority.pem", "weights"]


def test_what_the_caller_allows_is_packed_secrets_and_left_overs(model: Path) -> None:
    (model / ".env").write_text("x")
    (model / "server.key").write_text(PRIVATE_KEY)
    (model / "__pycache__").mkdir()
    (model / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"x")
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("x")

    archive = build_archive(model, allow=[".env", "*.key", "__pycache__", "*.pyc"])

    with tarfile.open(archive.path) as tar:
        assert tar.getnames() == [".env", "__pycache__/handler.cpython-311.pyc", "server.key", "weights"]


def test_a_secret_stops_the_synth_as_a_problem_of_the_artifact(model: Path) -> None:
    (model / "1").mkdir()
    (model / "1" / "saved_model.pb").write_bytes(b"x")
    (model / ".env").write_text("x")

    (problem,) = file_problems(TensorFlowModel(artifact=str(model)))

    assert problem.field == "artifact"
    assert problem.message.startswith(f"{model / '.env'}: looks like a secret")


def test_what_is_allowed_is_checked_for_the_rest_all_the_same(model: Path) -> None:
    (model / ".env").write_text("x")

    with pytest.raises(InvalidValueError, match="has no SavedModel"):
        package(TensorFlowModel(artifact=str(model)), allow=[".env"])
