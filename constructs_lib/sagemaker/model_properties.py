"""A model value as the properties of ``AWS::SageMaker::Model``, and as what its execution role may do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.models import AnyModel, ContainerModel

if TYPE_CHECKING:
    from aws_cdk.aws_ecr_assets import DockerImageAsset


def build(scope: Construct, model: AnyModel, instance: InstanceType) -> DockerImageAsset | None:
    """Have the deployment build the model's image, if it is to be built, for the instance's architecture."""
    if not isinstance(model, ContainerModel) or model.dockerfile_directory is None:
        return None
    from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform  # for who builds an image

    platform = Platform.LINUX_ARM64 if instance.architecture == "arm64" else Platform.LINUX_AMD64
    directory = str(Path(model.dockerfile_directory).absolute())
    return DockerImageAsset(scope, "Image", directory=directory, platform=platform)


def pull(place: permissions.Place, image: str, asset: DockerImageAsset | None) -> list[permissions.Statement]:
    """Let the role pull the image, whether it is there or is built."""
    if asset is None:
        return permissions.pull_image(place, image)
    return permissions.pull_repository(place, asset.repository.repository_name)


def reach(place: permissions.Place, model: AnyModel) -> list[permissions.Statement]:
    """Allow what a model's place in the network asks for."""
    if model.vpc is None:
        return []
    registry = model.private_registry if isinstance(model, ContainerModel) else None
    return [
        *permissions.use_network(place, model.vpc.subnets, model.vpc.security_group_ids),
        *permissions.call_function(registry.credentials_function_arn if registry else None),
    ]


def vpc_config(model: AnyModel) -> sagemaker.CfnModel.VpcConfigProperty | None:
    """Give the VPC of the containers; None when they are in SageMaker's own network."""
    if model.vpc is None:
        return None
    return sagemaker.CfnModel.VpcConfigProperty(
        subnets=list(model.vpc.subnets), security_group_ids=list(model.vpc.security_group_ids)
    )


def _image_config(model: AnyModel) -> sagemaker.CfnModel.ImageConfigProperty | None:
    if not isinstance(model, ContainerModel) or model.private_registry is None:
        return None
    function = model.private_registry.credentials_function_arn
    return sagemaker.CfnModel.ImageConfigProperty(
        repository_access_mode="Vpc",
        repository_auth_config=sagemaker.CfnModel.RepositoryAuthConfigProperty(
            repository_credentials_provider_arn=function
        )
        if function
        else None,
    )


def container(
    image: str, environment: Mapping[str, str], data: S3Artifact | None, model: AnyModel
) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    """Give the container: its image, its environment, its model data."""
    source = None
    if data and not data.is_archive:
        source = sagemaker.CfnModel.ModelDataSourceProperty(
            s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
                compression_type="None", s3_data_type="S3Prefix", s3_uri=data.uri
            )
        )
    return sagemaker.CfnModel.ContainerDefinitionProperty(
        image=image,
        image_config=_image_config(model),
        environment=dict(environment) or None,
        model_data_url=data.uri if data and data.is_archive else None,
        model_data_source=source,
    )


def read(place: permissions.Place, data: S3Artifact | None) -> list[permissions.Statement]:
    """Let the role read the model data; nothing when there is none."""
    if data is None:
        return []
    read = permissions.read_object if data.is_archive else permissions.read_prefix
    return read(place, data.bucket, data.key)
