"""Reads the files of an archive, each once and a block at a time, and checks that none changes meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import FileIO

from constructs_lib.serving.deflate import Deflater
from constructs_lib.serving.source_file import ArchiveError, SourceFile, Stamp

Progress = Callable[[int, int], None]


class FileCopier:
    """Copies files into a stream, and tells how far it is.

    Parameters
    ----------
    files : sequence of SourceFile
        All files that will be copied.
    stream : Deflater
        Where their content goes.
    progress : callable, optional
        Called with the bytes of the files read so far and in all. None: nobody is told.
    """

    def __init__(self, files: Sequence[SourceFile], stream: Deflater, progress: Progress | None) -> None:
        self._stream = stream
        self._progress = progress
        self._read = 0
        self._total = sum(file.stamp.size for file in files)

    def copy(self, file: SourceFile) -> None:
        """Copy one file's content.

        Raises
        ------
        ArchiveError
            If it cannot be read, or is not the file any more that was listed.
        """
        if file.content is not None:
            self._stream.write(file.content)
            self._tell(len(file.content))
            return
        with _open(file) as source:
            left = file.stamp.size if _unchanged(file, source) else 0
            while left and (count := _read_into(self._stream.room()[:left], file, source)):
                self._stream.take(count)
                left -= count
                self._tell(count)
            if left or not _unchanged(file, source):
                raise ArchiveError(f"{file.path}: changed while it was packed; try again when nothing writes to it")

    def _tell(self, count: int) -> None:
        self._read += count
        if self._progress is not None:
            self._progress(self._read, self._total)


def _open(file: SourceFile) -> FileIO:
    try:
        return FileIO(file.path)
    except OSError as error:
        raise _cannot_read(file, error) from error


def _read_into(room: memoryview, file: SourceFile, source: FileIO) -> int:
    try:
        return source.readinto(room)
    except OSError as error:
        raise _cannot_read(file, error) from error


def _cannot_read(file: SourceFile, error: OSError) -> ArchiveError:
    return ArchiveError(f"{file.path}: cannot be read ({error.strerror}); make it readable")


def _unchanged(file: SourceFile, source: FileIO) -> bool:
    return Stamp.of(os.fstat(source.fileno())) == file.stamp
