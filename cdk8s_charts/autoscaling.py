"""How the number of a workload's pods follows its load: a HorizontalPodAutoscaler, or KEDA from zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cdk8s_charts.resources import quantity_problem
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import choice_problems, range_problems

Engine = Literal["hpa", "keda"]

# Kubernetes, HorizontalPodAutoscaler v2: stabilizationWindowSeconds 0 to 3600, periodSeconds 1 to 1800.
_WINDOW_MAX = 3600
_PERIOD_MAX = 1800
# Those of a quantity that counts: thousandths to millions, and bytes.
_UNITS = ("", "m", "k", "M", "G", "Ki", "Mi", "Gi")
# What KEDA has of metrics-server: neither can tell that work waits for a pod when there is none.
_OF_RUNNING_PODS = ("cpu", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRule:
    """How fast pods are added or removed.

    Attributes
    ----------
    stabilization_seconds
        Seconds to look back, 0 to 3600, so that a short dip removes nothing and a short peak adds nothing. None:
        Kubernetes' own: 0 to add, 300 to remove.
    pods
        At most so many pods in one period, at least 1; with ``percent`` too, the larger change. None: no such bound.
    percent
        At most so many percent of the pods in one period, at least 1. None: no such bound.
    period_seconds
        Length of a period, 1 to 1800. Default: 60.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    stabilization_seconds: int | None = None
    pods: int | None = None
    percent: int | None = None
    period_seconds: int = 60

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(range_problems("stabilization_seconds", self.stabilization_seconds, 0, _WINDOW_MAX, "seconds"))
        problems.extend(range_problems("period_seconds", self.period_seconds, 1, _PERIOD_MAX, "seconds"))
        for name in ("pods", "percent"):
            if (value := getattr(self, name)) is not None and value < 1:
                problems.add(name, f"must be at least 1, got {value}")
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class KedaTrigger:
    """An event source that KEDA follows.

    Attributes
    ----------
    type
        KEDA's name of the scaler: ``prometheus``, ``aws-sqs-queue``, ``aws-cloudwatch``, ``cron``…
    metadata
        The scaler's own parameters, all of them text.
    authentication
        Name of the ``TriggerAuthentication`` that it uses. None: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    type: str
    metadata: Mapping[str, str]
    authentication: str | None = None

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        if not self.type:
            problems.add("type", "is empty; give the name of a scaler of KEDA's, such as 'prometheus'")
        if not self.metadata:
            problems.add("metadata", f"is empty; give the parameters of the scaler '{self.type}'")
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAutoscaling:
    """The bounds of the number of pods, and what it follows.

    With several targets, the one that asks for the most pods wins. CPU and memory need metrics-server in the cluster,
    other metrics an adapter for them, ``keda`` needs KEDA.

    Attributes
    ----------
    min
        Fewest pods; 0 needs ``keda`` and a trigger that works without a pod. Default: 1.
    max
        Most pods. Default: 10.
    cpu_utilization
        Target percentage of the requested CPU, averaged over the pods. None: 60, if there is no other target.
    memory_utilization
        Target percentage of the requested memory, averaged over the pods. None: not a target.
    pod_metrics
        Metrics of the pods from the custom metrics API, each with its target average per pod, such as
        ``{"requests_per_second": "20"}``. Default: none.
    external_metrics
        Metrics from the external metrics API, each with its target value per pod. Default: none.
    scale_up
        How fast pods are added. None: as fast as Kubernetes does.
    scale_down
        How fast pods are removed. None: as fast as Kubernetes does, after five minutes.
    engine
        ``hpa`` renders a HorizontalPodAutoscaler, ``keda`` a ScaledObject. Default: ``hpa``.
    triggers
        What KEDA follows besides CPU and memory. Default: none.
    cooldown_seconds
        With KEDA: seconds without an event after which the last pod is removed. Default: 300.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 1
    max: int = 10
    cpu_utilization: int | None = None
    memory_utilization: int | None = None
    pod_metrics: Mapping[str, str] = field(default_factory=dict)
    external_metrics: Mapping[str, str] = field(default_factory=dict)
    scale_up: ScalingRule | None = None
    scale_down: ScalingRule | None = None
    engine: Engine = "hpa"
    triggers: tuple[KedaTrigger, ...] = ()
    cooldown_seconds: int = 300

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self._problems())
        problems.raise_any()

    @property
    def cpu_target(self) -> int | None:
        """The percentage of CPU that is followed, given or by default; None when it is not."""
        others = (self.memory_utilization, self.pod_metrics, self.external_metrics, self.triggers)
        return 60 if self.cpu_utilization is None and not any(others) else self.cpu_utilization

    def _problems(self) -> Iterator[Problem]:
        yield from choice_problems("engine", self.engine, Engine)
        if self.min < 0:
            yield Problem("min", f"must be at least 0, got {self.min}")
        if self.max < max(self.min, 1):
            yield Problem("max", f"must be at least {max(self.min, 1)} ('min' is {self.min}), got {self.max}")
        for name in ("cpu_utilization", "memory_utilization"):
            if (percent := getattr(self, name)) is not None and percent < 1:
                yield Problem(name, f"must be at least 1 percent, got {percent}")
        for name in ("pod_metrics", "external_metrics"):
            for metric, target in getattr(self, name).items():
                yield from quantity_problem(f"{name}.{metric}", target, _UNITS, "'20' or '500m'")
        if self.cooldown_seconds < 0:
            yield Problem("cooldown_seconds", f"must be at least 0 seconds, got {self.cooldown_seconds}")
        yield from self._hpa_problems() if self.engine == "hpa" else self._keda_problems()

    def _hpa_problems(self) -> Iterator[Problem]:
        if self.min == 0:
            yield Problem("min", "is 0, which a HorizontalPodAutoscaler does not scale to; set 'engine' to keda")
        if self.triggers:
            yield Problem("triggers", "are KEDA's; set 'engine' to keda")

    def _keda_problems(self) -> Iterator[Problem]:
        if self.pod_metrics or self.external_metrics:
            name = "pod_metrics" if self.pod_metrics else "external_metrics"
            yield Problem(name, "are for the engine hpa; KEDA reads metrics itself: give 'triggers'")
        if self.min == 0 and all(trigger.type in _OF_RUNNING_PODS for trigger in self.triggers):
            yield Problem(
                "triggers",
                "must have one that works without a pod, such as 'prometheus' or 'aws-sqs-queue', since 'min' is 0",
            )
