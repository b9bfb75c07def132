"""The `inference` command: its schema, its help, and what it says of a wrong command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
        (["local", "--help"], ["usage: inference local ", "up", "down", "status"]),
        (
            ["local", "up", "--help"],
            ["usage: inference local up ", "--port", "port on 127.0.0.1 (default: a free one)"],
        ),
    ],
)
def test_help_lists_what_there_is(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)

    assert raised.value.code == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "inference: error: the following arguments are required: COMMAND"),
        (["locale"], "inference: error: argument COMMAND: invalid choice: 'locale' (choose from "),
        (["local"], "inference local: error: the following arguments are required: ACTION"),
        (
            ["local", "up", "--port", "http"],
            "inference local up: error: argument --port: must be a number from 0 to 65535, got 'http'",
        ),
        (
            ["local", "up", "--port", "65536"],
            "inference local up: error: argument --port: must be a number from 0 to 65535, got '65536'",
        ),
        (
            ["local", "up", "--port", "²"],
            "inference local up: error: argument --port: must be a number from 0 to 65535, got '²'",
        ),
        (["schema", "now"], "inference: error: unrecognized arguments: now"),
    ],
)
def test_fails_at_a_wrong_command_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = refusal(arguments, capsys)

    assert code == 2
    assert message in shown.splitlines()[-1]


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
