"""Serverless variants: no instances to choose, and nothing to pay while nobody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.sagemaker import scaling_targets
from constructs_lib.serving.names import variant_name_problem
from constructs_lib.serving.problems import Problem, Problems, below, is_token
from constructs_lib.serving.ranges import range_problems

# Source: AWS, "Deploy models with Amazon SageMaker Serverless Inference"; botocore sagemaker.
_MEMORY_SIZES = (1024, 2048, 3072, 4096, 5120, 6144)
_MAX_CONCURRENCY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedConcurrencyScaling:
    """Target tracking on the share of a serverless variant's provisioned concurrency that is in use.

    Attributes
    ----------
    min
        Least provisioned concurrency, at least 1.
    max
        Most provisioned concurrency, from ``min`` to the variant's ``max_concurrency``.
    utilization
        Target for ``SageMakerVariantProvisionedConcurrencyUtilization``, above 0 and at most 1.
    scale_in_cooldown
        Seconds after a scale-in before the next one, at least 0.
    scale_out_cooldown
        Seconds after a scale-out before the next one, at least 0.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    min: int = 1
    max: int
    utilization: float = 0.7
    scale_in_cooldown: int = 300
    scale_out_cooldown: int = 300

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(range_problems("min", self.min, 1, _MAX_CONCURRENCY))
        problems.extend(scaling_targets.order_problems(self))
        problems.extend(range_problems("max", self.max, 1, _MAX_CONCURRENCY))
        if not is_token(self.utilization) and not 0 < self.utilization <= 1:
            problems.add("utilization", f"must be above 0 and at most 1, got {self.utilization}")
        problems.extend(scaling_targets.cooldown_problems(self))
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessVariant:
    """The only variant of a serverless endpoint.

    Attributes
    ----------
    memory_size_mb
        Memory of one worker in MB: 1024, 2048, 3072, 4096, 5120 or 6144. CPU power follows it.
    max_concurrency
        Most requests that are worked on at one time, 1 to 200; more are answered with a throttling error.
    provisioned_concurrency
        How many workers are kept warm, 1 to ``max_concurrency``. None: as many as ``autoscaling.min`` says, otherwise
        none, so that a first request waits for a cold start.
    autoscaling
        How the provisioned concurrency follows the traffic. None: it stays as it is.
    name
        Name of the variant, as requests and metrics give it. Default: ``AllTraffic``, as the SageMaker SDK's.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    memory_size_mb: int = 2048
    max_concurrency: int = 5
    provisioned_concurrency: int | None = None
    autoscaling: ProvisionedConcurrencyScaling | None = None
    name: str = "AllTraffic"

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> Iterator[Problem]:
        if not is_token(self.memory_size_mb) and self.memory_size_mb not in _MEMORY_SIZES:
            sizes = ", ".join(map(str, _MEMORY_SIZES))
            yield Problem("memory_size_mb", f"must be one of {sizes}, got {self.memory_size_mb}")
        yield from range_problems("max_concurrency", self.max_concurrency, 1, _MAX_CONCURRENCY)
        yield from range_problems("provisioned_concurrency", self.provisioned_concurrency, 1, _MAX_CONCURRENCY)
        if wrong := variant_name_problem(self.name):
            yield Problem("name", wrong)
        allowed = f"must be at most 'max_concurrency' ({self.max_concurrency})"
        if self.provisioned_concurrency is not None and below(self.max_concurrency, self.provisioned_concurrency):
            yield Problem("provisioned_concurrency", f"{allowed}, got {self.provisioned_concurrency}")
        if self.autoscaling is None:
            return
        least, most = self.autoscaling.min, self.autoscaling.max
        if below(self.max_concurrency, most):
            yield Problem("autoscaling.max", f"{allowed}, got {most}")
        given = self.provisioned_concurrency
        if given is not None and not is_token(given) and (below(given, least) or below(most, given)):
            inside = f"'autoscaling.min' ({least}) and 'autoscaling.max' ({most})"
            yield Problem("provisioned_concurrency", f"must be between {inside}, got {given}")

    @property
    def initial_provisioned_concurrency(self) -> int | None:
        """How many workers are warm at the start; None when none is."""
        if self.provisioned_concurrency is None and self.autoscaling is not None:
            return self.autoscaling.min
        return self.provisioned_concurrency
