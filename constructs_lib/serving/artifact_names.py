"""The names of the files in a finished archive, without unpacking it."""

from __future__ import annotations

import tarfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, cast

from isal import igzip, isal_zlib

_open: Any = igzip.open  # it has no types
_READING = (tarfile.TarError, EOFError, OSError, cast("type[Exception]", isal_zlib.error))


class UnreadableArchiveError(ValueError):
    """A ``.tar.gz`` that cannot be read to its end; the text says why."""


def archive_names(path: Path) -> tuple[str, ...]:
    """Give the names of all files in a ``.tar.gz``; nothing is unpacked, and an unchanged archive is read once.

    Raises
    ------
    UnreadableArchiveError
        When the file is cut off, damaged, or no tar archive.
    """
    status = path.stat()
    return _archive_names(path, status.st_size, status.st_mtime_ns)


def archive_text(path: Path, name: str) -> str | None:
    """Read one text file of a ``.tar.gz``; None when it is not in there.

    Raises
    ------
    UnreadableArchiveError
        When the file is cut off, damaged, or no tar archive.
    """
    if name not in archive_names(path):
        return None
    with closing(_open(path, "rb")) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.name.removeprefix("./") == name and (file := archive.extractfile(member)):
                return file.read().decode("utf-8", errors="replace")
    return None


@cache
def _archive_names(path: Path, size: int, modified: int) -> tuple[str, ...]:
    del size, modified  # part of the key: a changed archive is read again
    try:
        with closing(_open(path, "rb")) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            # A stream keeps no list of its members: of a million files, only the names are held.
            return tuple(member.name.removeprefix("./") for member in archive if not member.isdir())
    except _READING as error:
        raise UnreadableArchiveError(str(error) or type(error).__name__) from error
