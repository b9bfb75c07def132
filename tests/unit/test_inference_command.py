"""The `inference` command: its schema, its help, and what it says of a wrong command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from constructs_lib import __version__
from scripts.inference import main
from stacks.settings import json_schema

ROOT = Path(__file__).resolve().parents[2]


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    return raised.value.code, capsys.readouterr().err


def test_schema_prints_the_schema_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])

    assert json.loads(capsys.readouterr().out) == json_schema()


def test_the_schema_in_the_repository_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])

    assert capsys.readouterr().out == (ROOT / "inference.schema.json").read_text(encoding="utf-8"), (
        "the settings have changed: run `inference schema > inference.schema.json`"
    )


def test_the_default_file_names_the_schema() -> None:
    first_line = (ROOT / "inference.yaml").read_text(encoding="utf-8").splitlines()[0]

    assert first_line == "# yaml-language-server: $schema=./inference.schema.json"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["usage: inference ", "schema", "local", "print the JSON Schema of inference.yaml"]),
        (["--help"], ["exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted"]),
        (["local", "--help"], ["usage: inference local ", "up", "down", "status", 'eval "$(inference local up)"\n']),
        (["invoke", "--help"], ["for example:\n  inference invoke rows.csv --endpoint digits\n"]),
        (
            ["local", "up", "--help"],
            ["usage: inference local up ", "--port", "port on 127.0.0.1 (default: a free one)"],
        ),
    ],
)
def test_help_lists_what_there_is(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")  # to which argparse breaks its lines

    with pytest.raises(SystemExit) as raised:
        main(arguments)

    assert raised.value.code == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "inference: the following arguments are required: COMMAND"),
        (["locale"], "inference: argument COMMAND: invalid choice: 'locale' (choose from "),
        (["local"], "inference local: the following arguments are required: ACTION"),
        (
            ["local", "up", "--port", "http"],
            "inference local up: argument --port: must be a number from 0 to 65535, got 'http'",
        ),
        (
            ["local", "up", "--port", "65536"],
            "inference local up: argument --port: must be a number from 0 to 65535, got '65536'",
        ),
        (
            ["local", "up", "--port", "²"],
            "inference local up: argument --port: must be a number from 0 to 65535, got '²'",
        ),
        (["schema", "now"], "inference: unrecognized arguments: now"),
    ],
)
def test_fails_at_a_wrong_command_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = refusal(arguments, capsys)

    assert code == 2
    command = message.partition(":")[0]
    assert shown.startswith(message)
    assert shown.endswith(f"; see: {command} --help\n")
    assert shown.count("\n") == 1


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--version"])

    assert raised.value.code == 0
    assert capsys.readouterr().out == f"inference-constructs {__version__}\n"


def run(arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a shell, from a directory that has no settings."""
    command = f"{sys.executable} -m scripts.inference {arguments}"
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", command], cwd="/", env=known, capture_output=True, text=True, check=False)


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    ended = run("schema | head -n 1; exit ${PIPESTATUS[0]}")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "{\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_told_in_one_line() -> None:
    ended = run("schema > /dev/full")

    assert (ended.returncode, ended.stderr) == (1, "inference schema: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_closed_outputs_change_neither_what_is_done_nor_the_exit_code(closed: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.pth").write_bytes(b"weights")
    words = f"package sagemaker {tmp_path}/model --framework container -o {tmp_path}"

    made, refused = run(f"{words} {closed}"), run(f"{words}/nowhere/model.tar.gz {closed}")

    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        assert tar.getnames() == ["model.pth"]
    assert (made.returncode, refused.returncode, refused.stdout) == (0, 1, "")


def test_charts_of_settings_that_are_not_there_name_the_option() -> None:
    ended = run("charts -o nowhere")

    told = "inference charts: inference.yaml: there is no such file; name one with --settings FILE\n"
    assert (ended.returncode, ended.stderr) == (1, told)


def test_status_of_a_local_aws_that_does_not_run_says_how_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.local_command.STATE", tmp_path)

    code, shown = refusal(["local", "status"], capsys)

    assert code == "local AWS is not running; start it with: inference local up"
    assert "Traceback" not in shown


def test_down_of_a_local_aws_that_does_not_run_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scripts.local_command.STATE", tmp_path)

    main(["local", "down"])

    assert capsys.readouterr().out == "local AWS was not running\n"
