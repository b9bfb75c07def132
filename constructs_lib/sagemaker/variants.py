"""Production variants: the groups of instances behind an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.serving.compatibility import instance_type_problems
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import Problem, Problems, below, is_token


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceVariant:
    """One group of instances behind an endpoint.

    Attributes
    ----------
    instance_type
        Type of each instance, such as ``ml.c6i.large``.
    instance_count
        Instances at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. None: as many as
        ``autoscaling.min`` says, otherwise 1.
    autoscaling
        How the count follows the traffic. None: it stays as it is.
    name
        Name of the variant, as requests and metrics give it. Default: ``AllTraffic``, as the SageMaker SDK's.
    weight
        Share of the traffic, relative to the sum over all variants; at least 0.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    instance_type: str
    instance_count: int | None = None
    autoscaling: Autoscaling | None = None
    name: str = "AllTraffic"
    weight: float = 1.0

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(instance_count_problems(self.instance_count, self.autoscaling))
        problems.extend(instance_type_problems(self.instance_type, autoscaled=self.autoscaling is not None))
        if wrong := name_problem(self.name):
            problems.add("name", wrong)
        if not is_token(self.weight) and not 0 <= self.weight < inf:
            problems.add("weight", f"must be a finite number of at least 0, got {self.weight}")
        problems.raise_any()

    @property
    def initial_instance_count(self) -> int:
        """How many instances the variant starts with."""
        if self.instance_count is not None:
            return self.instance_count
        return self.autoscaling.min if self.autoscaling else 1


def instance_count_problems(instance_count: int | None, autoscaling: Autoscaling | None) -> list[Problem]:
    """Hold that an initial count is positive, and inside the range in which it may scale."""
    if instance_count is None:
        return []
    if below(instance_count, 1):
        return [Problem("instance_count", f"must be at least 1, got {instance_count}")]
    if autoscaling and (below(instance_count, autoscaling.min) or below(autoscaling.max, instance_count)):
        allowed = f"'autoscaling.min' ({autoscaling.min}) and 'autoscaling.max' ({autoscaling.max})"
        return [Problem("instance_count", f"must be between {allowed}, got {instance_count}")]
    return []
