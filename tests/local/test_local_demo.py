"""`make local`: what it prints at the end, and that nothing of it outlives an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from patience import PATIENCE, looks

ROOT = Path(__file__).resolve().parents[2]


def start(tmp_path: Path) -> subprocess.Popen[str]:
    """Start the demonstration with a folder of its own for temporary files, by which its processes are known."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.local_demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1", "AWS_PROFILE": "of-the-real-aws"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_over(tmp_path: Path) -> list[str]:
    """Give the command lines of the processes that were started below the folder and still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(tmp_path) in " ".join(process.cmdline()) or process.environ().get("TMPDIR") == str(tmp_path):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def wait_until_none_left(tmp_path: Path) -> list[str]:
    left: list[str] = []
    for _ in looks():
        left = left_over(tmp_path)
        if not left:
            break
    return left


def test_it_ends_with_outputs_status_predictions_times_and_the_way_by_hand(tmp_path: Path) -> None:
    process = start(tmp_path)
    output, _ = process.communicate(timeout=5 * PATIENCE)

    assert process.returncode == 0, output
    for expected in (
        "digitsEndpointName = digits",
        "Endpoint 'digits' is InService.",
        "predicted 1 ✓",
        "of 450 held-out images",
        "cdk deploy InferenceStack  ",
        "in all",
        "AWS_ENDPOINT_URL",
        "invoke_endpoint",
    ):
        assert expected in output
    assert wait_until_none_left(tmp_path) == []
    assert list(tmp_path.glob("inference-local-*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_stops_every_process_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if "cdk deploy" in line:
            break
    assert len(left_over(tmp_path)) > 1

    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode != 0
    assert "Traceback" not in output
    assert wait_until_none_left(tmp_path) == []
    assert list(tmp_path.glob("inference-local-*")) == []


def test_a_terminal_that_is_not_utf_8_shows_what_it_can() -> None:
    code = (
        "from scripts import local_demo; local_demo.demonstrate = lambda _: print('predicted 1 ✓'); local_demo.main()"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (0, "predicted 1 ?\n"), ended.stderr
