"""Scaling by steps and by the clock, besides target tracking: of a variant's instances, and of a component's copies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, ClassVar, Literal

from constructs_lib.serving.names import twin_name_problems
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
# The same source: those that an inference component has.
CopyStepMetric = Literal[
    "Invocations",
    "InvocationsPerCopy",
    "ConcurrentRequestsPerCopy",
    "ModelLatency",
    "OverheadLatency",
    "CPUUtilizationNormalized",
    "MemoryUtilizationNormalized",
    "GPUUtilizationNormalized",
    "GPUMemoryUtilizationNormalized",
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
        Instances, or copies, to add or, if negative, to remove; percent or an exact count by the policy's
        ``adjustment``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    lower: float | None = None
    upper: float | None = None
    change: int

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if self.lower is None and self.upper is None:
            problems.add("lower", "and 'upper' are both missing; give at least one of them, such as 'lower: 0'")
        elif self.lower is not None and self.upper is not None and not self.lower < self.upper:
            problems.add("upper", f"must be above 'lower' ({self.lower}), got {self.upper}")
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What every step scaling policy has, whatever metric it watches.

    Attributes
    ----------
    name
        Name of the policy: letters and digits, unique within what scales.
    statistic
        ``Average``, ``Sum``, ``Minimum`` or ``Maximum`` over a minute.
    comparison
        Whether the alarm goes off at and ``above`` the threshold, or at and ``below`` it.
    threshold
        Value of the metric at which the alarm goes off, in the metric's own unit.
    evaluation_minutes
        Consecutive minutes for which the metric has to cross the threshold, at least 1.
    adjustment
        What ``change`` of a step means: ``ChangeInCapacity``, ``PercentChangeInCapacity`` or ``ExactCapacity``.
    steps
        At least one; together they cover every difference between metric and threshold, without overlap.
    cooldown
        Seconds after a step before the next one, at least 0.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    statistic: Statistic = "Average"
    comparison: Literal["above", "below"] = "above"
    threshold: float
    evaluation_minutes: int = 1
    adjustment: Adjustment = "ChangeInCapacity"
    steps: tuple[StepAdjustment, ...]
    cooldown: int = 300

    def problems(self) -> Iterator[Problem]:
        """Give what is wrong with all but the metric."""
        yield from _name_problems(self.name)
        yield from choice_problems("statistic", self.statistic, Statistic)
        yield from choice_problems("comparison", self.comparison, Literal["above", "below"])
        yield from choice_problems("adjustment", self.adjustment, Adjustment)
        if not is_token(self.threshold) and not isfinite(self.threshold):
            yield Problem("threshold", f"must be a finite number, got {self.threshold}")
        if below(self.evaluation_minutes, 1):
            yield Problem("evaluation_minutes", f"must be at least 1, got {self.evaluation_minutes}")
        if below(self.cooldown, 0):
            yield Problem("cooldown", f"must be at least 0 seconds, got {self.cooldown}")
        yield from self._step_problems()

    def _step_problems(self) -> Iterator[Problem]:
        """Check that the steps touch each other, as Application Auto Scaling asks."""
        if not self.steps:
            yield Problem("steps", "is empty; give at least one step, such as {lower: 0, change: 1}")
            return
        ordered = sorted(self.steps, key=lambda step: float("-inf") if step.lower is None else step.lower)
        for one, other in pairwise(ordered):
            if one.upper is None or one.upper != other.lower:
                ends, starts = _bound(one.upper), _bound(other.lower)
                yield Problem("steps", f"must touch each other: one ends at {ends}, the next begins at {starts}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScaling(Steps):
    """A step scaling policy with the alarm that triggers it.

    Attributes
    ----------
    metric
        The variant's metric that is watched, by CloudWatch's name.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    metric: StepMetric

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(choice_problems("metric", self.metric, StepMetric))
        problems.extend(self.problems())
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyStepScaling(Steps):
    """A step scaling policy of an inference component with the alarm that sets it off.

    Attributes
    ----------
    metric
        The component's metric that is watched, by CloudWatch's name.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    metric: CopyStepMetric

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(choice_problems("metric", self.metric, CopyStepMetric))
        problems.extend(self.problems())
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCapacity:
    """A time at which the range of a variant's instances changes.

    Attributes
    ----------
    name
        Name of the scheduled action: letters and digits, unique within what scales.
    schedule
        ``cron(minutes hours day-of-month month day-of-week year)``, ``rate(1 hour)`` or ``at(2030-01-31T08:00:00)``.
    min
        Fewest instances from that time on, at least 1.
    max
        Most instances from that time on, at least ``min``.
    timezone
        Time zone of the schedule, such as ``Europe/Paris``. None: UTC.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    _LEAST: ClassVar[tuple[int, str]] = (1, " for a real-time endpoint")

    name: str
    schedule: str
    min: int
    max: int
    timezone: str | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(_name_problems(self.name))
        if not is_token(self.schedule) and not _SCHEDULE.fullmatch(self.schedule):
            examples = "'cron(0 8 ? * MON-FRI *)', 'rate(1 hour)' or 'at(2030-01-31T08:00:00)'"
            problems.add("schedule", f"must look like {examples}, got '{self.schedule}'")
        least, why = self._LEAST
        if below(self.min, least):
            problems.add("min", f"must be at least {least}{why}, got {self.min}")
        if not is_token(self.min) and below(self.max, self.min):
            problems.add("max", f"must be at least 'min' ({self.min}), got {self.max}")
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCopies(ScheduledCapacity):
    """A time at which the range of an inference component's copies changes.

    Attributes
    ----------
    min
        Fewest copies from then on, at least 0.
    max
        Most copies from then on, at least ``min``.
    """

    _LEAST: ClassVar[tuple[int, str]] = (0, "")


def twin_rule_problems(steps: Sequence[Steps], schedules: Sequence[ScheduledCapacity]) -> Iterator[Problem]:
    """Check that steps, and schedules, each have a name of their own."""
    yield from twin_name_problems("steps", [step.name for step in steps])
    yield from twin_name_problems("schedules", [schedule.name for schedule in schedules])


def _name_problems(name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield Problem("name", f"must be 1 to 63 letters and digits, got '{name}'")


def _bound(value: float | None) -> str:
    return "no bound" if value is None else f"{value:g}"
