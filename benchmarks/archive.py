"""How fast a model directory becomes a ``model.tar.gz``, against ``tarfile`` of the standard library.

    python benchmarks/archive.py [--runs 5] [--megabytes 256] [--files 10000]

Each run is a separate process, so that its peak memory can be measured, and the contestants take turns, so that a busy
machine affects them equally. Times are those of the call, without the start of Python; the files are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

from constructs_lib.serving.archive import CLOCK_STEP_NS, build_archive

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took: seconds, seconds of all cores, bytes of the archive, and bytes of memory at the peak."""

    seconds: float
    cpu: float
    size: int
    memory: int


def make_weights(directory: Path, megabytes: int) -> None:
    """Write random-normal float32, as weights are.

    Four megabytes are drawn and repeated: deflate looks back 32 KB, so it cannot tell.
    """
    draw = random.Random(0).gauss
    part = array("f", (draw(0, 1) for _ in range(MEGABYTE))).tobytes()
    directory.mkdir()
    with (directory / "weights.bin").open("wb") as file:
        for _ in range(megabytes // 4):
            file.write(part)


def make_small_files(directory: Path, count: int) -> None:
    """Write files of 2 KB in a hundred directories, half noise and half text."""
    noise = random.Random(0).randbytes
    for number in range(count):
        path = directory / f"part-{number % 100:02}" / f"{number:05}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(1024) + f'{{"label": {number}}}'.ljust(1024).encode())


def run_standard_library(source: Path, work: Path) -> int:
    """Pack as most scripts do, and return the bytes of the archive."""
    path = work / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(source, arcname=".")
    return path.stat().st_size


def run_ours(source: Path, work: Path) -> int:
    """Pack into a cache, which may have the archive already, and return the bytes of the archive."""
    return build_archive(source, cache=work).size


CONTESTANTS = {"tarfile w:gz": run_standard_library, "build_archive": run_ours}


def measure(contestant: str, source: Path, work: Path) -> Run:
    """Run a contestant in a process of its own."""
    command = [sys.executable, __file__, "--child", contestant, str(source), str(work)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Run(**json.loads(output))


def run_child(contestant: str, source: Path, work: Path) -> None:
    """Do one run in this process, and print what it took as JSON."""
    started, cpu_before = time.perf_counter(), time.process_time()
    size = CONTESTANTS[contestant](source, work)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "size": size, "memory": peak}))


def compare(title: str, source: Path, work: Path, runs: int) -> None:
    """Measure both contestants in turns, then an unchanged directory, and print the medians."""
    results: dict[str, list[Run]] = {name: [] for name in (*CONTESTANTS, "build_archive, unchanged")}
    for _ in range(runs):
        for name in CONTESTANTS:
            with tempfile.TemporaryDirectory(dir=work) as fresh:
                results[name].append(measure(name, source, Path(fresh)))
    cache = work / f"{source.name}-cache"
    time.sleep(CLOCK_STEP_NS / 1e9)  # a directory that changed just now is not recognised
    measure("build_archive", source, cache)
    results["build_archive, unchanged"] = [measure("build_archive", source, cache) for _ in range(runs)]

    print(f"\n{title}, median of {runs}")
    base = results["tarfile w:gz"]
    base_seconds = statistics.median(run.seconds for run in base)
    for name, measured in results.items():
        seconds = statistics.median(run.seconds for run in measured)
        spread = f"{min(run.seconds for run in measured):.4f}-{max(run.seconds for run in measured):.4f}"
        print(
            f"  {name:<26}{seconds:>9.4f} s  ({spread:>15} s) {base_seconds / seconds:>9.1f} x"
            f"  cpu {statistics.median(run.cpu for run in measured):>7.4f} s"
            f"  size {measured[0].size / base[0].size:>7.2%}"
            f"  memory {max(run.memory for run in measured) / MEGABYTE:>4.0f} MB"
        )


def main() -> None:
    """Make the inputs, and compare on each."""
    parser = argparse.ArgumentParser(description="Archive benchmark: build_archive against tarfile.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--child", nargs=3, metavar=("CONTESTANT", "SOURCE", "WORK"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        contestant, source, work = options.child
        run_child(contestant, Path(source), Path(work))
        return
    with tempfile.TemporaryDirectory(prefix="archive-benchmark-") as directory:
        work = Path(directory)
        weights, small = work / "weights", work / "small"
        make_weights(weights, options.megabytes)
        make_small_files(small, options.files)
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
        compare(f"{options.megabytes} MB of random-normal float32", weights, work, options.runs)
        compare(f"{options.files:,} files of 2 KB", small, work, options.runs)


if __name__ == "__main__":
    main()
