"""Which alarms take an update back: named ones, or two that are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructs_lib.serving.problems import Problem, below, is_token
from constructs_lib.serving.ranges import range_problems

_ALARMS_MAX = 10  # botocore sagemaker AlarmList
_NAME_MAX = 255  # botocore sagemaker AlarmName


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackAlarms:
    """What every kind of rollout has.

    Attributes
    ----------
    alarms
        Names of 1 to 10 CloudWatch alarms, each of which takes the update back when it goes off; of an alarm
        construct, its ``alarm_name``. Empty: none does. None: two alarms are made, on 5XX answers and on the model's
        latency.
    max_errors
        5XX answers in a minute that the alarm made here tolerates, at least 0.
    max_model_latency_ms
        Average milliseconds that the model may take over a minute before the alarm made here goes off, 1 to 60000.
        Default: half of the 60 seconds that SageMaker waits for an answer.
    """

    alarms: tuple[str, ...] | None = None
    max_errors: int = 0
    max_model_latency_ms: int = 30_000

    def alarm_problems(self) -> Iterator[Problem]:
        """Give what is wrong with the alarms."""
        if below(self.max_errors, 0):
            yield Problem("max_errors", f"must be at least 0, got {self.max_errors}")
        yield from range_problems("max_model_latency_ms", self.max_model_latency_ms, 1, 60_000, "milliseconds")
        if self.alarms is None:
            return
        if len(self.alarms) > _ALARMS_MAX:
            yield Problem("alarms", f"must be at most {_ALARMS_MAX}, got {len(self.alarms)}")
        for name in self.alarms:
            if not is_token(name) and (not name.strip() or len(name) > _NAME_MAX):
                yield Problem("alarms", f"must each be the name of an alarm, 1 to {_NAME_MAX} characters, got '{name}'")
        for name in sorted({name for name in self.alarms if self.alarms.count(name) > 1}):
            yield Problem("alarms", f"has '{name}' {self.alarms.count(name)} times; give it once")
