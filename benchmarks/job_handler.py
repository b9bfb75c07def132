"""How long importing the job handler takes, on top of boto3, which Lambda includes.

    python -m benchmarks.job_handler [--runs 15]

Each run is a separate process, which imports one after the other. The shortest times count: they have the least noise.
They exclude the start of Python, and the files are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

CODE = Path(__file__).resolve().parents[1] / "constructs_lib" / "jobs"
BUDGET = 150  # milliseconds
_TIMED = """
import json, time
start = time.perf_counter(); import boto3, botocore.config
middle = time.perf_counter(); import handler.index
print(json.dumps([(middle - start) * 1000, (time.perf_counter() - middle) * 1000]))
"""


def measure() -> list[float]:
    """Give the milliseconds that a new process takes to import boto3, and then the handler."""
    done = subprocess.run([sys.executable, "-c", _TIMED], cwd=CODE, capture_output=True, text=True, check=True)
    return [float(each) for each in json.loads(done.stdout)]


def main() -> None:
    """Print the shortest times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15, help="processes (default: 15)")
    runs = parser.parse_args().runs
    measure()  # into the page cache
    boto3, handler = (min(each) for each in zip(*(measure() for _ in range(runs)), strict=True))
    print(f"import of boto3: {boto3:.0f} ms")
    print(f"import of the handler after it: {handler:+.1f} ms (budget: {BUDGET})")


if __name__ == "__main__":
    main()
