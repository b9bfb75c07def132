"""Which files go into an archive, under which names, and why the others may not.

- Files alone are packed. Their directories follow from their names, so an empty directory is left out, as git does.
- The owner's execute bit is kept, the one permission that git keeps too; all others depend on who checked out.
- A symlink is followed and the content of its target packed: hosts need no links, and a link may not leave the
  directory.
- Names are kept as they are. Two that differ only in case are two files, as they are on the Linux host.
- What version control, editors and Python leave behind (`LEFT_OUT`) does not go in, and what looks like a secret
  (`secret_files`) is refused, unless the caller allows it by its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from constructs_lib.serving.archive_names import LEFT_OUT, is_left_out, name_problem, printable
from constructs_lib.serving.secret_files import holds_credentials, is_secret
from constructs_lib.serving.source_file import ArchiveError, SourceFile, Stamp

MOST_PROBLEMS_SHOWN = 20


def list_files(directory: Path, code: Path | None = None, allow: Sequence[str] = ()) -> list[SourceFile]:
    """List the files that an archive of these directories holds, in the order of their names.

    Parameters
    ----------
    directory : Path
        The directory whose files become the root of the archive.
    code : Path, optional
        The directory whose files go under ``code/``. None: nothing is added.
    allow : sequence of str, optional
        Names, with shell wildcards, of files and directories that are packed though they would be left out or
        refused, such as ``.env``. Default: none.

    Raises
    ------
    ArchiveError
        If a directory is missing or has nothing to pack, or if any file cannot be packed.
    """
    walks = [_Walk(directory, "", allow)]
    if code is not None:
        walks.append(_Walk(code, "code/", allow))
    return put_together(
        [file for walk in walks for file in walk.files], [line for walk in walks for line in walk.problems]
    )


def list_file(path: Path, name: str, allow: Sequence[str] = ()) -> SourceFile:
    """Look at one file that is packed under a name of its own.

    Raises
    ------
    ArchiveError
        If it is missing, or cannot be packed.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{path}: is not a file; give one")
        if problem := name_problem(name):
            raise ArchiveError(f"{path}: {problem}")
        if is_secret(path.name, str(path)) and not _is_allowed(path.name, allow):
            raise ArchiveError(f"{path}: {_secret(path.name)}")
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror}); give a file that is there") from error
    return SourceFile(name, os.path.realpath(path), bool(status.st_mode & stat.S_IXUSR), Stamp.of(status))


def put_together(files: Sequence[SourceFile], problems: Sequence[str]) -> list[SourceFile]:
    """Put the files of one archive in the order of their names.

    Raises
    ------
    ArchiveError
        If there were problems, or if two files would have one name.
    """
    ordered = sorted(files, key=lambda file: file.name)
    lines = [*problems, *_clashes(ordered)]
    if lines:
        rest = len(lines) - MOST_PROBLEMS_SHOWN
        more = [f"… and {rest} more problems"] if rest > 0 else []
        raise ArchiveError("\n".join(lines[:MOST_PROBLEMS_SHOWN] + more))
    return ordered


class _RefusedError(Exception):
    """An entry cannot be packed, for the reason in the message."""


class _Folder(NamedTuple):
    """A directory that is yet to be listed."""

    path: str  # where it really is
    name: str  # its name in the archive; "" for the root, else with a slash at the end
    linked_from: tuple[str, ...]  # the directories that held the links on the way to it


