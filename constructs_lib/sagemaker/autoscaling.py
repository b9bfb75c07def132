"""How the number of instances of a variant follows its traffic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.sagemaker import scaling_targets
from constructs_lib.sagemaker.scaling_rules import ScheduledCapacity, StepScaling, twin_rule_problems
from constructs_lib.serving.problems import Problem, Problems, below

# Fields that name a metric and its target value; with several, the one that asks for most instances wins.
_TARGETS = (
    "invocations_per_instance",
    "max_requests_per_second",
    "concurrent_requests_per_model",
    "cpu_utilization",
    "gpu_utilization",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """The bounds of the number of instances, and what it follows: metrics, steps, a schedule.

    With several targets, Application Auto Scaling takes the one that asks for the most instances.

    Attributes
    ----------
    min
        Fewest instances, at least 1: a real-time variant cannot scale to zero.
    max
        Most instances, at least ``min``.
    invocations_per_instance
        Target for ``SageMakerVariantInvocationsPerInstance``: invocations per instance and minute, more than 0. None:
        it follows ``max_requests_per_second``, if that is given.
    max_requests_per_second
        The highest rate that one instance sustains in a load test, in requests per second, more than 0. The target is
        this times 60 times ``safety_factor``. None: ``invocations_per_instance`` says.
    safety_factor
        Share of ``max_requests_per_second`` to aim for, above 0 and at most 1. Default: 0.5, the start value in
        SageMaker's guide.
    concurrent_requests_per_model
        Target for ``SageMakerVariantConcurrentRequestsPerModelHighResolution``: requests that one model works on at one
        time, more than 0; it reacts within seconds, and suits requests that take long. None: not a target.
    cpu_utilization
        Target for ``CPUUtilization``: percent of one core, summed over the cores of an instance. None: not a target.
    gpu_utilization
        Target for ``GPUUtilization``: percent of one GPU, summed over the GPUs of an instance. None: not a target.
    scale_in_cooldown
        Seconds after a scale-in before the next one, at least 0. Default: 300, as in SageMaker's console.
    scale_out_cooldown
        Seconds after a scale-out before the next one, at least 0. Default: 300, as in SageMaker's console.
    disable_scale_in
        Whether these targets only add instances. Default: they remove them as well.
    steps
        Step scaling policies, each with its alarm. Default: none.
    schedules
        Times at which ``min`` and ``max`` change. Default: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 1
    max: int
    invocations_per_instance: float | None = None
    max_requests_per_second: float | None = None
    safety_factor: float = 0.5
    concurrent_requests_per_model: float | None = None
    cpu_utilization: float | None = None
    gpu_utilization: float | None = None
    scale_in_cooldown: int = 300
    scale_out_cooldown: int = 300
    disable_scale_in: bool = False
    steps: tuple[StepScaling, ...] = ()
    schedules: tuple[ScheduledCapacity, ...] = ()

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> Iterator[Problem]:
        if below(self.min, 1):
            yield Problem("min", f"must be at least 1 for a real-time endpoint, got {self.min}")
        yield from scaling_targets.order_problems(self)
        yield from scaling_targets.target_problems(self, _TARGETS)
        yield from scaling_targets.cooldown_problems(self)
        yield from twin_rule_problems(self.steps, self.schedules)

    @property
    def target_invocations(self) -> float | None:
        """The target for ``SageMakerVariantInvocationsPerInstance``; None when it is not followed."""
        return scaling_targets.target_invocations(self, self.invocations_per_instance)
