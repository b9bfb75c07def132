"""The identity of a set of files that are uploaded one by one, rather than packed into an archive."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from constructs_lib.serving.source_file import ArchiveError, SourceFile


def digest_of(files: Sequence[SourceFile]) -> str:
    """Return the SHA-256 (hexadecimal) of the names and the content of files, all of which it reads.

    Raises
    ------
    ArchiveError
        If a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            with Path(file.path).open("rb") as content:
                inner = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise ArchiveError(f"{file.path}: cannot be read ({error.strerror}); make it readable") from error
        digest.update(f"{file.name}\0{inner}\n".encode())
    return digest.hexdigest()
