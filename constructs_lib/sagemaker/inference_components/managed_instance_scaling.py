"""How SageMaker itself counts the instances of an endpoint that hosts inference components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.serving.problems import Problems, below, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

ScaleInStrategy = Literal["IDLE_RELEASE", "CONSOLIDATION"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedInstanceScaling:
    """The bounds within which SageMaker adds instances when copies need room, and removes those that it can.

    Source of the ranges: botocore sagemaker, ProductionVariantManagedInstanceScaling.

    Attributes
    ----------
    min_instance_count
        Fewest instances. 0: none while no component has a copy. Default: 1.
    max_instance_count
        Most instances, at least 1 and at least ``min_instance_count``.
    scale_in_strategy
        ``IDLE_RELEASE``: instances without copies are removed. ``CONSOLIDATION``: copies are also moved together to
        empty more of them. None: SageMaker's default.
    scale_in_maximum_step_size
        Most instances that are removed at one time, 1 to 100, with a ``scale_in_strategy``. None: SageMaker's default.
    scale_in_cooldown_minutes
        Minutes after a scale-in before the next one, 5 to 1440, with a ``scale_in_strategy``. None: SageMaker's
        default.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min_instance_count: int = 1
    max_instance_count: int
    scale_in_strategy: ScaleInStrategy | None = None
    scale_in_maximum_step_size: int | None = None
    scale_in_cooldown_minutes: int | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        least, most = self.min_instance_count, self.max_instance_count
        if below(least, 0):
            problems.add("min_instance_count", f"must be at least 0, got {least}")
        if below(most, 1):
            problems.add("max_instance_count", f"must be at least 1, got {most}")
        elif not is_token(least) and below(most, least):
            problems.add("max_instance_count", f"must be at least 'min_instance_count' ({least}), got {most}")
        problems.extend(choice_problems("scale_in_strategy", self.scale_in_strategy, ScaleInStrategy))
        problems.extend(range_problems("scale_in_maximum_step_size", self.scale_in_maximum_step_size, 1, 100))
        minutes = self.scale_in_cooldown_minutes
        problems.extend(range_problems("scale_in_cooldown_minutes", minutes, 5, 1440, "minutes"))
        for name in ("scale_in_maximum_step_size", "scale_in_cooldown_minutes"):
            if getattr(self, name) is not None and self.scale_in_strategy is None:
                problems.add(name, "needs a 'scale_in_strategy'; give 'IDLE_RELEASE' or 'CONSOLIDATION'")
        problems.raise_any()
