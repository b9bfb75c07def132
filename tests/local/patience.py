"""Waiting for what must come: no longer than it takes, and longer than the busiest machine needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

PATIENCE = 120.0  # seconds


def looks() -> Iterator[None]:
    """Come round every 20 ms for as long as there is hope; the loop looks, and leaves when it has seen enough."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        yield
        time.sleep(0.02)


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait for a condition, and say whether it came true."""
    return any(holds() for _ in looks())
