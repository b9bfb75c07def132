"""Where finished archives are kept, and how one is found again without reading a model.

The cache is one flat directory: archives (``<digest>-<recipe>.tar.gz`` or ``.mar``), records (``<key>.record``: which
digest a set of unchanged files had) and, while a build runs, a ``.partial`` file. Archives appear whole, by a rename,
so processes need not wait for each other: two that build the same at once both finish, with the same result. What a
killed process left is removed by the next build, as are archives that nobody used for a month and, when there is more
than 10 GiB, the ones used longest ago. The directory can be deleted at any time.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from constructs_lib.serving.archive_stream import RECIPE
from constructs_lib.serving.source_file import ArchiveError

if sys.platform != "win32":
    import fcntl

ENVIRONMENT_VARIABLE = "INFERENCE_CONSTRUCTS_CACHE"

SUFFIXES = (".tar.gz", ".mar")
KEPT_BYTES = 10 << 30
KEPT_SECONDS = 30 * 24 * 3600
# The CDK copies an archive a moment after the build: no other build may take it away meanwhile.
IN_USE_SECONDS = 3600


def default_cache_directory() -> Path:
    """Return where archives are kept when the caller names no directory.

    Raises
    ------
    ArchiveError
        If the user has no home directory.
    """
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(given) / "archives"
    try:
        return _user_cache() / "inference-constructs" / "archives"
    except RuntimeError as error:
        raise ArchiveError(
            f"this user has no home directory to keep archives in; name one with the environment variable"
            f" {ENVIRONMENT_VARIABLE}"
        ) from error


def _user_cache() -> Path:
    if sys.platform == "win32":
        given = os.environ.get("LOCALAPPDATA")
        directory = Path(given) if given else Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        directory = Path.home() / "Library" / "Caches"
    else:
        given = os.environ.get("XDG_CACHE_HOME", "")
        # The specification has relative paths ignored.
        directory = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    return directory


class ArchiveCache:
    """A directory of archives, and of records that tell which archive a set of unchanged files has.

    Parameters
    ----------
    root : Path
        The directory. It is made when something is first kept in it.
    suffix : str
        How the names of the archives end that are looked for and kept: one of `SUFFIXES`.
    """

    def __init__(self, root: Path, suffix: str) -> None:
        self.root = root
        self._suffix = suffix

    def archive(self, digest: str) -> Path:
        """Return the path of the archive with this content, whether it exists or not."""
        return self.root / f"{digest}-{RECIPE}{self._suffix}"

    def recall(self, key: str) -> str | None:
        """Return the digest that was remembered for this key, if its archive is still there, whole."""
        record = self._record(key)
        try:
            digest, size = record.read_text(encoding="ascii").split()
            archive = self.archive(digest)
            if archive.stat().st_size != int(size):
                return None
        except (OSError, ValueError):
            return None
        with suppress(OSError):  # a cache that may only be read is as good
            os.utime(record)
            os.utime(archive)
        return digest

    def remember(self, key: str, digest: str) -> None:
        """Remember the digest of the files that have this key."""
        with self.partial() as partial:
            partial.write_text(f"{digest} {self.archive(digest).stat().st_size}\n", encoding="ascii")
            partial.replace(self._record(key))

    @contextmanager
    def partial(self) -> Iterator[Path]:
        """Give an empty file to write to, and remove it in the end unless it was published."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock, path = self._locked_file()
        if sys.platform == "win32":
            lock.close()  # Windows renames no open file
        try:
            yield path
        finally:
            lock.close()
            path.unlink(missing_ok=True)

    def publish(self, partial: Path, digest: str) -> None:
        """Turn a finished partial file into the archive of this digest."""
        archive = self.archive(digest)
        try:
            partial.replace(archive)
        except PermissionError:
            # Windows replaces no file that somebody reads. The one in place has the same content.
            if not archive.exists():
                raise

    def prune(self, *, keep: str) -> None:
        """Remove what killed processes left, and archives and records that are too many or too old.

        Parameters
        ----------
        keep : str
            The digest of the archive that stays in any case.
        """
        for path in self.root.glob("*.partial"):
            _remove_if_abandoned(path)
        now, room = time.time(), KEPT_BYTES
        for used, size, path in sorted(age for suffix in SUFFIXES for age in _ages(self.root, now, f"*{suffix}")):
            room -= size
            if path != self.archive(keep) and used > IN_USE_SECONDS and (room < 0 or used > KEPT_SECONDS):
                _remove(path)
        for used, _, path in _ages(self.root, now, "*.record"):
            if used > KEPT_SECONDS:
                _remove(path)

    def _record(self, key: str) -> Path:
        return self.root / f"{key}.record"

    def _locked_file(self) -> tuple[BinaryIO, Path]:
        while True:
            descriptor, name = tempfile.mkstemp(dir=self.root, suffix=".partial")
            lock, path = os.fdopen(descriptor, "rb"), Path(name)
            _mark_in_use(lock)
            # Another process may have taken it for abandoned before it was marked.
            if path.exists():
                return lock, path
            lock.close()


def _ages(root: Path, now: float, pattern: str) -> Iterator[tuple[float, int, Path]]:
    """Yield the seconds since its last use, the size and the path of each file."""
    for path in root.glob(pattern):
        with suppress(FileNotFoundError):
            status = path.stat()
            yield now - status.st_mtime, status.st_size, path


def _mark_in_use(file: BinaryIO) -> None:
    """Lock an open file until it is closed, be it by the end of the process."""
    if sys.platform != "win32":
        with suppress(OSError):  # some network file systems have no locks; what is left there stays until deleted
            fcntl.flock(file, fcntl.LOCK_EX)


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):  # it is in use, or gone
        if sys.platform == "win32":
            if time.time() - path.stat().st_mtime > IN_USE_SECONDS:
                path.unlink()
        else:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _remove(path: Path) -> None:
    with suppress(OSError):  # another process was faster, or it is Windows, which removes no file in use
        path.unlink()
