"""Asynchronous inference: requests and answers lie in S3, and an endpoint without work has no instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.sagemaker import scaling_targets
from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.serving.arns import key_problems, topic_problems
from constructs_lib.serving.problems import Problems
from constructs_lib.serving.ranges import range_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogScaling:
    """Target tracking on the requests that wait, per instance; from no instances at all if need be.

    Attributes
    ----------
    min
        Fewest instances, at least 0. Default: 0, so that an endpoint without work costs nothing.
    max
        Most instances, at least 1 and at least ``min``.
    backlog_per_instance
        Target for ``ApproximateBacklogSizePerInstance``, more than 0. Default: 5, as in SageMaker's guide.
    scale_in_cooldown
        Seconds after a scale-in before the next one, at least 0.
    scale_out_cooldown
        Seconds after a scale-out before the next one, at least 0.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 0
    max: int
    backlog_per_instance: float = 5.0
    scale_in_cooldown: int = 300
    scale_out_cooldown: int = 300

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(scaling_targets.bounds_from_zero_problems(self))
        problems.extend(scaling_targets.target_problem("backlog_per_instance", self.backlog_per_instance))
        problems.extend(scaling_targets.cooldown_problems(self))
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncInference:
    """That an endpoint takes requests asynchronously, and where its answers go.

    The execution role is given the right to write under ``output`` and ``failure``, to read ``input``, to publish to
    the topics, and to use the key.

    Attributes
    ----------
    output
        ``s3://BUCKET/PREFIX`` under which the answers are written.
    failure
        ``s3://BUCKET/PREFIX`` under which the error messages are written. None: they are not kept.
    input
        ``s3://BUCKET/PREFIX`` under which callers put their requests. None: the role is given no right to read them;
        grant it yourself, or send requests of up to 128,000 bytes in the call.
    success_topic
        ARN of the SNS topic that is notified of each answer; for a topic construct, its ``topic_arn``. None: no
        notifications.
    error_topic
        ARN of the SNS topic that is notified of each error. None: no notifications.
    max_concurrent_invocations_per_instance
        Most requests that an instance works on at one time, 1 to 1000. None: SageMaker chooses.
    kms_key_arn
        ARN of the KMS key to encrypt the answers with. None: as the bucket encrypts.
    autoscaling
        How the number of instances follows the backlog. None: it stays as it is.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    output: str
    failure: str | None = None
    input: str | None = None
    success_topic: str | None = None
    error_topic: str | None = None
    max_concurrent_invocations_per_instance: int | None = None
    kms_key_arn: str | None = None
    autoscaling: BacklogScaling | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        for prefix in ("output", "failure", "input"):
            problems.extend(prefix_problems(prefix, getattr(self, prefix)))
        for topic in ("success_topic", "error_topic"):
            problems.extend(topic_problems(topic, getattr(self, topic)))
        concurrency = "max_concurrent_invocations_per_instance"
        problems.extend(range_problems(concurrency, self.max_concurrent_invocations_per_instance, 1, 1000))
        problems.extend(key_problems("kms_key_arn", self.kms_key_arn))
        problems.raise_any()
