"""One SageMaker endpoint as a value: what settings are parsed into, and what `InferenceEndpoint` makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

from constructs_lib.sagemaker import endpoint_rules as rules
from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.model_group_rules import model_group_problems
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.overrides import Overrides
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.serverless_rules import SERVERLESS_HOST, serverless_problems
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant, instance_count_problems
from constructs_lib.serving.compatibility import hosting_problems, region_problems
from constructs_lib.serving.elastic_inference import AcceleratorType
from constructs_lib.serving.multi_container import HostedModel
from constructs_lib.serving.problems import InvalidValueError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """One SageMaker endpoint, as settings and `InferenceEndpoint` describe it.

    It runs on instances of one type (``instance_type``), in several production variants (``variants``), or without
    instances (``serverless``): exactly one of the three is given.

    Attributes
    ----------
    model
        What is served.
    instance_type
        Type of each instance, such as ``ml.c6i.large``. Required, unless you set ``variants`` or ``serverless``.
    instance_count
        Instances at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. Left out:
        ``autoscaling.min``, otherwise 1.
    autoscaling
        How the number of instances follows the traffic. Left out: it is fixed.
    accelerator_type
        Elastic Inference accelerator that is attached to each instance, such as ``ml.eia2.medium``. AWS has ended
        Elastic Inference; a warning names the replacements. Left out: none.
    safe_update
        Whether a deployment may change the instance type of an endpoint that scales, which SageMaker refuses otherwise:
        the deployment deregisters its scalable targets before and registers them again afterwards. Left out: no.
    monitoring
        CloudWatch alarms and a dashboard: ``true`` for the default thresholds, or your own thresholds. Left out: none.
    variants
        1 to 10 production variants that share the traffic by weight. Left out: one, with ``instance_type``.
    serverless
        Memory and concurrency of an endpoint without instances; ``{}`` for the defaults. Left out: it has instances.
    async_inference
        Makes the endpoint asynchronous: where answers go, and how the instances follow the backlog. Left out: requests
        are answered directly.
    shadow
        A variant that gets copies of the requests; its answers are discarded. Left out: none.
    data_capture
        Which part of the traffic is captured in S3. Left out: nothing.
    volume_kms_key_arn
        ARN of the KMS key that the volumes of all instances are encrypted with; whoever deploys needs
        ``kms:CreateGrant`` on it. Instance types with local disks, such as ``ml.g5.xlarge``, are refused: their
        hardware encrypts the disks, without your key. Left out: a key of AWS.
    rollout
        How an update moves traffic to new instances, and what rolls it back. Left out: all at once.
    tags
        Tags of every resource of the endpoint, values by key. Left out: none.
    overrides
        CloudFormation properties by their own names, for what has no key here. Left out: none.
    """

    model: HostedModel
    instance_type: str | None = None
    instance_count: int | None = None
    autoscaling: Autoscaling | None = None
    accelerator_type: AcceleratorType | None = None
    safe_update: bool = False
    monitoring: bool | Monitoring = False
    variants: Sequence[InstanceVariant] | None = None
    serverless: ServerlessVariant | None = None
    async_inference: AsyncInference | None = None
    shadow: InstanceVariant | None = None
    data_capture: DataCapture | None = None
    volume_kms_key_arn: str | None = None
    rollout: Rollout | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    overrides: Overrides | None = None

    def options(self) -> dict[str, Any]:
        """Give the arguments of an `InferenceEndpoint` that is made so."""
        return {each.name: getattr(self, each.name) for each in fields(EndpointOptions)}

    def production_variants(self) -> tuple[AnyVariant, ...]:
        """Give the production variants, however they were given; empty when none was.

        Raises
        ------
        InvalidValueError
            When there is no such instance type, or the count does not fit; `problems` tells that as well.
        """
        if self.serverless is not None:
            return (self.serverless,)
        if self.instance_type is None:
            return tuple(self.variants or ())
        one = InstanceVariant(
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            autoscaling=self.autoscaling,
            accelerator_type=self.accelerator_type,
        )
        return (one,)

    @property
    def instance_variants(self) -> tuple[InstanceVariant, ...]:
        """The variants with settings of their own: those of ``variants``, and the shadow."""
        return (*(self.variants or ()), *([self.shadow] if self.shadow else ()))

    def problems(self) -> Iterator[Problem]:
        """Give every clash; its field is an attribute's name, or a path into it."""
        yield from rules.kind_problems(self)
        if self.instance_type is not None:
            yield from instance_count_problems(self.instance_count, self.autoscaling)
            yield from hosting_problems(
                self.model,
                self.instance_type,
                autoscaled=self.autoscaling is not None,
                accelerator_type=self.accelerator_type,
            )
            yield from rules.gpu_scaling_problems("", self.autoscaling, self.instance_type)
        if self.variants is not None:
            for index, variant in enumerate(self.variants):
                yield from rules.fit_problems(self, f"variants.{index}.", variant)
            yield from rules.variant_list_problems(self.variants)
        if self.serverless is not None:
            yield from serverless_problems(self)
        if self.async_inference is not None:
            yield from rules.async_problems(self, self.async_inference)
        if self.shadow is not None:
            yield from rules.fit_problems(self, "shadow.", self.shadow)
            yield from rules.shadow_problems(self, self.shadow)
        yield from model_group_problems(self)
        if self.rollout is not None:
            with suppress(InvalidValueError):  # told already, as the instance type's or the count's problem
                yield from rules.rollout_problems(self.rollout, self.production_variants())
        if self.volume_kms_key_arn is not None:
            with suppress(InvalidValueError):
                volumes = (*self.production_variants(), *([self.shadow] if self.shadow else ()))
                yield from rules.volume_key_problems(self.volume_kms_key_arn, volumes)
        yield from tag_problems(self.tags)

    def region_problems(self, region: str) -> Iterator[Problem]:
        """Give the images that AWS does not keep in a region, as problems of ``region``."""
        if self.serverless is not None:
            yield from region_problems(self.model, SERVERLESS_HOST, region)
        if self.instance_type is not None:
            yield from region_problems(self.model, self.instance_type, region, accelerator_type=self.accelerator_type)
        for variant in self.instance_variants:
            yield from region_problems(
                variant.model or self.model,
                variant.instance_type,
                region,
                accelerator_type=variant.accelerator_type,
            )
