"""What is watched about an endpoint: which alarms it has, and at which thresholds they go off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from constructs_lib.serving.problems import Problem, Problems, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

MissingData = Literal["breaching", "ignore", "missing", "notBreaching"]

_TOPIC_ARN = re.compile(r"arn:[^:]+:sns:[^:]+:[^:]+:[^:]+")
_TOPICS_MAX = 5  # botocore cloudwatch ResourceList: AlarmActions
_OFF = "; None (null in settings) means no alarm"
_DAY_MINUTES = 1440  # botocore cloudwatch PutMetricAlarm: of periods below one hour, no more than a day is looked at
_PERCENTS = (
    "error_percent",
    "client_error_percent",
    "cpu_percent",
    "memory_percent",
    "gpu_percent",
    "gpu_memory_percent",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """Alarms for every variant of an endpoint, and a dashboard. An alarm whose threshold is None is not created.

    Where inference components get the requests, errors and latency are those of each component, and CPU, memory and
    GPUs those of the instances.

    Source of the metrics: AWS, "Amazon SageMaker AI metrics in Amazon CloudWatch"; they come once a minute. Alarms cost
    money: CloudWatch counts each by the metrics that it reads.

    Attributes
    ----------
    error_percent
        Percent of the invocations answered with a 5xx status, above 0 and up to 100 (``Invocation5XXErrors``).
        None: no alarm.
    client_error_percent
        Percent of the invocations answered with a 4xx status, above 0 and up to 100 (``Invocation4XXErrors``). None: no
        alarm, since these are errors of the callers.
    latency_p99_ms
        Milliseconds, more than 0, in which the model answers 99 of 100 invocations (``ModelLatency``). The default is
        half of the 60 seconds after which SageMaker gives up a request: set what your callers can accept, and more for
        an asynchronous endpoint, which may take longer. None: no alarm.
    cpu_percent
        Percent of all vCPUs of an instance, above 0 and up to 100 (``CPUUtilization``, which SageMaker sums over
        the vCPUs). None: no alarm.
    memory_percent
        Percent of an instance's memory, above 0 and up to 100 (``MemoryUtilization``). None: no alarm.
    gpu_percent
        Percent of all GPUs of an instance, above 0 and up to 100 (``GPUUtilization``, which SageMaker sums over the
        GPUs); instances without a GPU have no such alarm. None: no alarm.
    gpu_memory_percent
        Percent of the memory of all GPUs of an instance, above 0 and up to 100 (``GPUMemoryUtilization``). None: no
        alarm, as the servers of large language models fill that memory at their start.
    at_max_instances
        Whether there is an alarm for a variant that scales and has as many instances as ``autoscaling.max`` allows,
        so that it cannot follow its traffic any further; and for an inference component with as many copies.
    silent_minutes
        Minutes, 1 to 1440, without metrics from the variant's instances, or an inference component's copies, after
        which they count as gone (``CPUUtilization``, which they send with and without traffic). None: no alarm.
    minutes
        Minutes, 1 to 1440, over which errors and latency are looked at.
    breaching_minutes
        Minutes of those, at least 1 and at most ``minutes``, in which a threshold is crossed when the alarm goes off.
    saturation_minutes
        Minutes, 1 to 1440, for which an instance's CPU, memory and GPU, or the instance count, stay beyond their
        thresholds when the alarm goes off. The default leaves autoscaling the time to help.
    missing_data
        What a minute without requests, and so without data, counts as: ``notBreaching``, ``breaching``, ``ignore`` (the
        state stays) or ``missing`` (the state becomes INSUFFICIENT_DATA). The alarm for silence has its own: breaching.
    alarm_topics
        ARNs of up to 5 SNS topics that are notified when an alarm goes off and when it is over; for a topic of the same
        app ``topic.topic_arn``. Default: no notifications; the alarms show on the dashboard.
    dashboard
        Whether the endpoint gets a CloudWatch dashboard.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    error_percent: float | None = 1.0
    client_error_percent: float | None = None
    latency_p99_ms: float | None = 30_000.0
    cpu_percent: float | None = 90.0
    memory_percent: float | None = 90.0
    gpu_percent: float | None = 95.0
    gpu_memory_percent: float | None = None
    at_max_instances: bool = True
    silent_minutes: int | None = 10
    minutes: int = 5
    breaching_minutes: int = 3
    saturation_minutes: int = 15
    missing_data: MissingData = "notBreaching"
    alarm_topics: tuple[str, ...] = ()
    dashboard: bool = True

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._threshold_problems())
        problems.extend(self._window_problems())
        problems.extend(self._topic_problems())
        problems.extend(choice_problems("missing_data", self.missing_data, MissingData))
        problems.raise_any()

    def _threshold_problems(self) -> Iterator[Problem]:
        for name in _PERCENTS:
            percent = getattr(self, name)
            if percent is not None and not is_token(percent) and not 0 < percent <= 100:
                yield Problem(name, f"must be above 0 and at most 100 percent, got {percent:g}{_OFF}")
        latency = self.latency_p99_ms
        if latency is not None and not is_token(latency) and not 0 < latency < float("inf"):
            yield Problem(
                "latency_p99_ms",
                f"must be a finite number of milliseconds above 0, got {latency:g}{_OFF}",
            )

    def _window_problems(self) -> Iterator[Problem]:
        for name in ("silent_minutes", "minutes", "saturation_minutes"):
            yield from range_problems(name, getattr(self, name), 1, _DAY_MINUTES, "minutes")
        breaching = self.breaching_minutes
        if not is_token(breaching) and not is_token(self.minutes) and not 1 <= breaching <= max(self.minutes, 1):
            yield Problem("breaching_minutes", f"must be 1 to 'minutes' ({self.minutes}), got {breaching}")

    def _topic_problems(self) -> Iterator[Problem]:
        if len(self.alarm_topics) > _TOPICS_MAX:
            yield Problem("alarm_topics", f"must be at most {_TOPICS_MAX}, got {len(self.alarm_topics)}")
        for index, topic in enumerate(self.alarm_topics):
            if self.alarm_topics.index(topic) < index:
                yield Problem(f"alarm_topics.{index}", f"is given twice: '{topic}'")
            elif not is_token(topic) and not _TOPIC_ARN.fullmatch(topic):
                shape = "arn:PARTITION:sns:REGION:ACCOUNT:NAME"
                yield Problem(f"alarm_topics.{index}", f"must look like {shape}, got '{topic}'")
