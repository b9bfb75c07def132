"""The bytes of a zip archive: the same for the same files, written as fast as they can be read.

Python's ``zipfile`` compresses on one thread. Here each entry's content is deflated on several (`deflate`), and its
header, written before, gets the sizes and the checksum afterwards: Java's ``ZipInputStream``, with which model servers
unpack, reads no directory and wants them there. Names are UTF-8, times the oldest that zip knows, Zip64 is used where
a number needs it.

Format: PKWARE's APPNOTE.TXT 6.3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from constructs_lib.serving.deflate import Deflated, Deflater
from constructs_lib.serving.file_content import FileCopier, Progress
from constructs_lib.serving.source_file import SourceFile

# The largest numbers that are written without Zip64, and what stands in their places with it.
MOST_BYTES = 0xFFFF_FFFE
MOST_ENTRIES = 0xFFFE
_LONG_BYTES = 0xFFFF_FFFF
_LONG_COUNT = 0xFFFF
# Weights do not get smaller, and a block that does not is stored with a few bytes more.
_MOST_GROWTH = 1 << 20

_DATE = 1 << 5 | 1  # 1980-01-01; the time is 0
_UTF8_NAME = 0x800
_DEFLATED = 8
_VERSION, _VERSION_ZIP64 = 20, 45
_MADE_ON_UNIX = 3 << 8


class _Entry(NamedTuple):
    name: bytes
    executable: bool
    offset: int
    zip64: bool
    content: Deflated


def write_zip(
    files: Sequence[SourceFile],
    output: BinaryIO,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> str:
    """Write the files as a zip archive, in the order given.

    Parameters
    ----------
    files : sequence of SourceFile
        The files. Each is read once, and memory does not grow with their size.
    output : binary file
        Where to write; it must be seekable and at its beginning.
    threads : int, optional
        How many threads compress: no influence on the bytes. None: one for each core but one, which reads and hashes;
        three at most.
    progress : callable, optional
        Called with the bytes of the files read so far and in all. None: nobody is told.

    Returns
    -------
    str
        SHA-256 (hexadecimal) of the names, execute bits, sizes and uncompressed contents.

    Raises
    ------
    ArchiveError
        If a file cannot be read, or is not the file any more that was listed.
    """
    with Deflater(output, threads) as stream:
        archive = _Zip(output, stream)
        content = FileCopier(files, stream, progress)
        for file in files:
            archive.add(file, content)
        archive.write_directory()
        return stream.digest()


class _Zip:
    def __init__(self, output: BinaryIO, stream: Deflater) -> None:
        self._output = output
        self._stream = stream
        self._entries: list[_Entry] = []

    def add(self, file: SourceFile, content: FileCopier) -> None:
        """Write an entry, and its header once more when its sizes are known."""
        name, size = file.name.encode(), file.stamp.size
        zip64 = size + size // 1024 + _MOST_GROWTH > MOST_BYTES
        entry = _Entry(name, file.executable, self._output.tell(), zip64, Deflated(0, 0, 0))
        self._output.write(_local_header(entry))
        # What is hashed tells entries apart: a name has no zero byte, and the size says where the content ends.
        self._stream.hash(name + f"\0{file.executable:d} {size}\0".encode())
        content.copy(file)
        entry = entry._replace(content=self._stream.end())
        after = self._output.tell()
        self._output.seek(entry.offset)
        self._output.write(_local_header(entry))
        self._output.seek(after)
        self._entries.append(entry)

    def write_directory(self) -> None:
        """Write the directory and its end records, after which the archive is complete."""
        start = self._output.tell()
        for entry in self._entries:
            self._output.write(_directory_header(entry))
        size, count = self._output.tell() - start, len(self._entries)
        if count > MOST_ENTRIES or start > MOST_BYTES or size > MOST_BYTES:
            end = start + size
            made_on = _MADE_ON_UNIX | _VERSION_ZIP64
            self._output.write(
                struct.pack("<LQ2H2L4Q", 0x06064B50, 44, made_on, _VERSION_ZIP64, 0, 0, count, count, size, start)
            )
            self._output.write(struct.pack("<LLQL", 0x07064B50, 0, end, 1))
        entries = _LONG_COUNT if count > MOST_ENTRIES else count
        size, start = (_LONG_BYTES if number > MOST_BYTES else number for number in (size, start))
        self._output.write(struct.pack("<L4H2LH", 0x06054B50, 0, 0, entries, entries, size, start, 0))


def _local_header(entry: _Entry) -> bytes:
    content, extra = entry.content, b""
    sizes = (content.compressed_size, content.size)
    if entry.zip64:
        extra = struct.pack("<2H2Q", 1, 16, content.size, content.compressed_size)
        sizes = (_LONG_BYTES, _LONG_BYTES)
    version = _VERSION_ZIP64 if entry.zip64 else _VERSION
    fixed = (0x04034B50, version, _UTF8_NAME, _DEFLATED, 0, _DATE, content.crc32, *sizes)
    return struct.pack("<L5H3L2H", *fixed, len(entry.name), len(extra)) + entry.name + extra


def _directory_header(entry: _Entry) -> bytes:
    content = entry.content
    long = [content.size, content.compressed_size] if entry.zip64 else []
    sizes = (_LONG_BYTES, _LONG_BYTES) if entry.zip64 else (content.compressed_size, content.size)
    offset = entry.offset
    if offset > MOST_BYTES:
        long.append(offset)
        offset = _LONG_BYTES
    extra = struct.pack(f"<2H{len(long)}Q", 1, 8 * len(long), *long) if long else b""
    version = _VERSION_ZIP64 if long else _VERSION
    mode = (0o100755 if entry.executable else 0o100644) << 16
    fixed = (0x02014B50, _MADE_ON_UNIX | version, version, _UTF8_NAME, _DEFLATED, 0, _DATE, content.crc32, *sizes)
    lengths = (len(entry.name), len(extra), 0, 0, 0)
    return struct.pack("<L6H3L5H2L", *fixed, *lengths, mode, offset) + entry.name + extra
