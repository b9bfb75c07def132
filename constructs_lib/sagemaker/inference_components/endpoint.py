"""One call from several models to an endpoint whose instances they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.containers import resolve
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.endpoint import Endpoint
from constructs_lib.sagemaker.endpoint_config import IEndpointConfig
from constructs_lib.sagemaker.endpoint_permissions import endpoint_permissions
from constructs_lib.sagemaker.endpoint_rules import naming_problems
from constructs_lib.sagemaker.execution_role import ExecutionRole
from constructs_lib.sagemaker.inference_components.endpoint_config import ComponentEndpointConfig
from constructs_lib.sagemaker.inference_components.inference_component import InferenceComponent
from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.inference_components.rules import copy_host
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.sagemaker.model import Model
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.monitoring.watched_endpoint import WatchedEndpoint, watch_endpoint
from constructs_lib.sagemaker.overrides import Overrides
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.sagemaker.variants import InferenceAmiVersion, RoutingStrategy
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.instances import instance_type as parse_instance_type
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.monitoring.endpoint_monitoring import EndpointMonitoring


class InferenceComponentEndpoint(Endpoint):
    """Defines an endpoint that hosts inference components, with their models and the configuration that it needs.

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoint stands.
    inference_components
        What is served, by the names that requests call it by, which are unique in account and region.
    instance_type
        Type of each instance, such as ``ml.g5.12xlarge``.
    instance_count
        Instances at the start, at least 1. None: as many as ``managed_instance_scaling`` keeps, and at least 1.
    managed_instance_scaling
        How SageMaker counts the instances by the room that the copies need. None: the count stays as it is.
    routing_strategy
        How a request finds a copy. None: as SageMaker does by itself, which is at random.
    endpoint_name
        Name of the endpoint: 1 to 63 letters, digits and inner hyphens. None: CloudFormation generates one.
    role
        Execution role of the endpoint and of all components; it is given the permissions that the models need. None: a
        role is created that may read exactly these models' artifacts, pull their images, and write their logs and
        metrics.
    capacity_reservation_arn
        ARN of the ML capacity reservation that all instances are launched into; the deployment fails when it is
        exhausted. None: they are launched on demand.
    instance_provision_timeout
        Seconds that SageMaker may take to find an instance, 300 to 3600. None: SageMaker's default.
    volume_size_gb
        Size of the volume of each instance, 1 to 512 GB; instances with a disk of their own take none. None: what
        SageMaker gives to the instance type.
    inference_ami_version
        Image of the host, which includes the GPU or Neuron driver. None: the one that the models' images need,
        otherwise SageMaker's default for the instance type.
    enable_ssm_access
        Whether AWS Systems Manager may open a shell on the instances, for debugging. Default: no.
    core_dumps
        ``s3://BUCKET/PREFIX`` under which core dumps of crashed containers are written; the execution role may write
        there. None: none are kept.
    monitoring
        CloudWatch alarms and a dashboard, of the instances and of each component: True for those with the default
        thresholds, or the thresholds. Default: none.
    data_capture
        What of the traffic is kept in S3, of all components together. AWS's documentation of data capture does not
        mention inference components. None: nothing is.
    volume_kms_key_arn
        ARN of the KMS key that the volumes of all instances are encrypted with; whoever deploys needs
        ``kms:CreateGrant`` on it. Instance types with disks of their own, such as ``ml.g5.xlarge``, are refused: their
        hardware encrypts those, and no key of yours. None: a key of AWS's.
    rollout
        How another instance type, or anything else of the endpoint itself, moves all components to new instances, and
        what takes it back; for a component's own model there is its ``rollout``. None: all at once.
    tags
        Tags of every resource of the endpoint. None: none.
    overrides
        CloudFormation properties by their own names, for what these parameters do not say. None: none.

    Raises
    ------
    InvalidValueError
        When the components do not fit on the instances, or SageMaker would refuse something; its text has one line per
        problem.
    RegionError
        When AWS keeps no registry for an image in the stack's region.
    ArchiveError
        When a local artifact cannot be packaged.

    Examples
    --------
    >>> InferenceComponentEndpoint(
    ...     stack,
    ...     "Fleet",
    ...     instance_type="ml.g5.12xlarge",
    ...     managed_instance_scaling=ManagedInstanceScaling(min_instance_count=0, max_instance_count=2),
    ...     inference_components={
    ...         "chat": ComponentSpecification(
    ...             model=LargeLanguageModel(model_id="Qwen/Qwen3-8B"),
    ...             accelerators=1,
    ...             min_memory_mb=16384,
    ...             autoscaling=CopyScaling(min=0, max=8, concurrent_requests_per_copy=5),
    ...         ),
    ...     },
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        inference_components: Mapping[str, ComponentSpecification],
        instance_type: str,
        instance_count: int | None = None,
        managed_instance_scaling: ManagedInstanceScaling | None = None,
        routing_strategy: RoutingStrategy | None = None,
        endpoint_name: str | None = None,
        role: iam.IRole | None = None,
        capacity_reservation_arn: str | None = None,
        instance_provision_timeout: int | None = None,
        volume_size_gb: int | None = None,
        inference_ami_version: InferenceAmiVersion | None = None,
        enable_ssm_access: bool = False,
        core_dumps: str | None = None,
        monitoring: bool | Monitoring = False,
        data_capture: DataCapture | None = None,
        volume_kms_key_arn: str | None = None,
        rollout: Rollout | None = None,
        tags: Mapping[str, str] | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        options = ComponentEndpointOptions(
            inference_components=inference_components,
            instance_type=instance_type,
            instance_count=instance_count,
            managed_instance_scaling=managed_instance_scaling,
            routing_strategy=routing_strategy,
            capacity_reservation_arn=capacity_reservation_arn,
            instance_provision_timeout=instance_provision_timeout,
            volume_size_gb=volume_size_gb,
            inference_ami_version=inference_ami_version,
            enable_ssm_access=enable_ssm_access,
            core_dumps=core_dumps,
            monitoring=monitoring,
            data_capture=data_capture,
            volume_kms_key_arn=volume_kms_key_arn,
            rollout=rollout,
            tags=tags or {},
        )
        problems = Problems.of(options, "InferenceComponentEndpoint")
        problems.extend(options.problems())
        problems.extend(naming_problems(endpoint_name, variants_known=True, rollout=None, safe_update=False))
        problems.raise_any()
        instance = parse_instance_type(instance_type)
        hosts = {name: copy_host(each, instance) for name, each in inference_components.items()}
        for name, each in inference_components.items():
            resolve(scope, each.model, hosts[name])
        Construct.__init__(self, scope, id)  # not Endpoint's: the configuration is made inside of this one
        facts = StackFacts.of(scope)
        facts.include(self)
        self._execution_role = ExecutionRole(self, role)
        self._options = options
        # Where the names of components clash neither with each other's nor with what stands beside them.
        model_scope, component_scope = (Construct(self, kind) for kind in ("Models", "InferenceComponents"))
        self.models = self._define_models(model_scope, hosts)
        """The SageMaker models, by the names of their components."""
        self.endpoint_config = self._define_config(facts)
        """The endpoint configuration."""
        self._define(self.endpoint_config, endpoint_name, managed_instance_scaling is not None, rollout=rollout)
        self.inference_components = self._define_components(component_scope)
        """The components, by their names."""
        alarm_names = list(self.rollback_alarm_names)
        alarm_names += [name for each in self.inference_components.values() for name in each.rollback_alarm_names]
        if alarm_names:
            statements = permissions.distinct(permissions.describe_alarms(facts.place, alarm_names))
            self._execution_role.allow(statements, before=self._resource)
        for key, value in (tags or {}).items():
            cdk.Tags.of(self).add(key, value)
        if overrides is not None:
            overrides.apply(models=self.models.values(), endpoint_config=self.endpoint_config, endpoint=self)
        self.monitoring = self._monitor(Monitoring() if monitoring is True else monitoring) if monitoring else None
        """Its alarms and its dashboard. None: it has none."""

    def _define_models(self, scope: Construct, hosts: Mapping[str, InstanceType]) -> dict[str, Model]:
        return {
            name: Model(
                scope,
                name,
                model=each.model,
                instance_type=hosts[name],
                inference_component_name=name,
                role=self._execution_role,
            )
            for name, each in self._options.inference_components.items()
        }

    def _define_config(self, facts: StackFacts) -> ComponentEndpointConfig:
        options = self._options
        needs = [model.host_needs.inference_ami_version for model in self.models.values()]
        config = ComponentEndpointConfig(
            self,
            "EndpointConfig",
            options=options,
            execution_role_arn=self._execution_role.arn,
            inference_ami_version=max(filter(None, needs), default=None),
        )
        if written := endpoint_permissions(facts, [options.variant], None, options.data_capture):
            self._execution_role.allow(written, before=config.resource)
        if any(each.model.vpc for each in options.inference_components.values()):
            # SageMaker makes and deletes the endpoint's network interfaces by the rights that came with the models.
            config.node.add_dependency(*self.models.values())
        return config

    def _define_components(self, scope: Construct) -> dict[str, InferenceComponent]:
        return {
            name: InferenceComponent(
                scope,
                name,
                endpoint=self,
                specification=each,
                model=self.models[name],
                inference_component_name=name,
                variant_name=self.endpoint_config.variants[0].name,
            )
            for name, each in self._options.inference_components.items()
        }

    @property
    def role(self) -> iam.IRole:
        """The execution role, to grant it more."""
        return self._execution_role.role

    def component_arns(self, names: Sequence[str] | None = None) -> list[str]:
        """Give the ARNs of its inference components: of all, or of those with the given names.

        Parameters
        ----------
        names
            Names of its components. None: all of them.

        Raises
        ------
        InvalidValueError
            When it has no component of that name.
        """
        problems = Problems("InferenceComponentEndpoint")
        for name in names or ():
            if name not in self.inference_components:
                known = ", ".join(self.inference_components)
                problems.add("inference_components", f"has no '{name}', but {known}; give one of those")
        problems.raise_any()
        return [
            each.inference_component_arn
            for name, each in self.inference_components.items()
            if names is None or name in names
        ]

    @property
    def watched(self) -> WatchedEndpoint:
        """What a dashboard shows of it."""
        if self.monitoring is not None:
            return self.monitoring.watched
        return watch_endpoint(
            label=self.node.id,
            endpoint_name=self.endpoint_name,
            variants=self.endpoint_config.variants,
            inference_components=self._options.inference_components,
            managed_instance_scaling=self._options.managed_instance_scaling,
        )

    def _watched_in_rollouts(self, _config: IEndpointConfig, _endpoint_name: str) -> list[dict[str, str]]:
        return [{"InferenceComponentName": name} for name in self._options.inference_components]

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
            inference_components=self._options.inference_components,
            managed_instance_scaling=self._options.managed_instance_scaling,
        )
