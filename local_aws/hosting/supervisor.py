"""Run a command in place of a container's entry point: ``python supervisor.py COMMAND…``.

Its standard input is a pipe from local AWS; when that closes, the command and its children end, however local AWS did.
SIGTERM is passed on, and a signal that ends the command becomes the exit code 128 + its number, as in a container.
"""

import os
import signal
import subprocess
import sys
import threading


def _end_with_parent() -> None:
    while os.read(0, 1):
        continue
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main(command: list[str]) -> int:
    """Run the command and return its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own training script
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # At once: the thread above reads until the end of its pipe.
    os._exit(main(sys.argv[1:]))
