"""The containers of a SageMaker model: resolved before anything is added to the construct tree, then defined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.model_properties import (
    additional_sources,
    build,
    container,
    pull,
    reach,
    read,
    use_package,
)
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving import servers
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.compile_rules import uncompiled_problems
from constructs_lib.serving.file_checks import missing_dockerfile
from constructs_lib.serving.hosted_files import additional_file_problems, multi_model_file_problems
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.model_packages import package_region_problems
from constructs_lib.serving.models import ModelPackageModel
from constructs_lib.serving.multi_container import ContainerValue, HostedModel, containers_of
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.multi_model.files import MultiModelFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a SageMaker model.

    Attributes
    ----------
    model
        What it serves.
    host
        What it runs on.
    hostname
        Its host name. None: it has none.
    image_uri
        Address of its image in the stack's region, or the directory that it is to be built from. None: a model package
        names it.
    data
        Where its model data will be. None: it has none, or `uploads` are.
    uploads
        Where the deployment uploads the local models of a multi-model container, by the name that requests call them.
    additional
        Where its additional model data will be, by channel name.
    """

    model: ContainerValue
    host: InstanceType
    hostname: str | None
    image_uri: str | None
    data: S3Artifact | None = None
    uploads: Mapping[str, S3Artifact] = field(default_factory=dict)
    additional: Mapping[str, S3Artifact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedContainer:
    """A container as CloudFormation takes it, and what its execution role may do.

    Attributes
    ----------
    definition
        The container definition.
    additional_sources
        Its ``AdditionalModelDataSources``, for which CloudFormation has no property.
    statements
        What the role needs for it.
    image_uri
        Address of its image; a token for one that the deployment builds. None: a model package names it.
    files
        The files of a multi-model container. None: it has none of ours.
    """

    definition: sagemaker.CfnModel.ContainerDefinitionProperty
    additional_sources: list[dict[str, Any]]
    statements: list[permissions.Statement]
    image_uri: str | None
    files: MultiModelFiles | None


def resolve(scope: Construct, model: HostedModel, host: InstanceType) -> list[Container]:
    """Find the images and the data of a model's containers, which is all that can fail.

    Parameters
    ----------
    scope
        Any construct of the stack that the model will be in.
    model
        What is served.
    host
        What it runs on.

    Raises
    ------
    InvalidValueError
        When a local artifact or its handler is missing.
    ImageNotFoundError
        When no image serves a model's framework and version on that instance type.
    RegionError
        When AWS keeps no registry for an image in the stack's region.
    ArchiveError
        When a local artifact cannot be packaged.
    """
    facts = StackFacts.of(scope)
    return [_resolve(facts, each, host, hostname) for hostname, each in containers_of(model).items()]


def _resolve(facts: StackFacts, model: ContainerValue, host: InstanceType, hostname: str | None) -> Container:
    problems = Problems(type(model).__name__)
    problems.extend(missing_dockerfile(model))
    problems.extend(uncompiled_problems(model))
    problems.extend(package_region_problems(model, facts.place.region))
    problems.extend(additional_file_problems(model))
    problems.raise_any()
    if isinstance(model, ModelPackageModel):
        return Container(model=model, host=host, hostname=hostname, image_uri=None)
    image = servers.sagemaker_image(model, host)
    uploads = {name: upload(facts, model, name) for name in model.models} if isinstance(model, MultiModel) else {}
    additional = ((name, facts.model_data(source)) for name, source in model.additional_sources.items())
    return Container(
        model=model,
        host=host,
        hostname=hostname,
        image_uri=image if isinstance(image, str) else facts.image_uri(image),
        data=None if uploads else facts.model_data(model),
        uploads=uploads,
        additional={name: data for name, data in additional if data is not None},
    )


def upload(facts: StackFacts, model: MultiModel, name: str) -> S3Artifact:
    """Have the deployment upload one of the local models of a multi-model container."""
    problems = Problems("MultiModel")
    problems.extend(multi_model_file_problems(model, name))
    problems.raise_any()
    data = facts.model_data(model.member(name))
    assert data is not None  # noqa: S101 - a local artifact always has a place
    return data


def define(owner: Construct, place: permissions.Place, each: Container) -> DefinedContainer:
    """Define what a container needs, under the construct of its model."""
    name = each.hostname or ""
    asset = build(owner, f"{name}Image", each.model, each.host)
    image_uri = asset.image_uri if asset else each.image_uri
    environment = servers.sagemaker_environment(each.model, each.host)
    files = None
    if each.uploads:
        from constructs_lib.sagemaker.multi_model.files import MultiModelFiles  # Lambda and S3, where needed

        files = MultiModelFiles(owner, f"{name}Models", uploads=each.uploads)
    return DefinedContainer(
        definition=container(
            image_uri, environment, each.data, each.model, hostname=each.hostname, prefix=files.uri if files else None
        ),
        additional_sources=additional_sources(each.additional),
        statements=[
            *(files.read(place) if files else read(place, each.data)),
            *(statement for data in each.additional.values() for statement in read(place, data)),
            *permissions.decrypt(each.model.artifact_kms_key_arn),
            *pull(place, image_uri, asset),
            *reach(place, each.model),
            *use_package(place, each.model),
        ],
        image_uri=image_uri,
        files=files,
    )
