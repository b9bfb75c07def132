"""Extraction of a model archive, as the platform does it before it starts a container."""

import shutil
import tarfile
import zlib
from pathlib import Path

from local_aws.hosting.container import HostFailedError


def extract(archive: Path, into: Path) -> None:
    """Extract a ``model.tar.gz`` safely; a refused archive leaves nothing behind.

    ModelDataUrl must name "a single gzip compressed tar archive (.tar.gz suffix)"
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html).

    Raises
    ------
    HostFailedError
        When the archive cannot be read, is damaged, or holds a member that would leave the directory.
    """
    try:
        into.mkdir(parents=True)
        with tarfile.open(archive, "r:gz") as tar:
            # What is safe is decided here: tarfile's own filters came with Python 3.11.4.
            tar.extraction_filter = lambda member, _: member
            root = into.resolve()
            for member in tar:
                tar.extract(_safe(member, root), root)
            # The checksum comes last, after the padding that tarfile does not read.
            while tar.fileobj is not None and tar.fileobj.read(1 << 16):
                continue
    except _UnsafeError as e:
        shutil.rmtree(into)
        raise HostFailedError(f"model data archive {archive.name} was refused: {e}") from e
    except (tarfile.TarError, EOFError, OSError, RuntimeError, zlib.error) as e:  # RuntimeError: links in a circle
        shutil.rmtree(into, ignore_errors=True)
        raise HostFailedError(
            f"model data archive {archive.name} cannot be extracted ({type(e).__name__}: {e}); "
            "SageMaker takes one gzip-compressed tar file"
        ) from e


class _UnsafeError(Exception):
    """A member would reach outside of its directory, or is no file."""


def _safe(member: tarfile.TarInfo, into: Path) -> tarfile.TarInfo:
    """Hold a member to the rules of PEP 706 for data; links that were extracted before it are followed."""
    member.name = member.name.lstrip("/")
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        raise _UnsafeError(f"'{member.name}' is a device or a pipe")
    target = into / member.name
    ends = [target]
    if member.issym() or member.islnk():
        ends.append((target.parent if member.issym() else into) / member.linkname)
    for end in ends:
        if not end.resolve().is_relative_to(into):
            raise _UnsafeError(f"'{member.name}' leads to '{end.resolve()}', outside of the archive")
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""  # else root would give them away
    return member


def top_level(directory: Path) -> str:
    """Name what an extracted archive holds, for a message."""
    names = sorted(f"{p.name}/" if p.is_dir() else p.name for p in directory.iterdir())
    shown = ", ".join(names[:8]) or "nothing"
    return f"{shown}, …" if len(names) > 8 else shown
