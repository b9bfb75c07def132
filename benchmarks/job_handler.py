"""How long the handler of jobs takes to be imported, beyond boto3, which Lambda brings along.

    python -m benchmarks.job_handler [--runs 15]

Each run is a process of its own, and the two take turns, so a busy machine disturbs them alike. Times are of the import
alone, without the start of Python; the files are in the page cache.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

HANDLER = Path(__file__).resolve().parents[1] / "constructs_lib" / "jobs" / "handler"
BUDGET = 150  # milliseconds
_TIMED = "import time; start = time.perf_counter(); import {modules}; print((time.perf_counter() - start) * 1000)"


def measure(modules: str) -> float:
    """Give the milliseconds that a new process takes to import modules."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(modules=modules)], cwd=HANDLER, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="processes of each (default: 15)")
    runs = parser.parse_args().runs
    measure("boto3, botocore.config, index")  # into the page cache
    pairs = [(measure("boto3, botocore.config"), measure("boto3, botocore.config, index")) for _ in range(runs)]
    without, with_handler = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"import of boto3: {without:.0f} ms")
    print(
        f"import of boto3 and the handler: {with_handler:.0f} ms, {with_handler - without:+.0f} ms (budget: {BUDGET})"
    )


if __name__ == "__main__":
    main()
