"""One call from several models to an endpoint whose instances they share."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker.containers import resolve
from constructs_lib.sagemaker.endpoint import Endpoint
from constructs_lib.sagemaker.endpoint_rules import naming_problems
from constructs_lib.sagemaker.execution_role import ExecutionRole
from constructs_lib.sagemaker.inference_components.endpoint_config import ComponentEndpointConfig
from constructs_lib.sagemaker.inference_components.inference_component import InferenceComponent
from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.inference_components.rules import copy_host
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.sagemaker.model import Model
from constructs_lib.sagemaker.overrides import Overrides, override
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.sagemaker.variants import RoutingStrategy
from constructs_lib.serving.instances import instance_type as parse_instance_type
from constructs_lib.serving.problems import Problems


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
        Name of the endpoint: 1 to 63 letters, digits and inner hyphens. None: CloudFormation makes one up.
    role
        Execution role of the endpoint and of all components; it is given the permissions that the models need. None: a
        role is created that may read exactly these models' artifacts, pull their images, and write their logs and
        metrics.
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
        tags: Mapping[str, str] | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        options = ComponentEndpointOptions(
            inference_components=inference_components,
            instance_type=instance_type,
            instance_count=instance_count,
            managed_instance_scaling=managed_instance_scaling,
            routing_strategy=routing_strategy,
            tags=tags or {},
        )
        problems = Problems("InferenceComponentEndpoint")
        problems.extend(options.problems())
        problems.extend(naming_problems(endpoint_name, variants_known=True, rollout=None, safe_update=False))
        problems.raise_any()
        instance = parse_instance_type(instance_type)
        hosts = {name: copy_host(each, instance) for name, each in inference_components.items()}
        for name, each in inference_components.items():
            resolve(scope, each.model, hosts[name])
        Construct.__init__(self, scope, id)  # not Endpoint's: the configuration is made inside of this one
        StackFacts.of(scope).include(self)
        self._execution_role = ExecutionRole(self, role)
        # Where the names of components clash neither with each other's nor with what stands beside them.
        scopes = {kind: Construct(self, kind) for kind in ("Models", "InferenceComponents")}
        models = {
            name: Model(
                scopes["Models"],
                name,
                model=each.model,
                instance_type=hosts[name],
                inference_component_name=name,
                role=self._execution_role,
            )
            for name, each in inference_components.items()
        }
        needs = [model.host_needs.inference_ami_version for model in models.values()]
        self.endpoint_config = ComponentEndpointConfig(
            self,
            "EndpointConfig",
            options=options,
            execution_role_arn=self._execution_role.arn,
            inference_ami_version=max(filter(None, needs), default=None),
        )
        """The endpoint configuration."""
        if any(each.model.vpc for each in inference_components.values()):
            # SageMaker makes and deletes the endpoint's network interfaces by the rights that came with the models.
            self.endpoint_config.node.add_dependency(*models.values())
        self._define(self.endpoint_config, endpoint_name, managed_instance_scaling is not None)
        self.inference_components = {
            name: InferenceComponent(
                scopes["InferenceComponents"],
                name,
                endpoint=self,
                specification=each,
                model=models[name],
                inference_component_name=name,
                variant_name=self.endpoint_config.variants[0].name,
            )
            for name, each in inference_components.items()
        }
        """The components, by their names."""
        for key, value in (tags or {}).items():
            cdk.Tags.of(self).add(key, value)
        if overrides is not None:
            for model in models.values():
                override(model, overrides.model)
            override(self.endpoint_config, overrides.endpoint_config)
            override(self, overrides.endpoint)

    @property
    def role(self) -> iam.IRole:
        """The execution role, to grant it more."""
        return self._execution_role.role
