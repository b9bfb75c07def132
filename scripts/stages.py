"""How a long command shows what it is doing: numbered stages, the lines of the tools it runs, and a table of times."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class CommandError(Exception):
    """A command of a stage failed; its text has the command, its exit code and its last lines."""


@dataclass(slots=True)
class Stages:
    """Announces stages one after the other, and remembers how long each took.

    Attributes
    ----------
    total
        How many stages there will be.
    """

    total: int
    _taken: list[tuple[str, float]] = field(default_factory=list)

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Announce a stage, and time what is done in it."""
        print(_bold(f"[{len(self._taken) + 1}/{self.total}] {title}"), flush=True)
        started = time.monotonic()
        yield
        self._taken.append((title, time.monotonic() - started))

    def table(self) -> str:
        """Say how long each stage took, and all of them."""
        rows = [*self._taken, ("in all", sum(seconds for _, seconds in self._taken))]
        width = max(len(title) for title, _ in rows)
        return "\n".join(f"  {title:<{width}}  {seconds:6.1f} s" for title, seconds in rows)


def run(
    command: Sequence[str], *, environment: Mapping[str, str], directory: Path | None = None, quiet: bool = False
) -> None:
    """Run a command, and show its lines, indented, as they come.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        Variables to add to this process's own.
    directory
        Where it runs. None: in the current directory.
    quiet
        Whether to show the lines only when the command fails.

    Raises
    ------
    CommandError
        When it cannot be run, or ends with another code than 0.
    """
    with _undisturbed() as asked_to_end:
        process = _start(command, environment, directory)
    lines: list[str] = []
    try:
        for number in asked_to_end:
            signal.raise_signal(number)
        for line in process.stdout or ():
            if line.strip():
                lines.append(line.rstrip())
                if not quiet:
                    print(f"      {lines[-1]}", flush=True)
        code = process.wait()
    except BaseException:
        _stop(process)
        raise
    if code:
        shown = "\n".join(lines[-30:]) if quiet else ""
        raise CommandError(f"'{' '.join(command)}' ended with exit code {code}\n{shown}".rstrip())


def stop_on_terminate() -> None:
    """Make a polite request to end (SIGTERM) run the same clean-up as Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _start(command: Sequence[str], environment: Mapping[str, str], directory: Path | None) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own command
            command,
            env={**os.environ, **environment},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that everything it starts can be stopped with it
        )
    except OSError as error:
        raise CommandError(f"'{command[0]}' cannot be run: {error.strerror}; `make` sets it up") from None


@contextlib.contextmanager
def _undisturbed() -> Iterator[list[int]]:
    """Hold back Ctrl-C and SIGTERM, and give those that came: a process that is just being started has to be known."""
    caught: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: caught.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(process: subprocess.Popen[str]) -> None:
    """End a command with everything that it has started, and come back when all of it is gone."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        deadline = time.monotonic() + patience
        _signal_group(process, number)
        while _signal_group(process, 0) and time.monotonic() < deadline:
            time.sleep(0.05)


def _signal_group(process: subprocess.Popen[str], number: int) -> bool:
    process.poll()  # a process that has ended stays in its group until somebody asks how
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text
