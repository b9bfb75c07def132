"""``CreateEndpointConfig``, ``DescribeEndpointConfig``, ``DeleteEndpointConfig`` and ``ListEndpointConfigs``."""

from __future__ import annotations

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.paging import listed
from local_aws.services.sagemaker import serverless, shadows
from local_aws.services.sagemaker.models import execution_role
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import EndpointConfig, state
from local_aws.services.sagemaker.tags import forget_tags, put_tags


@SAGEMAKER.operation("CreateEndpointConfig")
def create_endpoint_config(scope: Scope, request: Parameters) -> Parameters:
    """Create an endpoint configuration, whose models must exist."""
    held = state(scope)
    name = request["EndpointConfigName"]
    config = EndpointConfig(name=name, arn=held.configs.arn(name), request=request)
    if held.configs.find(name) is None:
        _check(scope, config)
    held.configs.add(config)
    put_tags(scope, config.arn, request.get("Tags", []))
    return {"EndpointConfigArn": config.arn}


def _check(scope: Scope, config: EndpointConfig) -> None:
    held, request = state(scope), config.request
    variants = [*config.variants, *config.shadows]
    names = [variant["VariantName"] for variant in variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise validation_error(f"Variant names must be unique within an endpoint configuration, found {twice} twice.")
    models = [held.models.get(variant["ModelName"]) for variant in variants if "ModelName" in variant]
    if "ExecutionRoleArn" in request:
        execution_role(scope, config)
        if 0 < len(models) < len(variants):
            raise validation_error(
                "ModelName must be specified for all production variants or, to host components, none."
            )
    if config.hosts_components and "AsyncInferenceConfig" in request:
        raise validation_error("local AWS does not have inference components with AsyncInferenceConfig.")
    serverless.check_config(request, {model.name: model for model in models})
    shadows.check_config(config, models)
    for variant in variants:
        _check_variant(variant, uses_components="ExecutionRoleArn" in request)


def _check_variant(variant: Parameters, *, uses_components: bool) -> None:
    name = variant["VariantName"]
    if "ModelName" not in variant and not uses_components:
        raise validation_error(f"ModelName is required for production variant {name}.")
    if "ServerlessConfig" in variant:
        if "InstanceType" in variant or "InitialInstanceCount" in variant:
            raise validation_error(
                f"ServerlessConfig cannot be specified together with InstanceType or InitialInstanceCount, for "
                f"production variant {name}."
            )
    elif "InstancePools" not in variant and not {"InstanceType", "InitialInstanceCount"} <= variant.keys():
        raise validation_error(
            f"Either ServerlessConfig or both InstanceType and InitialInstanceCount must be specified for production "
            f"variant {name}."
        )


@SAGEMAKER.operation("DescribeEndpointConfig")
def describe_endpoint_config(scope: Scope, request: Parameters) -> Parameters:
    """Describe an endpoint configuration."""
    config = state(scope).configs.get(request["EndpointConfigName"])
    described = {key: value for key, value in config.request.items() if key != "Tags"}
    variants = [{"InitialVariantWeight": 1.0, **variant} for variant in config.variants]
    return {
        **described,
        "ProductionVariants": variants,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created,
    }


@SAGEMAKER.operation("DeleteEndpointConfig")
def delete_endpoint_config(scope: Scope, request: Parameters) -> Parameters:
    """Delete an endpoint configuration, even one that an endpoint uses, as AWS does."""
    held = state(scope)
    config = held.configs.get(request["EndpointConfigName"])
    held.configs.remove(config.name)
    forget_tags(scope, config.arn)
    return {}


@SAGEMAKER.operation("ListEndpointConfigs")
def list_endpoint_configs(scope: Scope, request: Parameters) -> Parameters:
    """List endpoint configurations."""
    return listed(
        state(scope).configs.all(),
        request,
        "EndpointConfigs",
        lambda config: {
            "EndpointConfigName": config.name,
            "EndpointConfigArn": config.arn,
            "CreationTime": config.created,
        },
    )
