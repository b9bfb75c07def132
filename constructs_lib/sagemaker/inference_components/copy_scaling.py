"""How the number of copies of an inference component follows its traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.sagemaker import scaling_targets
from constructs_lib.sagemaker.scaling_rules import CopyStepScaling, ScheduledCopies, twin_rule_problems
from constructs_lib.serving.problems import Problems, is_token

# Fields that name a metric and its target value; with several, the one that asks for most copies wins.
_TARGETS = (
    "invocations_per_copy",
    "max_requests_per_second",
    "concurrent_requests_per_copy",
    "cpu_utilization",
    "gpu_utilization",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyScaling:
    """Between which bounds the copies are counted, and what the count follows: metrics, steps, a schedule.

    With several targets, Application Auto Scaling takes the one that asks for the most copies.

    Attributes
    ----------
    min
        Fewest copies. With 0, the first request that finds none fails and brings the first copy back, which takes some
        minutes; with ``managed_instance_scaling.min_instance_count`` 0 too, the instances go as well. Default: 1.
    max
        Most copies, at least 1 and at least ``min``.
    invocations_per_copy
        Target for ``SageMakerInferenceComponentInvocationsPerCopy``: invocations per copy and minute, more than 0.
        None: it follows ``max_requests_per_second``, if that is given.
    max_requests_per_second
        The highest rate that one copy sustains in a load test, in requests per second, more than 0. The target is this
        times 60 times ``safety_factor``. None: ``invocations_per_copy`` says.
    safety_factor
        Which part of ``max_requests_per_second`` a copy is loaded with, above 0 and at most 1. Default: 0.5, as
        SageMaker's guide starts with.
    concurrent_requests_per_copy
        Target for ``SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution``: requests that one copy works
        on at one time, more than 0; it reacts within seconds, and suits requests that take long. None: not a target.
    cpu_utilization
        Target for ``CPUUtilizationNormalized``: percent of the CPU cores that a copy has, above 0. None: not a target.
    gpu_utilization
        Target for ``GPUUtilizationNormalized``: percent of the GPUs that a copy has, above 0. None: not a target.
    scale_in_cooldown
        Seconds after a scale-in before the next one, at least 0. Default: 300.
    scale_out_cooldown
        Seconds after a scale-out before the next one, at least 0. Default: 300.
    disable_scale_in
        Whether these targets only ever add copies. Default: they remove them as well.
    steps
        Step scaling policies, each with its alarm. Default: none.
    schedules
        Times at which ``min`` and ``max`` change. Default: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 1
    max: int
    invocations_per_copy: float | None = None
    max_requests_per_second: float | None = None
    safety_factor: float = 0.5
    concurrent_requests_per_copy: float | None = None
    cpu_utilization: float | None = None
    gpu_utilization: float | None = None
    scale_in_cooldown: int = 300
    scale_out_cooldown: int = 300
    disable_scale_in: bool = False
    steps: tuple[CopyStepScaling, ...] = ()
    schedules: tuple[ScheduledCopies, ...] = ()

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(scaling_targets.bounds_from_zero_problems(self))
        problems.extend(scaling_targets.target_problems(self, _TARGETS))
        problems.extend(scaling_targets.cooldown_problems(self))
        if self.min == 0 and self.disable_scale_in:
            problems.add("disable_scale_in", "keeps the copies from ever going to 0, which 'min' allows; leave one out")
        problems.extend(twin_rule_problems(self.steps, self.schedules))
        problems.raise_any()

    @property
    def target_invocations(self) -> float | None:
        """The target for ``SageMakerInferenceComponentInvocationsPerCopy``; None when it is not followed."""
        return scaling_targets.target_invocations(self, self.invocations_per_copy)

    @property
    def most_copies(self) -> int | None:
        """Most copies that there can be, now or by a schedule; None when only the deployment knows."""
        counts = [self.max, *(each.max for each in self.schedules)]
        return None if any(map(is_token, counts)) else max(counts)

    @property
    def can_be_empty(self) -> bool:
        """Whether the last copy may go, now or by a schedule."""
        return 0 in (self.min, *(each.min for each in self.schedules))
