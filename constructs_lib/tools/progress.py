"""A progress bar on standard error, where somebody is watching."""

from __future__ import annotations

import sys
import time

_WIDTH = 24
_EVERY = 0.1  # seconds
_MEGABYTE = 1_000_000


class ProgressBar:
    """Shows how far a stage is; call it with the stage, the bytes done and all bytes.

    Nothing is shown when standard error is no terminal.
    """

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._stage = ""
        self._begun = self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that a stage has come so far."""
        if not self._shown:
            return
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._begun, self._last = stage, now, 0.0
        if done < total and now - self._last < _EVERY:
            return
        self._last = now
        share = done / total if total else 1.0
        rate = done / _MEGABYTE / max(now - self._begun, _EVERY)
        bar = "#" * round(share * _WIDTH)
        amount = f"{done / _MEGABYTE:.1f} of {total / _MEGABYTE:.1f} MB, {rate:.0f} MB/s"
        print(f"\r{stage} [{bar:<{_WIDTH}}] {share:4.0%} {amount}\033[K", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Clear the line."""
        if self._shown and self._stage:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
