"""How a long command shows what it does: its stages, the lines of the tools it runs, and how it fails."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from scripts import stages
from scripts.stages import CommandError, Stages, run


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_stages_are_counted_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    announced = Stages(total=2)
    with announced.stage("package the model"):
        pass
    with announced.stage("predict"):
        pass

    assert capsys.readouterr().out.splitlines() == ["[1/2] package the model", "[2/2] predict"]
    assert re.fullmatch(
        r"  package the model     0\.0 s\n  predict               0\.0 s\n  in all                0\.0 s",
        announced.table(),
    )


def test_the_lines_of_a_command_are_shown_indented_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    run(python("import os; print('one'); print(); print(os.environ['GREETING'])"), environment={"GREETING": "hello"})

    assert capsys.readouterr().out == "      one\n      hello\n"


def test_a_quiet_command_shows_nothing_when_it_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    run(python("print('one')"), environment={}, quiet=True)

    assert capsys.readouterr().out == ""


def test_fails_with_the_command_its_exit_code_and_its_last_lines() -> None:
    script = "print(*range(40), sep='\\n'); raise SystemExit(3)"

    with pytest.raises(CommandError) as raised:
        run(python(script), environment={}, quiet=True)

    first, *lines = str(raised.value).splitlines()
    assert first.startswith(f"'{sys.executable} -c ")
    assert lines[-30:] == [str(number) for number in range(10, 40)]
    assert " ended with exit code 3" in str(raised.value)


def test_fails_at_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        run([str(tmp_path / "cdk")], environment={})

    assert str(raised.value) == f"'{tmp_path}/cdk' cannot be run: No such file or directory; `make` sets it up"


def test_a_command_that_is_interrupted_while_it_starts_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    really_start = stages._start

    def start(command: Sequence[str], environment: Mapping[str, str], directory: Path | None) -> subprocess.Popen[str]:
        started.append(really_start(command, environment, directory))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr(stages, "_start", start)

    with pytest.raises(KeyboardInterrupt):
        run(python("import time; time.sleep(60)"), environment={})
    assert started[0].poll() == -signal.SIGTERM
