"""How an update moves an endpoint from its old instances to new ones, and when it goes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.serving.problems import Problem, Problems, below, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

Strategy = Literal["all_at_once", "canary", "linear", "rolling"]

# Percent of the fleet that one step may move, and what it moves when nothing is said. Source: AWS, "Deployment
# guardrails": canary traffic shifting, linear traffic shifting, rolling deployments.
_PERCENT = {"canary": (1, 50, 10), "linear": (10, 50, 25), "rolling": (5, 50, 25)}
_ALARMS_MAX = 10  # botocore sagemaker AlarmList
_NAME_MAX = 255  # botocore sagemaker AlarmName


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
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
        Seconds after which an update that has not ended is taken back, 600 to 28800. None: SageMaker's own limit.
    rollback_percent
        For ``rolling``: percent of the instances that a step back replaces, 5 to 100. None: all at once.
    alarms
        Names of 1 to 10 CloudWatch alarms, each of which takes the update back when it goes off; of an alarm
        construct, its ``alarm_name``. Empty: none does. None: two alarms are made, on 5XX answers and on the model's
        latency; for that the endpoint must have a name.
    max_errors
        5XX answers in a minute that the alarm made here bears, at least 0.
    max_model_latency_ms
        Average milliseconds that the model may take over a minute before the alarm made here goes off, 1 to 60000.
        Default: half of the 60 seconds that SageMaker waits for an answer.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    strategy: Strategy
    step_percent: int | None = None
    step_instances: int | None = None
    wait: int = 300
    termination_wait: int | None = None
    maximum_execution: int | None = None
    rollback_percent: int | None = None
    alarms: tuple[str, ...] | None = None
    max_errors: int = 0
    max_model_latency_ms: int = 30_000

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(choice_problems("strategy", self.strategy, Strategy))
        problems.extend(self._step_problems())
        problems.extend(range_problems("wait", self.wait, 0, 3600, "seconds"))
        problems.extend(range_problems("termination_wait", self.termination_wait, 0, 3600, "seconds"))
        problems.extend(range_problems("maximum_execution", self.maximum_execution, 600, 28800, "seconds"))
        problems.extend(range_problems("rollback_percent", self.rollback_percent, 5, 100))
        if below(self.max_errors, 0):
            problems.add("max_errors", f"must be at least 0, got {self.max_errors}")
        problems.extend(range_problems("max_model_latency_ms", self.max_model_latency_ms, 1, 60_000, "milliseconds"))
        problems.extend(self._alarm_problems())
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

    def _alarm_problems(self) -> Iterator[Problem]:
        if self.alarms is None:
            return
        if len(self.alarms) > _ALARMS_MAX:
            yield Problem("alarms", f"must be at most {_ALARMS_MAX}, got {len(self.alarms)}")
        for name in self.alarms:
            if not is_token(name) and (not name.strip() or len(name) > _NAME_MAX):
                yield Problem("alarms", f"must each be the name of an alarm, 1 to {_NAME_MAX} characters, got '{name}'")
        for name in sorted({name for name in self.alarms if self.alarms.count(name) > 1}):
            yield Problem("alarms", f"has '{name}' {self.alarms.count(name)} times; give it once")

    @property
    def step(self) -> tuple[Literal["INSTANCE_COUNT", "CAPACITY_PERCENT"], int] | None:
        """The size of a step in SageMaker's terms; None for ``all_at_once``."""
        if self.strategy == "all_at_once":
            return None
        if self.step_instances is not None:
            return "INSTANCE_COUNT", self.step_instances
        return "CAPACITY_PERCENT", self.step_percent or _PERCENT[self.strategy][2]
