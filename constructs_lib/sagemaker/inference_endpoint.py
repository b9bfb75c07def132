"""One call from a trained model to an endpoint: role, model, configuration, endpoint, autoscaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.endpoint import Endpoint
from constructs_lib.sagemaker.endpoint_config import EndpointConfig
from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.endpoint_permissions import endpoint_permissions
from constructs_lib.sagemaker.endpoint_rules import naming_problems
from constructs_lib.sagemaker.execution_role import role_problems
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.monitoring.watched_endpoint import WatchedEndpoint, watch_endpoint
from constructs_lib.sagemaker.overrides import Overrides
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.served_models import ServedModels
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant
from constructs_lib.serving.elastic_inference import AcceleratorType
from constructs_lib.serving.multi_container import HostedModel
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.monitoring.endpoint_monitoring import EndpointMonitoring


class InferenceEndpoint(Endpoint):
    """Defines an endpoint that serves a model, with the model and the configuration that it needs.

    It runs on instances of one type (``instance_type``), in several production variants (``variants``), or without
    instances (``serverless``): exactly one of the three is given.

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoint stands.
    model
        What is served.
    instance_type
        Type of each instance, such as ``ml.c6i.large``. None: ``variants`` or ``serverless`` is given.
    instance_count
        Instances at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. None: as many as
        ``autoscaling.min`` says, otherwise 1.
    autoscaling
        How the count follows the traffic. None: it stays as it is.
    accelerator_type
        Elastic Inference accelerator that is attached to each instance, such as ``ml.eia2.medium``: AWS has ended
        Elastic Inference, and a warning names what took its place. None: none is attached.
    endpoint_name
        Name of the endpoint: 1 to 63 letters, digits and inner hyphens. None: CloudFormation generates one.
    role
        Execution role; it is given the permissions that the model needs. None: a role is created that may read
        exactly this model's artifact, pull its image, and write its logs and metrics.
    safe_update
        Whether a deployment may change the instance type of a variant that scales, or remove it, which SageMaker
        refuses otherwise: the deployment deregisters the scalable targets before and registers them again afterwards.
        It needs an ``endpoint_name``. Default: it may not.
    monitoring
        CloudWatch alarms and a dashboard: True for those with the default thresholds, or the thresholds. Default:
        none.
    variants
        1 to 10 production variants among which the traffic is shared by weight, each with its own instances, scaling
        and, if it has one, model. One SageMaker model is made per distinct model, device and architecture. None:
        there is one, of ``instance_type``.
    serverless
        Memory and concurrency of an endpoint without instances. None: it has instances.
    async_inference
        That requests are answered asynchronously, where, and how the instances follow the backlog. None: they are
        answered at once.
    shadow
        A variant that gets copies of the requests, in proportion to its weight; its answers are discarded. None: none.
    data_capture
        What of the traffic is kept in S3. None: nothing is.
    volume_kms_key_arn
        ARN of the KMS key that the volumes of all instances are encrypted with; whoever deploys needs
        ``kms:CreateGrant`` on it. Instance types with disks of their own, such as ``ml.g5.xlarge``, are refused: their
        hardware encrypts those, and no key of yours. None: a key of AWS's.
    rollout
        How an update moves traffic to new instances, and what rolls it back. None: all at once, as SageMaker does.
    tags
        Tags of every resource of the endpoint. None: none.
    overrides
        CloudFormation properties by their own names, for what these parameters do not say. None: none.

    Raises
    ------
    InvalidValueError
        When the choices do not fit together, or no image serves the model's framework and version on that instance
        type; its text has one line per problem.
    RegionError
        When AWS keeps no registry for the image in the stack's region.
    ArchiveError
        When a local artifact cannot be packaged.

    Examples
    --------
    >>> InferenceEndpoint(
    ...     stack,
    ...     "Digits",
    ...     model=OnnxModel(artifact="examples/digits/model", entry_point="inference.py"),
    ...     instance_type="ml.c6i.large",
    ...     autoscaling=Autoscaling(min=1, max=4, invocations_per_instance=600),
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: HostedModel,
        instance_type: str | None = None,
        instance_count: int | None = None,
        autoscaling: Autoscaling | None = None,
        accelerator_type: AcceleratorType | None = None,
        endpoint_name: str | None = None,
        role: iam.IRole | None = None,
        safe_update: bool = False,
        monitoring: bool | Monitoring = False,
        variants: Sequence[InstanceVariant] | None = None,
        serverless: ServerlessVariant | None = None,
        async_inference: AsyncInference | None = None,
        shadow: InstanceVariant | None = None,
        data_capture: DataCapture | None = None,
        volume_kms_key_arn: str | None = None,
        rollout: Rollout | None = None,
        tags: Mapping[str, str] | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        options = EndpointOptions(
            model=model,
            instance_type=instance_type,
            instance_count=instance_count,
            autoscaling=autoscaling,
            accelerator_type=accelerator_type,
            safe_update=safe_update,
            monitoring=monitoring,
            variants=variants,
            serverless=serverless,
            async_inference=async_inference,
            shadow=shadow,
            data_capture=data_capture,
            volume_kms_key_arn=volume_kms_key_arn,
            rollout=rollout,
            tags=tags or {},
            overrides=overrides,
        )
        problems = Problems.of(options, "InferenceEndpoint")
        problems.extend(role_problems(role))
        problems.extend(options.problems())
        problems.extend(naming_problems(endpoint_name, variants_known=True, rollout=rollout, safe_update=safe_update))
        problems.raise_any()
        self.variants = options.production_variants()
        """The production variants."""
        every_variant = [*self.variants, *([shadow] if shadow else ())]
        served = ServedModels(scope, model, every_variant)
        Construct.__init__(self, scope, id)  # not Endpoint's: the configuration is made inside of this one
        facts = StackFacts.of(scope)
        facts.include(self)
        self.models = served.make(self, endpoint_name=endpoint_name, role=role)
        """The SageMaker models by the names of the variants that serve them; two variants may share one."""
        self.model = self.models[self.variants[0].name]
        """The SageMaker model of the first variant."""
        models = list(dict.fromkeys(self.models.values()))
        for made in models:
            its_variants = [each for each in every_variant if self.models[each.name] is made]
            made.allow(endpoint_permissions(facts, its_variants, async_inference, data_capture))
        self.endpoint_config = EndpointConfig(
            self,
            "EndpointConfig",
            model=self.model,
            models=self.models,
            variants=self.variants,
            shadow=shadow,
            async_inference=async_inference,
            data_capture=data_capture,
            volume_kms_key_arn=volume_kms_key_arn,
        )
        """The endpoint configuration."""
        self._define(self.endpoint_config, endpoint_name, safe_update=safe_update, rollout=rollout)
        if self.rollback_alarm_names:
            for made in models:
                made.allow(permissions.describe_alarms(facts.place, self.rollback_alarm_names))
        for key, value in (tags or {}).items():
            cdk.Tags.of(self).add(key, value)
        if overrides is not None:
            overrides.apply(models=models, endpoint_config=self.endpoint_config, endpoint=self)
        self.monitoring = self._monitor(Monitoring() if monitoring is True else monitoring) if monitoring else None
        """Its alarms and its dashboard. None: it has none."""

    @property
    def variant(self) -> AnyVariant:
        """The first production variant, which is the only one unless ``variants`` were given."""
        return self.variants[0]

    @property
    def watched(self) -> WatchedEndpoint:
        """What a dashboard shows of it."""
        if self.monitoring is not None:
            return self.monitoring.watched
        config = self.endpoint_config
        return watch_endpoint(
            label=self.node.id,
            endpoint_name=self.endpoint_name,
            variants=config.variants,
            async_inference=config.async_inference,
        )

    def _monitor(self, monitoring: Monitoring) -> EndpointMonitoring:
        from constructs_lib.sagemaker.monitoring.endpoint_monitoring import (
            EndpointMonitoring,  # CloudWatch, where it is wanted
        )

        return EndpointMonitoring(
            self,
            "Monitoring",
            endpoint=self,
            variants=self.endpoint_config.variants,
            monitoring=monitoring,
            async_inference=self.endpoint_config.async_inference,
        )

    @property
    def role(self) -> iam.IRole:
        """The execution role of the first variant's model, to grant it more."""
        return self.model.role