class _Walk:
    """Collects the files below one directory, and every problem on the way."""

    def __init__(self, root: Path, prefix: str, allow: Sequence[str]) -> None:
        self.files: list[SourceFile] = []
        self.problems: list[str] = []
        self._given = root
        self._allow = allow
        self._root = os.path.realpath(root)
        if not root.exists():
            self.problems.append(f"{root}: does not exist; give the directory that holds the files")
        elif not root.is_dir():
            self.problems.append(f"{root}: is a file, not a directory; give the directory that holds it")
        else:
            self._walk(prefix)

    def _walk(self, prefix: str) -> None:
        folders = [_Folder(self._root, prefix, ())]
        while folders:
            folders += self._list(folders.pop())
        if not self.files and not self.problems:
            self.problems.append(
                f"{self._given}: has no files to pack ({', '.join(sorted(LEFT_OUT))} and compiled Python are left out);"
                " put the model's files there"
            )

    def _list(self, folder: _Folder) -> Iterator[_Folder]:
        """Note the files of a directory, and yield the directories in it."""
        try:
            with os.scandir(folder.path) as scan:
                entries = [entry for entry in scan if not is_left_out(entry.name) or self._allows(entry.name)]
        except OSError as error:
            self._refuse(folder.path, f"cannot be listed ({error.strerror}); make it readable")
            return
        for entry in entries:
            try:
                if below := self._take(entry, folder):
                    yield below
            except _RefusedError as refused:
                self._refuse(entry.path, str(refused))
            except OSError as error:
                what = "is a symlink that leads nowhere" if entry.is_symlink() else "cannot be looked at"
                self._refuse(entry.path, f"{what} ({error.strerror}); mend or remove it")

    def _take(self, entry: os.DirEntry[str], folder: _Folder) -> _Folder | None:
        """Note the entry if it is a file, and return it if it is a directory."""
        name, path, linked_from = folder.name + entry.name, entry.path, folder.linked_from
        if problem := name_problem(name):
            raise _RefusedError(problem)
        if entry.is_symlink():
            path = os.path.realpath(path, strict=True)
            linked_from = (*linked_from, folder.path)
            self._check_link(path, linked_from)
        status = os.stat(path)  # noqa: PTH116 - a Path for each of ten thousand files doubles the time
        if stat.S_ISDIR(status.st_mode):
            if holds_credentials(entry.name) and not self._allows(entry.name):
                raise _RefusedError(_secret(entry.name))
            return _Folder(path, name + "/", linked_from)
        if not stat.S_ISREG(status.st_mode):
            raise _RefusedError("is neither a file nor a directory, and only those are packed; remove it")
        if not os.access(path, os.R_OK):
            raise _RefusedError("may not be read by this user; allow it (chmod u+r)")
        if is_secret(entry.name, path) and not self._allows(entry.name):
            raise _RefusedError(_secret(entry.name))
        self.files.append(SourceFile(name, path, bool(status.st_mode & stat.S_IXUSR), Stamp.of(status)))
        return None

    def _allows(self, name: str) -> bool:
        return _is_allowed(name, self._allow)

    def _check_link(self, target: str, linked_from: Sequence[str]) -> None:
        if not _holds(self._root, target):
            raise _RefusedError(
                f"is a symlink to '{printable(target)}', outside of '{self._given}', where others do not have it; put"
                " the file itself in its place (`cp -rL` copies a tree so)"
            )
        if any(_holds(target, place) for place in linked_from):
            raise _RefusedError(
                f"is a symlink to '{printable(target)}', which holds it, so following it never ends; remove it"
            )

    def _refuse(self, path: str, problem: str) -> None:
        """Note a problem, under the path as the caller knows it."""
        place = self._given / os.path.relpath(path, self._root)
        self.problems.append(f"{printable(str(place))}: {problem}")


def _clashes(files: Sequence[SourceFile]) -> Iterator[str]:
    """Yield the names that both directories supply: twice as a file, or once as a file and once as a directory."""
    by_name: dict[str, SourceFile] = {}
    for file in files:
        parents = (file.name[:end] for end, letter in enumerate(file.name) if letter == "/")
        for name in (*parents, file.name):
            if other := by_name.get(name):
                yield (
                    f"{printable(file.path)}: would be '{printable(file.name)}' in the archive, where"
                    f" {printable(other.path)} is '{printable(name)}' already; remove or rename one of the two"
                )
        by_name[file.name] = file


def _is_allowed(name: str, allow: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in allow)


def _secret(name: str) -> str:
    return (
        "looks like a secret, which whoever may read the model could read; remove it, or pack it on purpose with"
        f" `inference package … --allow '{printable(name)}'`"
    )


def _holds(directory: str, path: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
