"""An endpoint that hosts inference components as a value: what settings are parsed into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.endpoint_rules import rollout_problems, volume_key_problems
from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
from constructs_lib.sagemaker.inference_components.rules import component_problems
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.overrides import Overrides
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.sagemaker.variants import InferenceAmiVersion, InstanceVariant, RoutingStrategy
from constructs_lib.serving.compatibility import instance_type_problems, region_problems
from constructs_lib.serving.problems import InvalidValueError, Problem, below
from constructs_lib.serving.ranges import choice_problems

# What is said of the instances as of any variant's.
_OF_INSTANCES = (
    "capacity_reservation_arn",
    "instance_provision_timeout",
    "volume_size_gb",
    "inference_ami_version",
    "enable_ssm_access",
    "core_dumps",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEndpointOptions:
    """A SageMaker endpoint whose instances several models share, each in its own copies.

    Attributes
    ----------
    inference_components
        What is served, by the names that requests call it by, which are unique in account and region: 1 to 63 letters,
        digits and inner hyphens.
    instance_type
        Type of each instance, such as ``ml.g5.12xlarge``.
    instance_count
        Instances at the start, at least 1, and between the bounds of ``managed_instance_scaling``. Left out: its
        ``min_instance_count``, and at least 1.
    managed_instance_scaling
        How the number of instances follows the room that the copies need. Left out: it is fixed.
    routing_strategy
        How a request finds a copy: ``RANDOM``, ``LEAST_OUTSTANDING_REQUESTS`` or ``PREFIX_AWARE``. Left out:
        SageMaker's default, which is random.
    capacity_reservation_arn
        ARN of the ML capacity reservation that all instances are launched into; the deployment fails when it is
        exhausted. Left out: they are launched on demand.
    instance_provision_timeout
        Seconds that SageMaker may take to find an instance, 300 to 3600. Left out: SageMaker's default.
    volume_size_gb
        Size of the volume of each instance, 1 to 512 GB; instances with a disk of their own take none. Left out: what
        SageMaker gives to the instance type.
    inference_ami_version
        Image of the host, which includes the GPU or Neuron driver. Left out: the one that the models' images need,
        otherwise SageMaker's default for the instance type.
    enable_ssm_access
        Whether AWS Systems Manager may open a shell on the instances, for debugging. Default: no.
    core_dumps
        ``s3://BUCKET/PREFIX`` under which core dumps of crashed containers are written; the execution role may write
        there. Left out: none are kept.
    monitoring
        CloudWatch alarms and a dashboard, of the instances and of each component: true for those with the default
        thresholds, or the thresholds. Left out: none.
    data_capture
        What of the traffic is kept in S3, of all components together. AWS's documentation of data capture does not
        mention inference components. Left out: nothing is.
    volume_kms_key_arn
        ARN of the KMS key that the volumes of all instances are encrypted with; whoever deploys needs
        ``kms:CreateGrant`` on it. Instance types with local disks, such as ``ml.g5.xlarge``, are refused: their
        hardware encrypts the disks, without your key. Left out: a key of AWS.
    rollout
        How another instance type, or anything else of the endpoint itself, moves all components to new instances, and
        what takes it back; for a component's own model there is its ``rollout``. Left out: all at once.
    tags
        Tags of every resource of the endpoint, values by key. Left out: none.
    overrides
        CloudFormation properties by their own names, for what has no key here. Left out: none.
    """

    inference_components: Mapping[str, ComponentSpecification]
    instance_type: str
    instance_count: int | None = None
    managed_instance_scaling: ManagedInstanceScaling | None = None
    routing_strategy: RoutingStrategy | None = None
    capacity_reservation_arn: str | None = None
    instance_provision_timeout: int | None = None
    volume_size_gb: int | None = None
    inference_ami_version: InferenceAmiVersion | None = None
    enable_ssm_access: bool = False
    core_dumps: str | None = None
    monitoring: bool | Monitoring = False
    data_capture: DataCapture | None = None
    volume_kms_key_arn: str | None = None
    rollout: Rollout | None = None
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

    @property
    def variant(self) -> InstanceVariant:
        """The one production variant, which hosts all components.

        Raises
        ------
        InvalidValueError
            When there is no such instance type, or the count does not fit; `problems` tells that as well.
        """
        chosen: dict[str, Any] = {name: getattr(self, name) for name in _OF_INSTANCES}
        return InstanceVariant(
            instance_type=self.instance_type,
            instance_count=self.initial_instance_count,
            routing_strategy=self.routing_strategy,
            **chosen,
        )

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
        try:
            variant = self.variant
        except InvalidValueError as error:  # what is not of these is told above
            yield from (problem for problem in error.problems if problem.field in _OF_INSTANCES)
        else:
            yield from volume_key_problems(self.volume_kms_key_arn, [variant])
            if self.rollout is not None:
                yield from rollout_problems(self.rollout, [variant])
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
