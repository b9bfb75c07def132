"""Run a command in place of a container's entry point: ``python supervisor.py COMMAND…``.

Its standard input is a pipe from local AWS; when that closes, the command and its children end, however local AWS did.
SIGTERM is passed on, and a signal that ends the command becomes the exit code 128 + its number, as in a container.
"""

import os
import signal
import subprocess
import sys
import threading
from typing import NoReturn


def _end_with_parent() -> None:
    while os.read(0, 1):
        continue
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _end_with_child(child: subprocess.Popen[bytes]) -> None:
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)


def main(command: list[str]) -> NoReturn:
    """Run the command, and end with its exit code."""
    # A handler alone would do nothing about a signal that comes just before this process goes to sleep.
    signals, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own training script
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_end_with_child, args=(child,), daemon=True).start()
    while os.read(signals, 1):
        child.terminate()
    raise AssertionError("the pipe is open as long as this process lives")


if __name__ == "__main__":
    main(sys.argv[1:])
