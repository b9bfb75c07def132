"""How long answers take: the same request many times, some at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from constructs_lib.tools.at_once import at_once
from constructs_lib.tools.command import ToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What calls took.

    Attributes
    ----------
    seconds
        Duration of each call that was answered, in seconds, the shortest first.
    elapsed
        From the first call to the last answer, in seconds.
    errors
        How many calls failed, by what they said.
    """

    seconds: tuple[float, ...]
    elapsed: float
    errors: dict[str, int]

    def percentile(self, share: float) -> float:
        """Give the duration that so large a share of the calls did not exceed, by nearest rank."""
        rank = max(1, -(-len(self.seconds) * share // 1))
        return self.seconds[int(rank) - 1]

    def summary(self) -> str:
        """Give the figures in two lines or more: in milliseconds, calls in a second, errors."""
        failed = sum(self.errors.values())
        lines = [f"{len(self.seconds)} answers, {failed} errors in {self.elapsed:.2f} s"]
        if self.seconds:
            shown = {"min": 0.0, "p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
            lines[0] += f", {len(self.seconds) / self.elapsed:.1f} a second"
            lines.append(
                "ms: " + "  ".join(f"{name} {self.percentile(share) * 1000:.1f}" for name, share in shown.items())
            )
        lines += [f"{count} x {text}" for text, count in Counter(self.errors).most_common()]
        return "\n".join(lines)


def measure(call: Callable[[], object], *, repeat: int, concurrency: int = 1) -> Latency:
    """Call many times, and take the time of each.

    Parameters
    ----------
    call
        What is timed; a `ToolError` counts as an error.
    repeat
        How many calls, at least 1.
    concurrency
        How many at once, at least 1.
    """
    begun = time.perf_counter()
    seconds, errors = [], Counter[str]()
    for _, result in at_once(lambda _: _timed(call), range(repeat), most=concurrency):
        if isinstance(result, float):
            seconds.append(result)
        else:
            errors[str(result)] += 1
    return Latency(seconds=tuple(sorted(seconds)), elapsed=time.perf_counter() - begun, errors=dict(errors))


def _timed(call: Callable[[], object]) -> float | ToolError:
    begun = time.perf_counter()
    try:
        call()
    except ToolError as error:
        return error
    return time.perf_counter() - begun
