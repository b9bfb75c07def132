"""Deflate on several threads, with the same bytes however many they are.

A stream is cut into blocks of one size. Each block is deflated on its own and ends on a byte boundary, so the blocks,
put one after the other, are *one* stream, and the output follows from the size of a block and not from the threads.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, NamedTuple, Self

from isal import isal_zlib

BLOCK_BYTES = 512 << 10
# Level 3 takes twice the time, for weights that get no smaller.
LEVEL = 2
# The most: a tenth faster than the default, at the same size.
MEMORY_LEVEL = 9
# One thread deflates 0.5 to 1 GB/s; reading, hashing and writing, which are not shared out, do 0.8 GB/s together.
MOST_THREADS = 3

EMPTY_LAST_BLOCK = b"\x03\x00"


class Deflated(NamedTuple):
    """One finished stream."""

    crc32: int
    size: int  # bytes before
    compressed_size: int  # bytes after


class Deflater:
    """Writes one deflated stream after the other.

    Parameters
    ----------
    output : binary file
        Where to write.
    threads : int, optional
        How many threads compress: no influence on the bytes. None: one for each core but one, which reads and hashes;
        three at most.
    """

    def __init__(self, output: BinaryIO, threads: int | None = None) -> None:
        self._output = output
        self._threads = threads or _spare_cores()
        self._pool = ThreadPoolExecutor(self._threads)
        self._deflated: deque[tuple[bytearray, Future[tuple[bytes, bytes]]]] = deque()
        self._block = bytearray(BLOCK_BYTES)
        self._filled = 0
        self._sha256 = hashlib.sha256()
        self._crc32 = self._size = self._compressed_size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def room(self) -> memoryview:
        """Return the free part of the current block, which has at least one byte: fill it and call `take`."""
        return memoryview(self._block)[self._filled :]

    def take(self, count: int) -> None:
        """Take the first bytes of the room as the next bytes of the stream."""
        self._filled += count
        if self._filled == BLOCK_BYTES:
            block = self._full_block()
            self._deflated.append((self._block, self._pool.submit(_deflate, block)))
            # Hashing and compressing leave Python's lock to others, so this thread hashes while the others compress.
            self._count(block)
            # A block is not touched while a thread has it; fresh memory costs more than memory that was used before.
            self._block = self._write_first() if len(self._deflated) > self._threads else bytearray(BLOCK_BYTES)

    def write(self, data: bytes) -> None:
        """Take these bytes as the next bytes of the stream."""
        while data:
            room = self.room()
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self.take(count)
            data = data[count:]

    def end(self) -> Deflated:
        """Write what is left of the stream; what is taken from now on is the next one."""
        block = self._full_block()
        self._count(block)
        last = _deflate(block)
        while self._deflated:
            self._write_first()
        self._write((*last, EMPTY_LAST_BLOCK))
        ended = Deflated(self._crc32, self._size, self._compressed_size)
        self._crc32 = self._size = self._compressed_size = 0
        return ended

    def hash(self, data: bytes) -> None:
        """Let the digest follow from these bytes, too, though they are in no stream."""
        self._sha256.update(data)

    def digest(self) -> str:
        """Return the SHA-256 (hexadecimal) of all streams before compression, and of what was hashed besides."""
        return self._sha256.hexdigest()

    def _full_block(self) -> memoryview:
        block, self._filled = memoryview(self._block)[: self._filled], 0
        return block

    def _count(self, block: memoryview) -> None:
        self._sha256.update(block)
        self._crc32 = isal_zlib.crc32(block, self._crc32)
        self._size += len(block)

    def _write_first(self) -> bytearray:
        """Write what the oldest block was deflated to, and return the block."""
        block, deflated = self._deflated.popleft()
        self._write(deflated.result())
        return block

    def _write(self, parts: tuple[bytes, ...]) -> None:
        self._output.writelines(parts)
        self._compressed_size += sum(map(len, parts))


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
