"""One model among those that share an endpoint's instances: what it needs of them, and how many copies there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from constructs_lib.sagemaker.inference_components.copy_rollout import CopyRollout
from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling
from constructs_lib.sagemaker.overrides import path_problems
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems, below, is_token
from constructs_lib.serving.ranges import range_problems

# Source: SageMaker Python SDK 3, _assert_ic_compatible.
NO_GROUP = (
    "is of several models or containers, and an inference component serves one; make each a component, or host them in "
    "an endpoint of their own"
)
_START_UP = (60, 3600, "seconds")  # botocore sagemaker, InferenceComponentStartupParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSpecification:
    """What one inference component serves, and the resources of each copy.

    Source of the ranges: botocore sagemaker, InferenceComponentComputeResourceRequirements.

    Attributes
    ----------
    model
        What is served: one model.
    min_memory_mb
        Memory reserved for each copy, at least 128 MB.
    max_memory_mb
        Memory that a copy may use, at least ``min_memory_mb``. None: SageMaker sets no limit of its own.
    cpu_cores
        CPU cores reserved for each copy, at least 0.25. None: none.
    accelerators
        GPUs or Neuron devices of each copy, at least 1. None: none, for instances without any.
    copies
        Copies at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. An update of the
        component resets the number to it. None: ``autoscaling.min``, and at least 1.
    autoscaling
        How the number of copies follows the traffic. None: it is fixed.
    rollout
        How an update of the component replaces its copies, and what rolls it back. None: SageMaker's default, which
        starts all new copies and then removes the old ones.
    model_data_download_timeout
        Seconds that downloading the model data may take, 60 to 3600. None: an hour for a large language model,
        otherwise SageMaker's default.
    container_startup_timeout
        Seconds that the container may take until ``/ping`` answers, 60 to 3600. None: an hour for a large language
        model, otherwise SageMaker's default.
    overrides
        Properties of ``AWS::SageMaker::InferenceComponent`` by their own names, as in `Overrides`. Empty: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model: AnyModel
    min_memory_mb: int
    max_memory_mb: int | None = None
    cpu_cores: float | None = None
    accelerators: int | None = None
    copies: int | None = None
    autoscaling: CopyScaling | None = None
    rollout: CopyRollout | None = None
    model_data_download_timeout: int | None = None
    container_startup_timeout: int | None = None
    overrides: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: object = self.model
        if isinstance(given, MultiModel | MultiContainerModel):
            raise InvalidValueError(type(self).__name__, [Problem("model", NO_GROUP)])
        problems = Problems.of(self)
        if below(self.min_memory_mb, 128):
            problems.add("min_memory_mb", f"must be at least 128, got {self.min_memory_mb}")
        if self.max_memory_mb is not None and below(self.max_memory_mb, self.min_memory_mb):
            least = f"must be at least 'min_memory_mb' ({self.min_memory_mb})"
            problems.add("max_memory_mb", f"{least}, got {self.max_memory_mb}")
        if self.cpu_cores is not None and not is_token(self.cpu_cores) and not self.cpu_cores >= 0.25:
            problems.add("cpu_cores", f"must be at least 0.25, got {self.cpu_cores}")
        for name in ("accelerators", "copies"):
            count = getattr(self, name)
            if count is not None and below(count, 1):
                problems.add(name, f"must be at least 1, got {count}")
        if self.copies is not None and self.autoscaling is not None:
            problems.extend(range_problems("copies", self.copies, max(self.autoscaling.min, 1), self.autoscaling.max))
        if self.rollout is not None:
            problems.extend(self.rollout.copy_problems(self.most_copies))
        for name in ("model_data_download_timeout", "container_startup_timeout"):
            problems.extend(range_problems(name, getattr(self, name), *_START_UP))
        problems.extend(path_problems("overrides", self.overrides))
        problems.raise_any()

    @property
    def initial_copies(self) -> int:
        """How many copies the component starts with; SageMaker takes no 0 at the start."""
        if self.copies is not None:
            return self.copies
        return max(self.autoscaling.min, 1) if self.autoscaling else 1

    @property
    def most_copies(self) -> int:
        """How many copies there can be."""
        return self.autoscaling.max if self.autoscaling else self.initial_copies
