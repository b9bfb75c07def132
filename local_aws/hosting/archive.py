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
    if not hasattr(tarfile, "data_filter"):
        raise HostFailedError(
            "this Python's tarfile has no safe extraction filter: run local AWS with Python 3.11.4 or later"
        )
    try:
        into.mkdir(parents=True)
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(into, filter="data")
            # The checksum comes last, after the padding that tarfile does not read.
            while tar.fileobj is not None and tar.fileobj.read(1 << 16):
                continue
    except tarfile.FilterError as e:
        shutil.rmtree(into)
        raise HostFailedError(f"model data archive {archive.name} was refused: {e}") from e
    except (tarfile.TarError, EOFError, OSError, zlib.error) as e:
        shutil.rmtree(into, ignore_errors=True)
        raise HostFailedError(
            f"model data archive {archive.name} cannot be extracted ({type(e).__name__}: {e}); "
            "SageMaker takes one gzip-compressed tar file"
        ) from e


def top_level(directory: Path) -> str:
    """Name what an extracted archive holds, for a message."""
    names = sorted(f"{p.name}/" if p.is_dir() else p.name for p in directory.iterdir())
    shown = ", ".join(names[:8]) or "nothing"
    return f"{shown}, …" if len(names) > 8 else shown
