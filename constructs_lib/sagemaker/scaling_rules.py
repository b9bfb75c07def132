"""Scaling by steps and by the clock, besides target tracking."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, ClassVar, Literal

from constructs_lib.serving.problems import Problem, Problems, below, is_token
from constructs_lib.serving.ranges import choice_problems

# Source: AWS, "Amazon SageMaker AI metrics in Amazon CloudWatch": those that a variant has.
StepMetric = Literal[
    "Invocations",
    "InvocationsPerInstance",
    "ModelLatency",
    "OverheadLatency",
    "CPUUtilization",
    "MemoryUtilization",
    "DiskUtilization",
    "GPUUtilization",
    "GPUMemoryUtilization",
]
Statistic = Literal["Average", "Sum", "Minimum", "Maximum"]
Adjustment = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]

_SCHEDULE = re.compile(r"cron\(\S+( \S+){5}\)|rate\(\d+ (minute|hour|day)s?\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")
_NAME = re.compile(r"[A-Za-z0-9]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAdjustment:
    """What to do while the metric is so far past the threshold.

    Attributes
    ----------
    lower
        Least difference between metric and threshold for this step. None: without end.
    upper
        Difference from which on it is the next step's turn. None: without end.
    change
        Instances to add or, if negative, to remove; percent or an exact count by the policy's ``adjustment``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    lower: float | None = None
    upper: float | None = None
    change: int

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        if self.lower is None and self.upper is None:
            problems.add("lower", "and 'upper' are both missing; give at least one of them, such as 'lower: 0'")
        elif self.lower is not None and self.upper is not None and not self.lower < self.upper:
            problems.add("upper", f"must be above 'lower' ({self.lower}), got {self.upper}")
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScaling:
    """A step scaling policy with the alarm that sets it off.

    Attributes
    ----------
    name
        Name of the policy: letters and digits, each name once in a variant.
    metric
        The variant's metric that is watched, by CloudWatch's name.
    statistic
        ``Average``, ``Sum``, ``Minimum`` or ``Maximum`` over a minute.
    comparison
        Whether the alarm goes off at and ``above`` the threshold, or at and ``below`` it.
    threshold
        Value of the metric at which the alarm goes off, in the metric's own unit.
    evaluation_minutes
        Minutes in a row that the metric has to be there, at least 1.
    adjustment
        What ``change`` of a step means: ``ChangeInCapacity``, ``PercentChangeInCapacity`` or ``ExactCapacity``.
    steps
        At least one; together they cover every difference between metric and threshold, without overlap.
    cooldown
        Seconds after a step before the next one, at least 0.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    metric: StepMetric
    statistic: Statistic = "Average"
    comparison: Literal["above", "below"] = "above"
    threshold: float
    evaluation_minutes: int = 1
    adjustment: Adjustment = "ChangeInCapacity"
    steps: tuple[StepAdjustment, ...]
    cooldown: int = 300

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(_name_problems(self.name))
        problems.extend(choice_problems("metric", self.metric, StepMetric))
        problems.extend(choice_problems("statistic", self.statistic, Statistic))
        problems.extend(choice_problems("comparison", self.comparison, Literal["above", "below"]))
        problems.extend(choice_problems("adjustment", self.adjustment, Adjustment))
        if not is_token(self.threshold) and not isfinite(self.threshold):
            problems.add("threshold", f"must be a finite number, got {self.threshold}")
        if below(self.evaluation_minutes, 1):
            problems.add("evaluation_minutes", f"must be at least 1, got {self.evaluation_minutes}")
        if below(self.cooldown, 0):
            problems.add("cooldown", f"must be at least 0 seconds, got {self.cooldown}")
        problems.extend(self._step_problems())
        problems.raise_any()

    def _step_problems(self) -> Iterator[Problem]:
        """Hold that the steps touch each other, as Application Auto Scaling asks."""
        if not self.steps:
            yield Problem("steps", "is empty; give at least one step, such as {lower: 0, change: 1}")
            return
        ordered = sorted(self.steps, key=lambda step: float("-inf") if step.lower is None else step.lower)
        for one, other in pairwise(ordered):
            if one.upper is None or one.upper != other.lower:
                ends, starts = _bound(one.upper), _bound(other.lower)
                yield Problem("steps", f"must touch each other: one ends at {ends}, the next begins at {starts}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCapacity:
    """A time at which the range of a variant's instances changes.

    Attributes
    ----------
    name
        Name of the scheduled action: letters and digits, each name once in a variant.
    schedule
        ``cron(minutes hours day-of-month month day-of-week year)``, ``rate(1 hour)`` or ``at(2030-01-31T08:00:00)``.
    min
        Fewest instances from then on, at least 1.
    max
        Most instances from then on, at least ``min``.
    timezone
        Time zone of the schedule, such as ``Europe/Paris``. None: UTC.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    schedule: str
    min: int
    max: int
    timezone: str | None = None

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(_name_problems(self.name))
        if not is_token(self.schedule) and not _SCHEDULE.fullmatch(self.schedule):
            examples = "'cron(0 8 ? * MON-FRI *)', 'rate(1 hour)' or 'at(2030-01-31T08:00:00)'"
            problems.add("schedule", f"must look like {examples}, got '{self.schedule}'")
        if below(self.min, 1):
            problems.add("min", f"must be at least 1 for a real-time endpoint, got {self.min}")
        if not is_token(self.min) and below(self.max, self.min):
            problems.add("max", f"must be at least 'min' ({self.min}), got {self.max}")
        problems.raise_any()


def _name_problems(name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield Problem("name", f"must be 1 to 63 letters and digits, got '{name}'")


def _bound(value: float | None) -> str:
    return "no bound" if value is None else f"{value:g}"
