"""``CreateModel``, ``DescribeModel``, ``DeleteModel`` and ``ListModels``."""

from __future__ import annotations

import re

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.execution_role import ExecutionRole
from local_aws.scope import Scope
from local_aws.services.paging import listed
from local_aws.services.sagemaker.model_data import ModelData
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import EndpointConfig, Model, is_multi_model, state
from local_aws.services.sagemaker.tags import forget_tags, put_tags

ECR_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@SAGEMAKER.operation("CreateModel")
def create_model(scope: Scope, request: Parameters) -> Parameters:
    """Create a model, after checking with its role's rights that its data can be read."""
    held = state(scope)
    name = request["ModelName"]
    model = Model(name=name, arn=held.models.arn(name), request=request)
    if held.models.find(name) is None:
        _check(scope, request, model)
    held.models.add(model)
    put_tags(scope, model.arn, request.get("Tags", []))
    return {"ModelArn": model.arn}


def _check(scope: Scope, request: Parameters, model: Model) -> None:
    if "PrimaryContainer" in request and "Containers" in request:
        raise validation_error("Both PrimaryContainer and Containers cannot be specified in the same request.")
    if not model.containers:
        raise validation_error("Either PrimaryContainer or Containers must be specified.")
    if "ExecutionRoleArn" not in request:
        raise validation_error("ExecutionRoleArn is required for models with a container image.")
    _check_execution(request, model)
    role = execution_role(scope, model)
    for container in model.containers:
        if "ModelPackageName" in container:
            raise validation_error(
                "local AWS does not have model packages (ModelPackageName): use Image and ModelDataUrl."
            )
        image = container.get("Image")
        if image is None:
            raise validation_error("Image is required for each container that is not from a model package.")
        private_registry = container.get("ImageConfig", {}).get("RepositoryAccessMode") == "Vpc"
        if not ECR_IMAGE.fullmatch(image) and not private_registry:
            raise validation_error(
                f'Using non-ECR image "{image}" without Vpc repository access mode is not supported.'
            )
        if "ModelDataUrl" in container and "ModelDataSource" in container:
            raise validation_error("ModelDataUrl and ModelDataSource cannot be specified in the same container.")
        _check_data(role, container)


def _check_data(role: ExecutionRole, container: Parameters) -> None:
    data = ModelData.of_container(container)
    multi_model = is_multi_model(container)
    if multi_model and (data is None or not data.is_prefix):
        raise validation_error("ModelDataUrl with an S3 prefix is required for a container in MultiModel mode.")
    if "MultiModelConfig" in container and not multi_model:
        raise validation_error("MultiModelConfig can be specified for a container in MultiModel mode only.")
    if data is not None:
        data.check(role, with_content=not multi_model)
    additional = ModelData.additional(container)
    if additional and multi_model:
        raise validation_error("AdditionalModelDataSources cannot be specified for a container in MultiModel mode.")
    if len(additional) < len(container.get("AdditionalModelDataSources", [])):
        raise validation_error("ChannelName must be unique among the AdditionalModelDataSources of a container.")
    for source in additional.values():
        source.check(role)


def _check_execution(request: Parameters, model: Model) -> None:
    """Check what several containers have to do with each other ("Create a multi-container endpoint")."""
    names = [item["ContainerHostname"] for item in model.containers if "ContainerHostname" in item]
    if len(set(names)) < len(names):
        raise validation_error("ContainerHostname must be unique among the containers of a model.")
    if sum(map(is_multi_model, model.containers)) > 1:
        raise validation_error("At most one container of a model can be in MultiModel mode.")
    if request.get("InferenceExecutionConfig", {}).get("Mode") != "Direct":
        return
    if len(model.containers) < 2:
        raise validation_error("InferenceExecutionConfig mode Direct requires more than one container in Containers.")
    if len(names) < len(model.containers):
        raise validation_error(
            "ContainerHostname is required for each container with InferenceExecutionConfig mode Direct."
        )


def execution_role(scope: Scope, owner: Model | EndpointConfig) -> ExecutionRole:
    """Assume the execution role of a model, or of a configuration for inference components, as SageMaker does."""
    return ExecutionRole.assume(
        scope, owner.request["ExecutionRoleArn"], service="sagemaker.amazonaws.com", session="SageMaker"
    )


@SAGEMAKER.operation("DescribeModel")
def describe_model(scope: Scope, request: Parameters) -> Parameters:
    """Describe a model."""
    model = state(scope).models.get(request["ModelName"])
    described = {key: value for key, value in model.request.items() if key != "Tags"}
    described.setdefault("EnableNetworkIsolation", False)
    return {**described, "ModelArn": model.arn, "CreationTime": model.created}


@SAGEMAKER.operation("DeleteModel")
def delete_model(scope: Scope, request: Parameters) -> Parameters:
    """Delete a model; an endpoint that serves it goes on serving."""
    held = state(scope)
    model = held.models.get(request["ModelName"])
    held.models.remove(model.name)
    forget_tags(scope, model.arn)
    return {}


@SAGEMAKER.operation("ListModels")
def list_models(scope: Scope, request: Parameters) -> Parameters:
    """List models."""
    return listed(
        state(scope).models.all(),
        request,
        "Models",
        lambda model: {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created},
    )
