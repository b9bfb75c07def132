"""A model value as the properties of ``AWS::SageMaker::Model``, and as what its execution role may do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.model_packages import named_artifacts
from constructs_lib.serving.models import ContainerModel, ModelPackageModel
from constructs_lib.serving.multi_container import ContainerValue, HostedModel, MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel

if TYPE_CHECKING:
    from aws_cdk.aws_ecr_assets import DockerImageAsset


def build(scope: Construct, name: str, model: ContainerValue, instance: InstanceType) -> DockerImageAsset | None:
    """Have the deployment build the model's image, if it is to be built, for the instance's architecture."""
    if not isinstance(model, ContainerModel) or model.dockerfile_directory is None:
        return None
    from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform  # only where an image is built

    platform = Platform.LINUX_ARM64 if instance.architecture == "arm64" else Platform.LINUX_AMD64
    directory = str(Path(model.dockerfile_directory).absolute())
    return DockerImageAsset(scope, name, directory=directory, platform=platform)


def pull(place: permissions.Place, image: str | None, asset: DockerImageAsset | None) -> list[permissions.Statement]:
    """Let the role pull the image, whether it is there or is built; nothing when a model package names it."""
    if asset is None:
        return permissions.pull_image(place, image) if image else []
    return permissions.pull_repository(place, asset.repository.repository_name)


def reach(place: permissions.Place, model: ContainerValue) -> list[permissions.Statement]:
    """Allow what a model's place in the network asks for."""
    if model.vpc is None:
        return []
    registry = model.private_registry if isinstance(model, ContainerModel) else None
    return [
        *permissions.use_network(place, model.vpc.subnets, model.vpc.security_group_ids),
        *permissions.call_function(registry.credentials_function_arn if registry else None),
    ]


def vpc_config(model: HostedModel) -> sagemaker.CfnModel.VpcConfigProperty | None:
    """Give the VPC of the containers; None when they are in SageMaker's own network."""
    if model.vpc is None:
        return None
    return sagemaker.CfnModel.VpcConfigProperty(
        subnets=list(model.vpc.subnets), security_group_ids=list(model.vpc.security_group_ids)
    )


def execution_config(model: HostedModel) -> sagemaker.CfnModel.InferenceExecutionConfigProperty | None:
    """Say whether several containers are called in a row or by name; None for a single one."""
    if not isinstance(model, MultiContainerModel):
        return None
    return sagemaker.CfnModel.InferenceExecutionConfigProperty(mode=model.inference_execution_mode)


def _image_config(model: ContainerValue) -> sagemaker.CfnModel.ImageConfigProperty | None:
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
    image: str | None,
    environment: Mapping[str, str],
    data: S3Artifact | None,
    model: ContainerValue,
    *,
    hostname: str | None = None,
    prefix: str | None = None,
) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    """Give the container: its image, its environment, its model data; of a multi-model one, the models' prefix.

    A model package takes the place of image and model data.
    """
    many = model if isinstance(model, MultiModel) else None
    source, url = None, prefix
    # Additional sources come in addition to a ModelDataSource: botocore sagemaker ContainerDefinition.
    if data is not None and (many or (data.is_archive and not model.additional_model_data_sources)):
        url = data.uri
    elif data is not None:
        data_type, compression = _form(data)
        source = sagemaker.CfnModel.ModelDataSourceProperty(
            s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
                compression_type=compression, s3_data_type=data_type, s3_uri=data.uri
            )
        )
    return sagemaker.CfnModel.ContainerDefinitionProperty(
        image=image,
        container_hostname=hostname,
        image_config=_image_config(model),
        model_package_name=model.model_package_arn if isinstance(model, ModelPackageModel) else None,
        environment=dict(environment) or None,
        mode="MultiModel" if many else None,
        multi_model_config=_cache(many) if many else None,
        model_data_url=url,
        model_data_source=source,
    )


def additional_sources(sources: Mapping[str, S3Artifact]) -> list[dict[str, Any]]:
    """Give a container's ``AdditionalModelDataSources``, as the API has them: CloudFormation has none."""
    found = []
    for name, data in sources.items():
        data_type, compression = _form(data)
        source = {"S3Uri": data.uri, "S3DataType": data_type, "CompressionType": compression}
        found.append({"ChannelName": name, "S3DataSource": source})
    return found


def _form(data: S3Artifact) -> tuple[str, str]:
    """Give the data type and the compression of model data."""
    return ("S3Object", "Gzip") if data.is_archive else ("S3Prefix", "None")


def _cache(model: MultiModel) -> sagemaker.CfnModel.MultiModelConfigProperty:
    return sagemaker.CfnModel.MultiModelConfigProperty(model_cache_setting=model.model_cache_setting)


def read(place: permissions.Place, data: S3Artifact | None) -> list[permissions.Statement]:
    """Let the role read the model data; nothing when there is none."""
    if data is None:
        return []
    reading = permissions.read_object if data.is_archive else permissions.read_prefix
    return reading(place, data.bucket, data.key)


def use_package(place: permissions.Place, model: ContainerValue) -> list[permissions.Statement]:
    """Let the role look up a model package, pull the images and read the artifacts that are told to be in it."""
    if not isinstance(model, ModelPackageModel):
        return []
    return [
        *permissions.describe_model_package(model.model_package_arn),
        *(statement for image in model.package_images for statement in permissions.pull_image(place, image)),
        *(statement for data in named_artifacts(model) for statement in read(place, data)),
    ]
