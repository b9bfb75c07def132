"""Production variants: the groups of instances behind an endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Literal

from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.instance_pools import pool_problems
from constructs_lib.sagemaker.s3_prefixes import prefix_problems
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.serving import elastic_inference
from constructs_lib.serving.compatibility import instance_type_problems
from constructs_lib.serving.elastic_inference import AcceleratorType
from constructs_lib.serving.instance_storage import disk_size_problems
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.multi_container import HostedModel
from constructs_lib.serving.names import variant_name_problem
from constructs_lib.serving.problems import Problem, Problems, below, is_token
from constructs_lib.serving.ranges import choice_problems, range_problems

RoutingStrategy = Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM", "PREFIX_AWARE"]
InferenceAmiVersion = Literal[
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2-ami-sagemaker-inference-neuron-2",
    "al2023-ami-sagemaker-inference-gpu-4-1",
]

# botocore sagemaker, MlReservationArn
_RESERVATION = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:[a-z0-9-]{1,14}/.+")

# Least and most of each. Source: botocore sagemaker, ProductionVariant.
_RANGES = {
    "model_data_download_timeout": (60, 3600, "seconds"),
    "container_startup_timeout": (60, 3600, "seconds"),
    "instance_provision_timeout": (300, 3600, "seconds"),
    "volume_size_gb": (1, 512, "GB"),
}


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
    model
        What this variant serves. None: the model of its endpoint.
    fallback_instance_types
        Up to four further types of the same kind (device and architecture), tried in this order while SageMaker has no
        capacity for ``instance_type``: together they are the variant's instance pools. Empty: there is one type.
    capacity_reservation_arn
        ARN of the ML capacity reservation that all instances are launched into; the deployment fails when it is
        exhausted. None: they are launched on demand.
    accelerator_type
        Elastic Inference accelerator that is attached to each instance, such as ``ml.eia2.medium``. AWS has ended
        Elastic Inference: it is expressible, with a warning that names what took its place. None: none is attached.
    routing_strategy
        How a request finds an instance: ``RANDOM``, ``LEAST_OUTSTANDING_REQUESTS`` or ``PREFIX_AWARE``. None: as
        SageMaker does by itself, which is at random.
    model_data_download_timeout
        Seconds that an instance may take to fetch the model data, 60 to 3600. None: an hour for a large language model,
        otherwise SageMaker's default.
    container_startup_timeout
        Seconds that the container may take until ``/ping`` answers, 60 to 3600. None: an hour for a large language
        model, otherwise SageMaker's default.
    instance_provision_timeout
        Seconds that SageMaker may take to find an instance, 300 to 3600. None: SageMaker's default.
    volume_size_gb
        Size of the volume of each instance, 1 to 512 GB; instances with a disk of their own take none. None: what
        SageMaker gives to the instance type.
    inference_ami_version
        Image of the host, which includes the GPU or Neuron driver. None: the one that the model's image needs,
        otherwise SageMaker's default for the instance type.
    enable_ssm_access
        Whether AWS Systems Manager may open a shell on the instances, for debugging. Default: no.
    core_dumps
        ``s3://BUCKET/PREFIX`` under which core dumps of crashed containers are written; the execution role may write
        there. None: none are kept.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    instance_type: str
    instance_count: int | None = None
    autoscaling: Autoscaling | None = None
    name: str = "AllTraffic"
    weight: float = 1.0
    model: HostedModel | None = None
    fallback_instance_types: tuple[str, ...] = ()
    capacity_reservation_arn: str | None = None
    accelerator_type: AcceleratorType | None = None
    routing_strategy: RoutingStrategy | None = None
    model_data_download_timeout: int | None = None
    container_startup_timeout: int | None = None
    instance_provision_timeout: int | None = None
    volume_size_gb: int | None = None
    inference_ami_version: InferenceAmiVersion | None = None
    enable_ssm_access: bool = False
    core_dumps: str | None = None

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(instance_count_problems(self.instance_count, self.autoscaling))
        problems.extend(instance_type_problems(self.instance_type, autoscaled=self.autoscaling is not None))
        problems.extend(
            pool_problems(
                self.instance_type,
                self.fallback_instance_types,
                autoscaled=self.autoscaling is not None,
                accelerated=self.accelerator_type is not None,
            )
        )
        problems.extend(_reservation_problems(self.capacity_reservation_arn))
        problems.extend(elastic_inference.accelerator_problems(self.accelerator_type, self.instance_type))
        if wrong := variant_name_problem(self.name):
            problems.add("name", wrong)
        if not is_token(self.weight) and not 0 <= self.weight < inf:
            problems.add("weight", f"must be a finite number of at least 0, got {self.weight}")
        for name, (least, most, unit) in _RANGES.items():
            problems.extend(range_problems(name, getattr(self, name), least, most, unit))
        hosts = (self.instance_type, *self.fallback_instance_types)
        problems.extend(disk_size_problems("volume_size_gb", self.volume_size_gb, hosts))
        problems.extend(choice_problems("routing_strategy", self.routing_strategy, RoutingStrategy))
        problems.extend(prefix_problems("core_dumps", self.core_dumps))
        problems.extend(choice_problems("inference_ami_version", self.inference_ami_version, InferenceAmiVersion))
        problems.raise_any()

    @property
    def host(self) -> InstanceType:
        """What a model of the variant runs on."""
        return elastic_inference.host(self.instance_type, self.accelerator_type)

    @property
    def initial_instance_count(self) -> int:
        """How many instances the variant starts with."""
        if self.instance_count is not None:
            return self.instance_count
        return self.autoscaling.min if self.autoscaling else 1


AnyVariant = InstanceVariant | ServerlessVariant
"""What serves a share of an endpoint's traffic."""


def _reservation_problems(arn: str | None) -> Iterator[Problem]:
    if arn is not None and not is_token(arn) and not _RESERVATION.fullmatch(arn):
        shape = "arn:aws:sagemaker:REGION:ACCOUNT:training-plan/NAME"
        yield Problem("capacity_reservation_arn", f"must be the ARN of a reservation, such as '{shape}', got '{arn}'")


def instance_count_problems(instance_count: int | None, autoscaling: Autoscaling | None) -> list[Problem]:
    """Check that an initial count is positive, and inside the range in which it may scale."""
    if instance_count is None:
        return []
    if below(instance_count, 1):
        return [Problem("instance_count", f"must be at least 1, got {instance_count}")]
    if autoscaling and (below(instance_count, autoscaling.min) or below(autoscaling.max, instance_count)):
        allowed = f"'autoscaling.min' ({autoscaling.min}) and 'autoscaling.max' ({autoscaling.max})"
        return [Problem("instance_count", f"must be between {allowed}, got {instance_count}")]
    return []
