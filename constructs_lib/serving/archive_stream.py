"""The bytes of a ``.tar.gz``: the same for the same files, written as fast as they can be read.

The tar stream is PAX with all that a build could leak put to fixed values, so names of any length and files past 8 GiB
need no second format. Its compression, on several threads, is one gzip member, which every reader takes: `deflate`.
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Sequence
from typing import BinaryIO

import isal

from constructs_lib.serving.deflate import Deflater
from constructs_lib.serving.file_content import FileCopier, Progress
from constructs_lib.serving.source_file import SourceFile

# Goes up when the tar stream of unchanged files would differ.
FORMAT = 1
# What the bytes of an archive follow from, beside the files.
RECIPE = f"isal{isal.__version__}" + (f"-format{FORMAT}" if FORMAT > 1 else "")

# 1980-01-01 00:00 UTC, the oldest time that zip knows. GNU tar warns of older ones such as zero.
MODIFIED = 315_532_800

# Magic number, deflate, no flags, no time, no extra flags, operating system unknown.
GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])


def write_tar_gz(
    files: Sequence[SourceFile],
    output: BinaryIO,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
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
    output.write(GZIP_HEADER)
    with Deflater(output, threads) as stream:
        content = FileCopier(files, stream, progress)
        for file in files:
            stream.write(_header(file))
            content.copy(file)
            stream.write(bytes(-file.stamp.size % tarfile.BLOCKSIZE))
        stream.write(bytes(2 * tarfile.BLOCKSIZE))
        member = stream.end()
        output.write(struct.pack("<II", member.crc32, member.size % 2**32))
        return stream.digest()


def _header(file: SourceFile) -> bytes:
    """Return the tar header, which knows no user, no group and no clock."""
    header = tarfile.TarInfo(file.name)
    header.size = file.stamp.size
    header.mode = 0o755 if file.executable else 0o644
    header.mtime = MODIFIED
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
