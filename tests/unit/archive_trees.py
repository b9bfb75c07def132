"""Directories to make model archives of."""

from __future__ import annotations

import tarfile
from pathlib import Path

from constructs_lib.serving.archive import Archive

ROOT = Path(__file__).parents[2]
MODEL = {"model.onnx": b"weights", "code/inference.py": b"def model_fn(path): ...\n", "labels/ä b.txt": b"null\neins\n"}


def make_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    root.mkdir(parents=True, exist_ok=True)
    return root


def contents(archive: Archive) -> dict[str, bytes]:
    with tarfile.open(archive.path) as tar:
        return {member.name: content.read() for member in tar if (content := tar.extractfile(member))}
