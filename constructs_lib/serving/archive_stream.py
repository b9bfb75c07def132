"""The bytes of a ``.tar.gz``: the same for the same files, written as fast as they can be read.

The tar stream is PAX with all that a build could leak put to fixed values, so names of any length and files past 8 GiB
need no second format. It is cut into blocks of one size. Each block is deflated on its own and ends on a byte boundary,
so the blocks, put one after the other, are *one* gzip member, which every reader takes, and the output follows from the
size of a block and not from the number of threads.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from typing import BinaryIO, Self

import isal
from isal import isal_zlib

from constructs_lib.serving.archive_files import ArchiveError, SourceFile, Stamp

# Goes up when the tar stream of unchanged files would differ.
FORMAT = 1
# What the bytes of an archive follow from, beside the files.
RECIPE = f"isal{isal.__version__}" + (f"-format{FORMAT}" if FORMAT > 1 else "")

# 1980-01-01 00:00 UTC, the oldest time that zip knows. GNU tar warns of older ones such as zero.
MODIFIED = 315_532_800
BLOCK_BYTES = 512 << 10
# Level 3 takes twice the time, for weights that get no smaller.
LEVEL = 2
# The most: a tenth faster than the default, at the same size.
MEMORY_LEVEL = 9
# One thread deflates 0.5 to 1 GB/s; reading, hashing and writing, which are not shared out, do 0.8 GB/s together.
MOST_THREADS = 3

# Magic number, deflate, no flags, no time, no extra flags, operating system unknown.
GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
EMPTY_LAST_BLOCK = b"\x03\x00"


def write_tar_gz(
    files: Sequence[SourceFile],
    output: BinaryIO,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Write the files as a ``.tar.gz``, in the order given.

    Parameters
    ----------
    files : sequence of SourceFile
        The files. Each is read once, and memory does not grow with their size.
    output : binary file
        Where to write.
    threads : int, optional
        How many threads compress: no influence on the bytes. None: one for each core but one, which reads and hashes;
        three at most.
    progress : callable, optional
        Called with the bytes of the files read so far and in all. None: nobody is told.

    Returns
    -------
    str
        SHA-256 (hexadecimal) of the uncompressed tar stream.

    Raises
    ------
    ArchiveError
        If a file cannot be read, or is not the file any more that was listed.
    """
    read, total = 0, sum(file.stamp.size for file in files)
    with _GzipMember(output, threads or _spare_cores()) as member:
        for file in files:
            member.write(_header(file))
            for count in _copy(file, member):
                read += count
                if progress is not None:
                    progress(read, total)
            member.write(bytes(-file.stamp.size % tarfile.BLOCKSIZE))
        member.write(bytes(2 * tarfile.BLOCKSIZE))
        return member.finish()


def _header(file: SourceFile) -> bytes:
    """Return the tar header, which knows no user, no group and no clock."""
    header = tarfile.TarInfo(file.name)
    header.size = file.stamp.size
    header.mode = 0o755 if file.executable else 0o644
    header.mtime = MODIFIED
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _copy(file: SourceFile, member: _GzipMember) -> Iterator[int]:
    """Copy the file's content, and yield the bytes of each part."""
    with _open(file) as source:
        left = file.stamp.size if _unchanged(file, source) else 0
        while left and (count := _read_into(member.room()[:left], file, source)):
            member.take(count)
            left -= count
            yield count
        if left or not _unchanged(file, source):
            raise ArchiveError(f"{file.path}: changed while it was packed; try again when nothing writes to it")


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


class _GzipMember:
    """One gzip member, deflated block by block on several threads."""

    def __init__(self, output: BinaryIO, threads: int) -> None:
        self._output = output
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        self._deflated: deque[Future[tuple[bytes, bytes]]] = deque()
        self._block = bytearray(BLOCK_BYTES)
        self._filled = 0
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self._length = 0
        output.write(GZIP_HEADER)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def room(self) -> memoryview:
        """Return the free part of the current block, which has at least one byte: fill it and call `take`."""
        return memoryview(self._block)[self._filled :]

    def take(self, count: int) -> None:
        """Take the first bytes of the room as the next bytes of the content."""
        self._filled += count
        if self._filled == BLOCK_BYTES:
            self._submit()

    def write(self, data: bytes) -> None:
        """Take these bytes as the next bytes of the content."""
        while data:
            room = self.room()
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self.take(count)
            data = data[count:]

    def finish(self) -> str:
        """Write what is left, and return the SHA-256 of the content."""
        self._submit()
        while self._deflated:
            self._write_oldest()
        self._output.write(EMPTY_LAST_BLOCK + struct.pack("<II", self._crc32, self._length % 2**32))
        return self._sha256.hexdigest()

    def _submit(self) -> None:
        block = memoryview(self._block)[: self._filled]
        # A block is never touched again once a thread has it: the next one is a new one.
        self._block, self._filled = bytearray(BLOCK_BYTES), 0
        self._deflated.append(self._pool.submit(_deflate, block))
        # Hashing and compressing leave Python's lock to others, so this thread hashes while the others compress.
        self._sha256.update(block)
        self._crc32 = isal_zlib.crc32(block, self._crc32)
        self._length += len(block)
        if len(self._deflated) > self._threads:
            self._write_oldest()

    def _write_oldest(self) -> None:
        self._output.writelines(self._deflated.popleft().result())


def _deflate(block: memoryview) -> tuple[bytes, bytes]:
    """Deflate a block so that it ends on a byte and refers to nothing before it."""
    deflater = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15, MEMORY_LEVEL)
    return deflater.compress(block), deflater.flush(isal_zlib.Z_SYNC_FLUSH)


def _spare_cores() -> int:
    """Return how many cores can compress while one reads, hashes and writes."""
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(max(cores - 1, 1), MOST_THREADS)
