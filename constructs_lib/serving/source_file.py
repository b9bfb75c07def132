"""A file that goes into an archive, and what tells whether it changes before it is read."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from typing import NamedTuple, Self


class ArchiveError(ValueError):
    """A directory cannot become an archive. The message has one line for each problem, with what to do about it."""


class Stamp(NamedTuple):
    """What ``stat`` tells of a file's content: two stamps differ if the content was changed between them."""

    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds; set by the kernel, so that nobody can turn it back
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp in a stat result."""
        # Windows keeps the time of creation in st_ctime.
        changed = status.st_mtime_ns if sys.platform == "win32" else status.st_ctime_ns
        return cls(status.st_size, status.st_mtime_ns, changed, status.st_ino)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to pack.

    Attributes
    ----------
    name : str
        Its name in the archive, with ``/`` between the parts.
    path : str
        Where its content is.
    executable : bool
        Whether its owner may execute it.
    stamp : Stamp
        Its size in bytes, and what tells whether it changes before it is read.
    content : bytes, optional
        Its content, where it was made here. None: it is read from `path`.
    """

    name: str
    path: str
    executable: bool
    stamp: Stamp
    content: bytes | None = None

    @classmethod
    def of_content(cls, name: str, content: bytes) -> Self:
        """Return a file that is on no disk."""
        digest = int.from_bytes(hashlib.sha256(content).digest())
        return cls(name, "", False, Stamp(len(content), 0, 0, inode=digest), content)
