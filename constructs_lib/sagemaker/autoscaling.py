"""How the number of instances of a variant follows its traffic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problem, Problems, below, is_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """Target tracking on the invocations that each instance gets per minute.

    Attributes
    ----------
    min
        Fewest instances, at least 1: SageMaker keeps no real-time variant without an instance.
    max
        Most instances, at least ``min``.
    invocations_per_instance
        Target for ``SageMakerVariantInvocationsPerInstance``: invocations per instance and minute, more than 0. A
        common choice is the highest rate that one instance bears in a load test, in requests per second, times 60,
        times a safety factor of 0.5.
    scale_in_cooldown
        Seconds after a scale-in before the next one, at least 0. Default: 300, as SageMaker's console.
    scale_out_cooldown
        Seconds after a scale-out before the next one, at least 0. Default: 300, as SageMaker's console.
    disable_scale_in
        Whether this policy only ever adds instances. Default: it removes them as well.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 1
    max: int
    invocations_per_instance: float
    scale_in_cooldown: int = 300
    scale_out_cooldown: int = 300
    disable_scale_in: bool = False

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> Iterator[Problem]:
        if below(self.min, 1):
            yield Problem("min", f"must be at least 1 for a real-time endpoint, got {self.min}")
        if not is_token(self.min) and below(self.max, self.min):
            yield Problem("max", f"must be at least 'min' ({self.min}), got {self.max}")
        target = self.invocations_per_instance
        if not is_token(target) and not 0 < target < inf:
            yield Problem("invocations_per_instance", f"must be a finite number above 0, got {target}")
        for cooldown in ("scale_in_cooldown", "scale_out_cooldown"):
            if below(getattr(self, cooldown), 0):
                yield Problem(cooldown, f"must be at least 0 seconds, got {getattr(self, cooldown)}")
