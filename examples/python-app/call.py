"""Asks the endpoint as JSON, as CSV and as a NumPy array, by boto3 alone.

python examples/python-app/call.py
"""

from __future__ import annotations

import argparse
import io
import json
from typing import Any

import boto3
import numpy as np

ENDPOINT = "double-in-python"
ROWS = [[1.0, 2.0, 5.0]]


def ask(runtime: Any, content_type: str, body: bytes) -> bytes:
    """Send one request, and give the answer's bytes, in the form of the request."""
    answer = runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType=content_type, Accept=content_type, Body=body)
    return bytes(answer["Body"].read())


def by_json(runtime: Any) -> Any:
    """Ask as JSON."""
    return json.loads(ask(runtime, "application/json", json.dumps({"instances": ROWS}).encode()))


def by_csv(runtime: Any) -> str:
    """Ask as CSV, one instance per line."""
    lines = "\n".join(",".join(map(str, row)) for row in ROWS)
    return ask(runtime, "text/csv", lines.encode()).decode()


def by_array(runtime: Any) -> Any:
    """Ask as an array, the instances along its first axis."""
    request = io.BytesIO()
    np.save(request, np.array(ROWS, dtype=np.float32))
    return np.load(io.BytesIO(ask(runtime, "application/x-npy", request.getvalue())))


def main() -> None:
    """Print the three answers."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    runtime = boto3.client("sagemaker-runtime")
    print("JSON ", by_json(runtime))
    print("CSV  ", by_csv(runtime).strip())
    print("array", by_array(runtime))


if __name__ == "__main__":
    main()
