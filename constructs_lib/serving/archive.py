"""A directory of model files becomes the one ``model.tar.gz`` that SageMaker fetches.

The archive is made while the app synthesizes, so it has to be two things. *Deterministic*: the digest follows from the
names, the execute bits and the bytes of the files, and from nothing else, so an endpoint rolls when its model changes
and at no other time. *Cheap*: an unchanged directory costs one ``stat`` a file, and a changed one is read once, a
megabyte at a time, and compressed on several cores.

>>> archive = build_archive(Path("examples/digits/model"))  # doctest: +SKIP
>>> archive.path  # doctest: +SKIP
PosixPath('.../inference-constructs/archives/4f0c...-isal1.9.1.tar.gz')

What is in it, under which names, is told in `archive_files`; the bytes in `archive_stream`; how long it is kept in
`archive_cache`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from constructs_lib.serving.archive_cache import ArchiveCache, default_cache_directory
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.archive_stream import RECIPE, write_tar_gz
from constructs_lib.serving.file_content import Progress
from constructs_lib.serving.source_file import ArchiveError, SourceFile

__all__ = ["Archive", "ArchiveError", "build_archive", "keep_archive", "write_archive"]

# The coarsest clock of a file system in use: FAT and exFAT count in steps of two seconds.
CLOCK_STEP_NS = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A finished archive.

    Attributes
    ----------
    path : Path
        The ``.tar.gz`` or ``.mar``. In the cache it stays for at least an hour after the last build that returned it.
    digest : str
        SHA-256 (hexadecimal) of what was packed, before compression: the identity of the content. Every computer and
        every version of the compressor agrees on it, so publish the archive under it. The compressed bytes themselves
        are promised for one version of ``isal`` on one processor family: it finds other matches on another.
    size : int
        Bytes of the file.
    """

    path: Path
    digest: str
    size: int


def build_archive(
    directory: Path,
    *,
    code: Path | None = None,
    layout: Callable[[Sequence[SourceFile]], list[SourceFile]] | None = None,
    output: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    allow: Sequence[str] = (),
) -> Archive:
    """Pack the files of a directory into a ``model.tar.gz``, or find the archive that was made of them before.

    Parameters
    ----------
    directory : Path
        The directory whose files become the root of the archive.
    code : Path, optional
        A second directory, the handler and its ``requirements.txt``, whose files go under ``code/`` (the SageMaker
        SDK's ``source_dir``). None: the archive holds ``directory`` alone.
    layout : callable, optional
        Given the files, gives those that the archive is to hold: under other names, or more of them. None: they are
        packed as they lie.
    output : Path, optional
        The file to write: it appears whole or not at all, and the cache is left alone. None: the archive is kept in
        the cache.
    cache : Path, optional
        Where archives are kept. None: ``archives`` in the directory that the environment variable
        ``INFERENCE_CONSTRUCTS_CACHE`` names, or else in ``inference-constructs`` of the user's own cache directory.
    progress : callable, optional
        Called with the bytes of the files read so far and in all, after each part of a file, while an
        archive is written; not called at all when the cache already has it. None: nobody is told.
    allow : sequence of str, optional
        Names, with shell wildcards, of files that are packed though they look like secrets or left-overs. Default:
        none.

    Returns
    -------
    Archive
        The same digest for the same content, whoever builds it, wherever and whenever.

    Raises
    ------
    ArchiveError
        If a directory is missing or has nothing to pack, if a file cannot be packed (all of them are named, one a
        line), if a file changes while it is read, or if the output or the cache cannot be written. Nothing
        half-written is left.
    """
    started = time.time_ns()
    files = list_files(directory, code, allow)
    if layout is not None:
        files = layout(files)

    def write(file: BinaryIO) -> str:
        return write_tar_gz(files, file, progress=progress)

    if output is not None:
        return write_archive(write, output)
    sources = [directory] if code is None else [directory, code]
    return keep_archive(files, write, suffix=".tar.gz", sources=sources, started=started, cache=cache)


def write_archive(write: Callable[[BinaryIO], str], output: Path) -> Archive:
    """Write an archive to its place, where it appears whole or not at all.

    Parameters
    ----------
    write : callable
        Writes the archive to the file that it is given, and returns the digest of the content.
    output : Path
        The file to write, or to replace.

    Raises
    ------
    ArchiveError
        If the output cannot be written.
    """
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        try:
            with partial.open("wb") as file:
                digest = write(file)
            partial.replace(output)
        finally:
            partial.unlink(missing_ok=True)
        return Archive(path=output, digest=digest, size=output.stat().st_size)
    except OSError as error:
        # Reading the files raises ArchiveError, so what is left is the output: full, read-only, or in the way.
        raise ArchiveError(f"cannot write '{output}': {error.strerror or error}") from error


def keep_archive(
    files: Sequence[SourceFile],
    write: Callable[[BinaryIO], str],
    *,
    suffix: str,
    sources: Sequence[Path],
    started: int,
    cache: Path | None,
) -> Archive:
    """Find the archive of these files in the cache, or write it there.

    Parameters
    ----------
    files : sequence of SourceFile
        What is packed, and all that the archive follows from.
    write : callable
        Writes the archive to the file that it is given, and returns the digest of the content.
    suffix : str
        How the archive's name ends.
    sources : sequence of Path
        Where the files are, as the caller named it.
    started : int
        The time (nanoseconds) before the files were listed.
    cache : Path, optional
        Where archives are kept. None: as in `build_archive`.

    Raises
    ------
    ArchiveError
        As in `build_archive`.
    """
    store = ArchiveCache(default_cache_directory() if cache is None else cache, suffix)
    _refuse_cache_among_files(store.root, sources)
    key = _key(suffix, files)
    try:
        digest = store.recall(key)
        if digest is None:
            with store.partial() as partial:
                with partial.open("wb") as output:
                    digest = write(output)
                store.publish(partial, digest)
            if _settled(files, started):
                store.remember(key, digest)
            store.prune(keep=digest)
        path = store.archive(digest)
        return Archive(path=path, digest=digest, size=path.stat().st_size)
    except OSError as error:
        # Reading the files raises ArchiveError, so what is left is the cache: full, read-only, or in the way.
        raise ArchiveError(
            f"cannot keep the archive of '{sources[0]}' in the cache '{store.root}': {error.strerror or error}; make"
            " room there, or name another directory with the environment variable INFERENCE_CONSTRUCTS_CACHE"
        ) from error


def _key(suffix: str, files: Sequence[SourceFile]) -> str:
    """Return what recognises an unchanged set of files without reading them."""
    lines = (f"{file.name}\0{file.executable:d}\0{'.'.join(map(str, file.stamp))}" for file in files)
    return hashlib.sha256("\n".join([RECIPE + suffix, *lines]).encode()).hexdigest()


def _settled(files: Sequence[SourceFile], started: int) -> bool:
    """Return whether a later change of any file is sure to show in its timestamps.

    A file that changes twice within one step of the clock looks the same after both changes (git calls its entry
    "racily clean"). So an archive of files that changed just now is not recalled, and the next build reads them again.
    """
    return max(file.stamp.changed for file in files) + CLOCK_STEP_NS <= started


def _refuse_cache_among_files(cache: Path, directories: Sequence[Path]) -> None:
    for directory in directories:
        if cache.resolve().is_relative_to(directory.resolve()):
            raise ArchiveError(
                f"the cache '{cache}' is inside '{directory}', so each archive would hold the ones before it; keep the"
                " cache elsewhere (the environment variable INFERENCE_CONSTRUCTS_CACHE names it)"
            )
