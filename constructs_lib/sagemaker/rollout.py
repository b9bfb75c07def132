"""How an update moves an endpoint from its old instances to new ones, and when it goes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.sagemaker.rollback_alarms import RollbackAlarms
from constructs_lib.serving.problems import Problem, Problems, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

Strategy = Literal["all_at_once", "canary", "linear", "rolling"]

# Percent of the fleet that one step may move, and what it moves when nothing is said. Source: AWS, "Deployment
# guardrails": canary traffic shifting, linear traffic shifting, rolling deployments.
_PERCENT = {"canary": (1, 50, 10), "linear": (10, 50, 25), "rolling": (5, 50, 25)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(RollbackAlarms):
    """A deployment guardrail: traffic moves in steps, and back when an alarm goes off.

    Attributes
    ----------
    strategy
        ``all_at_once``: all traffic to a second fleet. ``canary``: a part first, then the rest. ``linear``: in equal
        steps. ``rolling``: batches of instances are replaced in place, so that no second fleet is needed.
    step_percent
        Percent of the instances that one step moves: for ``canary`` 1 to 50, for ``linear`` 10 to 50, for ``rolling``
        5 to 50. None: 10 for ``canary``, otherwise 25, unless ``step_instances`` is given.
    step_instances
        Instances that one step moves, instead of ``step_percent``; at least 1. None: ``step_percent`` says.
    wait
        Seconds between two steps, in which the alarms are watched, 0 to 3600.
    termination_wait
        Seconds that the old fleet is kept after the traffic has moved, 0 to 3600; not for ``rolling``. None: 0, as
        SageMaker's own.
    maximum_execution
        Seconds after which an update that has not ended is taken back, 600 to 28800. None: SageMaker's default.
    rollback_percent
        For ``rolling``: percent of the instances that a step back replaces, 5 to 100. None: all at once.
    alarms
        Names of 1 to 10 CloudWatch alarms, each of which takes the update back when it goes off; of an alarm
        construct, its ``alarm_name``. Empty: none does. None: two alarms are made, on 5XX answers and on the model's
        latency; for that the endpoint must have a name.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    strategy: Strategy
    step_percent: int | None = None
    step_instances: int | None = None
    wait: int = 300
    termination_wait: int | None = None
    maximum_execution: int | None = None
    rollback_percent: int | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if is_token(self.strategy):
            problems.add(
                "strategy", "is known at deployment only, and what goes with it is checked before; give its name"
            )
        problems.extend(choice_problems("strategy", self.strategy, Strategy))
        problems.extend(self._step_problems())
        problems.extend(range_problems("wait", self.wait, 0, 3600, "seconds"))
        problems.extend(range_problems("termination_wait", self.termination_wait, 0, 3600, "seconds"))
        problems.extend(range_problems("maximum_execution", self.maximum_execution, 600, 28800, "seconds"))
        problems.extend(range_problems("rollback_percent", self.rollback_percent, 5, 100))
        problems.extend(self.alarm_problems())
        problems.raise_any()

    def _step_problems(self) -> Iterator[Problem]:
        if self.strategy == "all_at_once":
            for name in ("step_percent", "step_instances"):
                if getattr(self, name) is not None:
                    yield Problem(name, "means nothing for 'all_at_once', which has one step; leave it out")
        elif self.strategy in _PERCENT:
            if self.step_percent is not None and self.step_instances is not None:
                yield Problem("step_instances", "is given as well as 'step_percent'; give one of the two")
            least, most, _ = _PERCENT[self.strategy]
            yield from range_problems("step_percent", self.step_percent, least, most)
            if self.step_instances is not None and not is_token(self.step_instances) and self.step_instances < 1:
                yield Problem("step_instances", f"must be at least 1, got {self.step_instances}")
        if self.strategy == "rolling" and self.termination_wait is not None:
            yield Problem("termination_wait", "means nothing for 'rolling', which has no second fleet; leave it out")
        if self.strategy != "rolling" and self.rollback_percent is not None:
            yield Problem("rollback_percent", f"means nothing for '{self.strategy}'; leave it out")

    @property
    def step(self) -> tuple[Literal["INSTANCE_COUNT", "CAPACITY_PERCENT"], int] | None:
        """The size of a step in SageMaker's terms; None for ``all_at_once``."""
        if self.strategy == "all_at_once":
            return None
        if self.step_instances is not None:
            return "INSTANCE_COUNT", self.step_instances
        return "CAPACITY_PERCENT", self.step_percent or _PERCENT[self.strategy][2]
