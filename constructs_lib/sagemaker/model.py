"""``AWS::SageMaker::Model``: a container image, the weights it serves, and the role it does so with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.containers import define, resolve
from constructs_lib.sagemaker.execution_role import ExecutionRole, role_problems
from constructs_lib.sagemaker.model_properties import execution_config, vpc_config
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving import servers
from constructs_lib.serving.field_types import held_problems
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.instances import instance_type as parse_instance_type
from constructs_lib.serving.models import ModelPackageModel
from constructs_lib.serving.multi_container import HostedModel, MultiContainerModel, containers_of
from constructs_lib.serving.notices import notices
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.multi_model.files import MultiModelFiles


@runtime_checkable
class IModel(Protocol):
    """A SageMaker model, made here or imported."""

    @property
    def model_name(self) -> str:
        """Name of the model; a token for one that is made here."""
        ...


class Model(Construct):
    """Defines a SageMaker model.

    The model gets no name of its own: whenever its image, artifact or environment changes, CloudFormation makes a new
    model, moves the endpoint to it, and removes the old one. Where a container has additional model data sources, which
    ``AWS::SageMaker::Model`` lacks, the resource is ``Custom`` instead, of the same properties, and a function of the
    stack makes the model.

    Parameters
    ----------
    scope, id
        Where in the construct tree the model stands.
    model
        What is served.
    instance_type
        Type of the instances that it will run on, such as ``ml.c6i.large``: it decides the image's device and
        architecture.
    endpoint_name
        Name of the one endpoint that uses the model, so that its role may write that endpoint's logs only.
        None: the role may write the logs of any endpoint.
    inference_component_name
        Name of the one inference component that uses the model, whose logs those are then. None: an endpoint serves
        the model by itself.
    log_group
        Log group below ``/aws/sagemaker/`` that the model's containers write to where no endpoint serves it, such as
        ``TransformJobs``. None: that of its endpoint or inference component.
    role
        The execution role; it is given the permissions that the model needs. None: a role is created that may read
        exactly this model's artifact, pull its image, and write its logs and metrics.

    Raises
    ------
    InvalidValueError
        When a local artifact or its handler is missing.
    InstanceTypeError
        When there is no such instance type.
    ImageNotFoundError
        When no image serves the model's framework and version on that instance type.
    RegionError
        When AWS keeps no registry for the image in the stack's region.
    ArchiveError
        When a local artifact cannot be packaged.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: HostedModel,
        instance_type: str | InstanceType,
        endpoint_name: str | None = None,
        inference_component_name: str | None = None,
        log_group: str | None = None,
        role: iam.IRole | ExecutionRole | None = None,
    ) -> None:
        problems = Problems("Model")
        problems.extend(held_problems("model", model, HostedModel))
        problems.extend(role_problems(role))
        problems.raise_any()
        instance = parse_instance_type(instance_type) if isinstance(instance_type, str) else instance_type
        resolved = resolve(scope, model, instance)
        super().__init__(scope, id)
        self.served = model
        """What it serves, as a value."""
        facts = StackFacts.of(scope)
        for each in containers_of(model).values():
            if not isinstance(each, ModelPackageModel):
                facts.warn(notices(servers.sagemaker_image(each, instance), instance))
        self._containers = [define(self, facts.place, each) for each in resolved]
        self.image_uri = self._containers[0].image_uri
        """Address of the container image, in the stack's region; of the first one if there are several.

        None: a model package names it.
        """
        self.host_needs = servers.host_needs(model, instance)
        """What the model needs of its instances, which an endpoint's configuration sees to."""
        self._execution_role = ExecutionRole(self, role)
        several = isinstance(model, MultiContainerModel)
        definitions = [each.definition for each in self._containers]
        custom = any(each.additional_sources for each in self._containers)
        self._resource = sagemaker.CfnModel(
            self,
            "Custom" if custom else "Resource",  # under one logical id CloudFormation keeps to one type
            execution_role_arn=self._execution_role.arn,
            primary_container=None if several else definitions[0],
            containers=definitions if several else None,
            inference_execution_config=execution_config(model),
            enable_network_isolation=model.network_isolation or None,
            vpc_config=vpc_config(model),
        )
        if custom:
            self._customize()
        statements = [statement for each in self._containers for statement in each.statements]
        statements += (
            permissions.write_log_group(facts.place, log_group)
            if log_group
            else permissions.write_logs_and_metrics(facts.place, endpoint_name, inference_component_name)
        )
        self._execution_role.allow(permissions.distinct(statements), before=self._resource)

    def _customize(self) -> None:
        """Have a function create the model, which can say what CloudFormation cannot."""
        from constructs_lib.sagemaker.custom_model.function import ModelFunction  # Lambda, where it is needed

        self.node.default_child = self._resource
        ModelFunction.of(self).create(self._resource, role_arn=self._execution_role.arn)
        several = isinstance(self.served, MultiContainerModel)
        for number, each in enumerate(self._containers):
            if each.additional_sources:
                container = f"Containers.{number}" if several else "PrimaryContainer"
                self._resource.add_property_override(f"{container}.AdditionalModelDataSources", each.additional_sources)

    @staticmethod
    def from_model_name(model_name: str) -> IModel:
        """Use a model that exists already.

        Parameters
        ----------
        model_name
            Name of a model in the stack's own account and region.
        """
        return _ImportedModel(model_name)

    @cached_property
    def model_name(self) -> str:
        """Name that the deployment gives the model; a token."""
        return self._resource.attr_model_name

    def allow(self, statements: Sequence[permissions.Statement]) -> None:
        """Let the execution role do more, before the model is made and whatever serves it.

        Parameters
        ----------
        statements
            Statements of an IAM policy. Empty: nothing is added.
        """
        if statements:
            self._execution_role.allow(statements, before=self._resource)

    @property
    def multi_model_files(self) -> list[MultiModelFiles]:
        """The local models of its multi-model containers; empty when it has none."""
        return [each.files for each in self._containers if each.files]

    @property
    def role(self) -> iam.IRole:
        """The execution role, to grant it more: a key to decrypt with, a table to look things up in.

        What the model needs while it starts must be there before: `grant.apply_before(endpoint)`.
        """
        return self._execution_role.role


def host_needs_of(model: IModel) -> servers.HostNeeds:
    """Give what a model needs of its instances; nothing when it was made elsewhere, as nothing is known of it."""
    return model.host_needs if isinstance(model, Model) else servers.HostNeeds()


class _ImportedModel:
    def __init__(self, model_name: str) -> None:
        self.model_name = model_name
