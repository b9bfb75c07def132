"""A lock between processes and threads, on a file."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def exclusive(path: Path, pause: Callable[[], None]) -> Iterator[int]:
    """Hold the lock on ``path``; while another holds it call ``pause``, which waits a little or raises.

    Yields
    ------
    The file's descriptor. A child that inherits it (POSIX) keeps the lock for as long as it runs, so the lock of a
    builder that was killed is not free before its orphaned child has ended.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _try_lock(descriptor):
            pause()
        yield descriptor
    finally:
        os.close(descriptor)
