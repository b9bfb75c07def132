"""A child process whose output becomes log lines and which ends when it is told to."""

import collections
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_log = logging.getLogger(__name__)


class LoggedProcess:
    """A process in a group of its own, with stdout and stderr as lines to ``log``.

    Its stdin is a pipe that closes when this process ends, however it ends: that is how a child can know.

    Parameters
    ----------
    command, cwd, env
        As for subprocess.Popen.
    log
        Called from a thread of its own with each line of output, without its end.
    keep_open
        File descriptors that the child inherits (POSIX).
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Callable[[str], None],
        keep_open: Sequence[int] = (),
    ) -> None:
        self._to_log = log
        self.tail: collections.deque[str] = collections.deque(maxlen=40)
        self._popen = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=keep_open if os.name == "posix" else (),
            # A group of its own: Ctrl-C in the terminal reaches us, and we stop the child; and its children go with it.
            start_new_session=True,
        )
        self._group = threading.Lock()
        self._group_ended = False
        self._reader = threading.Thread(target=self._read, name=f"log of {self._popen.pid}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None  # noqa: S101 - for the type checker
        for line in self._popen.stdout:
            text = line.rstrip("\n")
            self.tail.append(text)
            try:
                self._to_log(text)
            except Exception:  # the child must not block on a full pipe because a reader of its log failed
                _log.exception("a log line was lost")
        self._popen.wait()
        self._end_group()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._popen.poll()

    def ending(self) -> str:
        """Say how the process ended, for a message."""
        code = self._popen.poll() or 0
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def wait(self) -> None:
        """Wait for its end."""
        self._popen.wait()

    def wait_for_log(self) -> None:
        """Let the last lines arrive after the process ended (a grandchild may hold the pipe open: not for ever)."""
        self._reader.join(timeout=2)

    def end(self, *, grace: float) -> None:
        """SIGTERM, and after ``grace`` seconds SIGKILL; then the same for whatever it started. Idempotent."""
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(timeout=grace)
            except subprocess.TimeoutExpired:
                _log.warning("process %d did not end within %g s of SIGTERM and was killed", self.pid, grace)
                self._popen.kill()
                self._popen.wait()
        self._end_group()
        self.wait_for_log()
        if self._popen.stdin is not None:
            self._popen.stdin.close()

    def _end_group(self) -> None:
        """Kill what the child left behind, at once after its end: later its number may be another's."""
        with self._group:
            if self._group_ended or sys.platform == "win32":
                return
            self._group_ended = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
