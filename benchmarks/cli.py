"""How fast the `inference` command starts and packages, as users experience it: including the start of Python.

    python -m benchmarks.cli [--runs 5] [--megabytes 256]

The archives are measured against what a script with the standard library would do, which is also what
``torch-model-archiver`` does for a ``.mar``. The contestants take turns, so a busy machine affects them equally.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.archive import MEGABYTE, make_weights

INFERENCE = [sys.executable, "-m", "scripts.inference"]
ROOT = Path(__file__).resolve().parents[1]
TAR = "import sys, tarfile; tarfile.open('tar.tar.gz', 'w:gz').add('weights', arcname='.')"
ZIP = "import zipfile; zipfile.ZipFile('zip.mar', 'w', zipfile.ZIP_DEFLATED).write('weights/weights.bin')"
MAR = "package mar --model-name weights --handler base_handler --serialized-file weights/weights.bin"
CONTESTANTS = {
    "tarfile w:gz": [sys.executable, "-c", TAR],
    "inference package sagemaker": [*INFERENCE, "package", "sagemaker", "weights", "--framework", "container"],
    "zipfile ZIP_DEFLATED": [sys.executable, "-c", ZIP],
    "inference package mar": [*INFERENCE, *MAR.split()],
}


def seconds(command: Sequence[str], work: Path, environment: Mapping[str, str]) -> float:
    """Run a command, and return the seconds that it took."""
    started = time.perf_counter()
    subprocess.run(command, cwd=work, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def show(name: str, taken: Sequence[float], base: Sequence[float] | None = None) -> None:
    """Print the median, and how many times faster than the base it is."""
    median = statistics.median(taken)
    factor = f"{statistics.median(base) / median:>8.1f} x" if base else ""
    print(f"  {name:<44}{median:>9.3f} s  ({min(taken):.3f}-{max(taken):.3f} s){factor}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="Benchmark of the inference command.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=256)
    options = parser.parse_args()
    here = {"PYTHONPATH": str(ROOT)}
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; median of {options.runs}")
    show("inference --help", [seconds([*INFERENCE, "--help"], ROOT, here) for _ in range(options.runs)])
    with tempfile.TemporaryDirectory(prefix="cli-benchmark-") as directory:
        work = Path(directory)
        make_weights(work / "weights", options.megabytes)
        taken: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        again: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        for _ in range(options.runs):
            for name, command in CONTESTANTS.items():
                for archive in (*work.glob("*.tar.gz"), *work.glob("*.mar")):
                    archive.unlink()
                taken[name].append(seconds(command, work, here))
                again[name].append(seconds(command, work, here))
        print(f"{options.megabytes} MB of random-normal float32 ({options.megabytes * MEGABYTE:,} bytes)")
        for base, ours in (
            ("tarfile w:gz", "inference package sagemaker"),
            ("zipfile ZIP_DEFLATED", "inference package mar"),
        ):
            show(base, taken[base])
            show(ours, taken[ours], taken[base])
            show(f"{base}, over the last archive", again[base])
            show(f"{ours}, the same", again[ours], again[base])


if __name__ == "__main__":
    main()
