"""An endpoint that hosts inference components as a value: what settings are parsed into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
from constructs_lib.sagemaker.inference_components.rules import component_problems
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.sagemaker.overrides import Overrides
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.sagemaker.variants import RoutingStrategy
from constructs_lib.serving.compatibility import instance_type_problems, region_problems
from constructs_lib.serving.problems import Problem, below
from constructs_lib.serving.ranges import choice_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEndpointOptions:
    """One SageMaker endpoint whose instances several models share, each in copies of its own.

    Attributes
    ----------
    inference_components
        What is served, by the names that requests call it by, which are unique in account and region: 1 to 63 letters,
        digits and inner hyphens.
    instance_type
        Type of each instance, such as ``ml.g5.12xlarge``.
    instance_count
        Instances at the start, at least 1, and between the bounds of ``managed_instance_scaling``. Left out: as many
        as its ``min_instance_count`` says, and at least 1.
    managed_instance_scaling
        How SageMaker counts the instances by the room that the copies need. Left out: the count stays as it is.
    routing_strategy
        How a request finds a copy: ``RANDOM``, ``LEAST_OUTSTANDING_REQUESTS`` or ``PREFIX_AWARE``. Left out: as
        SageMaker does by itself, which is at random.
    tags
        Tags of every resource of the endpoint, values by key. Left out: none.
    overrides
        CloudFormation properties by their own names, for what the rest does not say. Left out: none.
    """

    inference_components: Mapping[str, ComponentSpecification]
    instance_type: str
    instance_count: int | None = None
    managed_instance_scaling: ManagedInstanceScaling | None = None
    routing_strategy: RoutingStrategy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    overrides: Overrides | None = None

    def options(self) -> dict[str, Any]:
        """Give the arguments of an `InferenceComponentEndpoint` that is made so."""
        return {each.name: getattr(self, each.name) for each in fields(ComponentEndpointOptions)}

    @property
    def initial_instance_count(self) -> int:
        """How many instances the endpoint starts with; its components cannot start without one."""
        if self.instance_count is not None:
            return self.instance_count
        return max(self.managed_instance_scaling.min_instance_count, 1) if self.managed_instance_scaling else 1

    def problems(self) -> Iterator[Problem]:
        """Give every clash; its field is an attribute's name, or a path into it."""
        scaled = self.managed_instance_scaling is not None
        for problem in instance_type_problems(self.instance_type, autoscaled=scaled):
            if problem.field == "autoscaling":  # the components tell whether there is such a type
                message = problem.message.replace("'autoscaling'", "'managed_instance_scaling'")
                yield Problem("managed_instance_scaling", message)
            elif not self.inference_components:
                yield problem
        yield from self._count_problems()
        yield from choice_problems("routing_strategy", self.routing_strategy, RoutingStrategy)
        yield from component_problems(self)
        yield from tag_problems(self.tags)

    def _count_problems(self) -> Iterator[Problem]:
        count, scaling = self.instance_count, self.managed_instance_scaling
        if count is None:
            return
        if below(count, 1):
            yield Problem("instance_count", f"must be at least 1, got {count}")
        elif scaling and (below(count, scaling.min_instance_count) or below(scaling.max_instance_count, count)):
            bounds = f"{scaling.min_instance_count} and {scaling.max_instance_count}"
            yield Problem("instance_count", f"must be between the bounds of its scaling, {bounds}, got {count}")

    def region_problems(self, region: str) -> Iterator[Problem]:
        """Give the images that AWS does not keep in a region, as problems of ``region``."""
        for each in self.inference_components.values():
            yield from region_problems(each.model, self.instance_type, region)
