"""Which names files of an archive may have, and which are left out by themselves."""

from __future__ import annotations

import re

LEFT_OUT = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".cache",  # where the Hugging Face client notes when it fetched what
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
    }
)
LEFT_OUT_PREFIXES = ("._",)  # macOS keeps a file's attributes in "._name" on volumes that have no place for them
LEFT_OUT_SUFFIXES = (".pyc", ".pyo")

# Linux, where the archive is unpacked, allows 255 bytes between two slashes and 4,096 for the whole path, of which the
# host needs some for the directory that it unpacks into.
LONGEST_NAME = 255
LONGEST_PATH = 4_000


def is_left_out(name: str) -> bool:
    """Return whether files and directories of this name do not go into an archive by themselves."""
    return name in LEFT_OUT or name.startswith(LEFT_OUT_PREFIXES) or name.endswith(LEFT_OUT_SUFFIXES)


def name_problem(name: str) -> str | None:
    """Return what is wrong with the name of a file in the archive, and what to do; None: nothing is."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "the name is not UTF-8; rename it"
    if re.search(r"[\x00-\x1f\x7f\\]", name):
        return "the name has a backslash or a control character, which not every system can unpack; rename it"
    longest = max(map(len, encoded.split(b"/")))
    if longest > LONGEST_NAME:
        return f"the name has a part of {longest} bytes in UTF-8, and Linux allows {LONGEST_NAME}; shorten it"
    if len(encoded) > LONGEST_PATH:
        return f"the name in the archive has {len(encoded)} bytes, and at most {LONGEST_PATH} are allowed; shorten it"
    return None


def printable(path: str) -> str:
    """Return the path so that it can be printed on one line, whatever is in it."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in path)
