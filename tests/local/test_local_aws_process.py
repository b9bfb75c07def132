"""Starting and stopping local AWS."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import boto3
import psutil
import pytest
from patience import PATIENCE, eventually

from local_aws.process import LocalAws, StartFailedError, down, status, up

_PARENT = """
import sys, time
from pathlib import Path
from local_aws.process import LocalAws
with LocalAws.start(state=Path(sys.argv[1]), hosting="fake_hosting") as aws:
    print(aws.pid, flush=True)
    time.sleep(600)
"""


def lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def start(state: Path, port: int = 0) -> LocalAws:
    return LocalAws.start(state=state, port=port, hosting="fake_hosting")


def test_plain_boto3_uses_it_with_nothing_but_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-real-aws")
    with start(tmp_path) as aws:
        for name, value in aws.environment().items():
            monkeypatch.setenv(name, value)

        assert boto3.Session().client("sts").get_caller_identity()["Account"] == "000000000000"
        assert boto3.Session().client("sagemaker").list_models()["Models"] == []


def test_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    with start(tmp_path) as aws:
        listening = {
            connection.laddr
            for connection in psutil.Process(aws.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }

    assert listening == {("127.0.0.1", aws.port)}


def test_connections_wait_while_it_is_busy(tmp_path: Path) -> None:
    with start(tmp_path) as aws, ExitStack() as opened:
        os.kill(aws.pid, signal.SIGSTOP)
        try:
            connections = [
                opened.enter_context(socket.create_connection(("127.0.0.1", aws.port), timeout=PATIENCE))
                for _ in range(200)
            ]
        finally:
            os.kill(aws.pid, signal.SIGCONT)
        for connection in connections:
            connection.sendall(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert [connection.recv(12) for connection in connections] == [b"HTTP/1.1 200"] * 200


def test_a_taken_port_is_one_readable_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StartFailedError) as caught:
            start(tmp_path, port)

    assert str(caught.value) == f"port {port} of 127.0.0.1 cannot be used: Address already in use; choose another one"


def test_a_state_directory_is_used_by_one_server_at_a_time(tmp_path: Path) -> None:
    with start(tmp_path), pytest.raises(StartFailedError, match="local AWS is already running with the state dir"):
        start(tmp_path)


@pytest.mark.parametrize("run", [start, up])
def test_a_state_directory_that_cannot_be_made_is_one_readable_line(
    tmp_path: Path, run: Callable[[Path], LocalAws]
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartFailedError, match=r"^the state directory .*file cannot be used: File exists$"):
        run(tmp_path / "file")


def test_a_ministack_without_a_name_that_we_rely_on_is_refused_at_start(tmp_path: Path) -> None:
    without = (
        "import local_aws.extension as extension\n"
        "extension._RELIED_ON = {**extension._RELIED_ON, 'ministack.core.router': ('DETECT',), 'ministack.gone': ()}\n"
        "try:\n    extension.install()\nexcept extension.MiniStackChangedError as error:\n    print(error)\n"
    )

    said = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, check=True).stdout

    assert "lacks ministack.core.router.DETECT, ministack.gone (No module named 'ministack.gone'), on which" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_server_does_not_outlive_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert lives(server)

        parent.send_signal(number)

        try:
            assert eventually(lambda: not lives(server))
        finally:
            parent.kill()


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    aws = start(tmp_path)

    aws.stop()
    aws.stop()

    assert not lives(aws.pid)


# --- Kept running -----------------------------------------------------------------------------------------------------


def test_up_keeps_it_running_and_down_stops_it(tmp_path: Path) -> None:
    assert status(tmp_path) is None
    assert down(tmp_path) is False

    first = up(tmp_path, hosting="fake_hosting")
    try:
        again = up(tmp_path, hosting="fake_hosting")
        running = status(tmp_path)
        assert running is not None
        assert first.pid == again.pid == running.pid
        with pytest.raises(StartFailedError, match=f"already running on port {first.port}: stop it first"):
            up(tmp_path, port=1)
    finally:
        assert down(tmp_path) is True

    assert status(tmp_path) is None
    assert eventually(lambda: not lives(first.pid))


def test_two_ups_at_once_start_one(tmp_path: Path) -> None:
    try:
        with ThreadPoolExecutor(2) as pool:
            started = list(pool.map(lambda _: up(tmp_path, hosting="fake_hosting").pid, range(2)))
        assert len(set(started)) == 1
    finally:
        down(tmp_path)


def test_what_a_server_that_was_killed_had_on_disk_is_deleted(tmp_path: Path) -> None:
    left = tmp_path / "endpoints" / "digits-main-0f3a" / "model.tar.gz"
    left.parent.mkdir(parents=True)
    left.touch()

    with start(tmp_path):
        assert not left.parent.exists()


def test_a_server_that_was_killed_is_not_taken_for_one_that_runs(tmp_path: Path) -> None:
    killed = up(tmp_path, hosting="fake_hosting")
    os.kill(killed.pid, signal.SIGKILL)

    assert eventually(lambda: status(tmp_path) is None)
    assert (tmp_path / "local-aws.json").exists()
    assert down(tmp_path) is False
    try:
        assert up(tmp_path, hosting="fake_hosting").pid != killed.pid
    finally:
        down(tmp_path)
