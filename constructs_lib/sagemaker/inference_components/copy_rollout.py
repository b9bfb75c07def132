"""How an update replaces the copies of an inference component, and what rolls it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.sagemaker.rollback_alarms import RollbackAlarms
from constructs_lib.serving.problems import Problem, Problems, below
from constructs_lib.serving.ranges import range_problems

# botocore sagemaker, InferenceComponentRollingUpdatePolicy: a batch is 5 to 50 percent of the copies.
_LEAST_PERCENT, _MOST_PERCENT = 5, 50
_DEFAULT_PERCENT = 25  # as for a rolling update of instances


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRollout(RollbackAlarms):
    """A rolling update: new copies take the old ones' place in batches, and go again when an alarm goes off.

    It needs room for one batch of copies more than there are. Source of the ranges: botocore sagemaker,
    InferenceComponentRollingUpdatePolicy.

    Attributes
    ----------
    step_percent
        Percent of the copies that one batch replaces, 5 to 50. None: 25, unless ``step_copies`` is given.
    step_copies
        Copies that one batch replaces, instead of ``step_percent``; at least 1, and at most half of the copies. None:
        ``step_percent`` says.
    wait
        Seconds between two batches, in which the alarms are watched, 0 to 3600.
    maximum_execution
        Seconds after which an update that has not ended is taken back, 600 to 28800. None: SageMaker's default.
    rollback_percent
        Percent of the copies that a step back replaces, 5 to 100. None: all at once.
    alarms
        Names of 1 to 10 CloudWatch alarms, each of which takes the update back when it goes off; of an alarm
        construct, its ``alarm_name``. Empty: none does. None: two alarms are made, on the component's 5XX answers and
        on its model's latency.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    step_percent: int | None = None
    step_copies: int | None = None
    wait: int = 300
    maximum_execution: int | None = None
    rollback_percent: int | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if self.step_percent is not None and self.step_copies is not None:
            problems.add("step_copies", "is given as well as 'step_percent'; give one of the two")
        problems.extend(range_problems("step_percent", self.step_percent, _LEAST_PERCENT, _MOST_PERCENT))
        if self.step_copies is not None and below(self.step_copies, 1):
            problems.add("step_copies", f"must be at least 1, got {self.step_copies}")
        problems.extend(range_problems("wait", self.wait, 0, 3600, "seconds"))
        problems.extend(range_problems("maximum_execution", self.maximum_execution, 600, 28800, "seconds"))
        problems.extend(range_problems("rollback_percent", self.rollback_percent, _LEAST_PERCENT, 100))
        problems.extend(self.alarm_problems())
        problems.raise_any()

    @property
    def step(self) -> tuple[Literal["COPY_COUNT", "CAPACITY_PERCENT"], int]:
        """The size of a batch in SageMaker's terms."""
        if self.step_copies is not None:
            return "COPY_COUNT", self.step_copies
        return "CAPACITY_PERCENT", self.step_percent or _DEFAULT_PERCENT

    def copy_problems(self, most_copies: int) -> Iterator[Problem]:
        """Check that a batch is at most half of the copies that there can be."""
        if self.step_copies is not None and below(most_copies, 2 * self.step_copies):
            half = f"must be at most half of the copies, of which there are {most_copies}, got {self.step_copies}"
            yield Problem("rollout.step_copies", f"{half}; give 'step_percent', or more copies")
