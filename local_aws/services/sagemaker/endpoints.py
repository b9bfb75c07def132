"""``CreateEndpoint``, ``UpdateEndpoint``, ``UpdateEndpointWeightsAndCapacities``, ``DescribeEndpoint`` and the rest."""

from __future__ import annotations

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.autoscaling.state import forget_variant, registered_variants
from local_aws.services.paging import listed
from local_aws.services.sagemaker import capture, lifecycle, serverless
from local_aws.services.sagemaker.rollback_alarms import check_rollback_alarms
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import Endpoint, EndpointConfig, state
from local_aws.services.sagemaker.tags import forget_tags, put_tags


@SAGEMAKER.operation("CreateEndpoint")
def create_endpoint(scope: Scope, request: Parameters) -> Parameters:
    """Create an endpoint; it is ``Creating`` until its containers answer."""
    held = state(scope)
    name = request["EndpointName"]
    config = held.configs.get(request["EndpointConfigName"])
    deployment = request.get("DeploymentConfig")
    check_rollback_alarms(scope, config, deployment)
    endpoint = Endpoint(name=name, arn=held.endpoints.arn(name), config=config, deployment_config=deployment)
    held.endpoints.add(endpoint)
    put_tags(scope, endpoint.arn, request.get("Tags", []))
    lifecycle.bring_up(scope, endpoint)
    return {"EndpointArn": endpoint.arn}


@SAGEMAKER.operation("UpdateEndpoint")
def update_endpoint(scope: Scope, request: Parameters) -> Parameters:
    """Move an endpoint to another configuration; the present one serves until the new one is in service."""
    held = state(scope)
    endpoint = _updatable(scope, request)
    config = held.configs.get(request["EndpointConfigName"])
    # "You must not delete an EndpointConfig in use by an endpoint that is live" (UpdateEndpoint's reference).
    held.configs.get(endpoint.config.name)
    _check_scalable_targets(scope, endpoint, config)
    serverless.check_update(endpoint.config, config)
    _check_components(scope, endpoint, config)
    deployment = request.get("DeploymentConfig")
    if deployment is None and request.get("RetainDeploymentConfig", False):
        deployment = endpoint.deployment_config
    _check_variant_names(endpoint, config, deployment)
    check_rollback_alarms(scope, config, deployment)
    endpoint.begin("Updating")
    endpoint.deployment_config = deployment
    retain_all = request.get("RetainAllVariantProperties", False)
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
    lifecycle.update(scope, endpoint, config, retain=lambda _, kind: retain_all and kind not in excluded)
    return {"EndpointArn": endpoint.arn}


def _updatable(scope: Scope, request: Parameters) -> Endpoint:
    """Return the endpoint; of a failed one, "DeleteEndpoint is the only operation" (DescribeEndpoint's reference)."""
    endpoint = state(scope).endpoints.get(request["EndpointName"])
    if endpoint.status == "Failed":
        raise validation_error(f'Cannot update endpoint "{endpoint.arn}" in status Failed.')
    return endpoint


def _check_components(scope: Scope, endpoint: Endpoint, config: EndpointConfig) -> None:
    """Refuse to remove a variant that hosts inference components, or to give it a model in their place."""
    components = [held for held in state(scope).components.all() if held.endpoint_name == endpoint.name]
    homeless = [
        component.name
        for component in components
        if not config.hosts_components or config.variant(component.variant_name) is None
    ]
    if homeless:
        raise validation_error(
            f'Cannot remove a variant of endpoint "{endpoint.arn}" while it hosts inference components: delete '
            f"{', '.join(sorted(homeless))} first."
        )


def _check_variant_names(endpoint: Endpoint, config: EndpointConfig, deployment: Parameters | None) -> None:
    """Refuse to rename variants in a rollout: "Deployment guardrails", "Exclusions", SageMaker developer guide."""
    old, new = ({variant["VariantName"] for variant in each.variants} for each in (endpoint.config, config))
    if deployment is not None and old != new:
        raise validation_error(
            "With a DeploymentConfig, the new endpoint configuration must have the same variant names as the old one: "
            f"{', '.join(sorted(old))}."
        )


def _check_scalable_targets(scope: Scope, endpoint: Endpoint, config: EndpointConfig) -> None:
    """Refuse to remove a variant, or change its instance type, while it is a scalable target.

    "Update or delete endpoints that use automatic scaling", SageMaker developer guide.
    """
    changed = [
        name
        for name in registered_variants(scope, endpoint.name)
        if (config.variant(name) or {}).get("InstanceType") != (endpoint.config.variant(name) or {}).get("InstanceType")
        or config.variant(name) is None
    ]
    if changed:
        raise validation_error(
            f'The variant(s) "[{", ".join(changed)}]" must be deregistered as scalable targets with AutoScaling before '
            "they can be removed or have their instance type changed."
        )


@SAGEMAKER.operation("UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(scope: Scope, request: Parameters) -> Parameters:
    """Change the weights, instance counts and serverless concurrency of variants in place."""
    endpoint = _updatable(scope, request)
    wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
    for name, item in wanted.items():
        _check_capacity(endpoint, name, item)
    endpoint.begin("Updating")
    for name, item in wanted.items():
        variant = endpoint.variants[name]
        variant.weight = float(item.get("DesiredWeight", variant.weight))
        variant.instance_count = item.get("DesiredInstanceCount", variant.instance_count)
        if "ServerlessUpdateConfig" in item:
            variant.scale_serverless(item["ServerlessUpdateConfig"])
    endpoint.set_status("InService")
    if endpoint.queue is not None:
        endpoint.queue.process()
    return {"EndpointArn": endpoint.arn}


def _check_capacity(endpoint: Endpoint, name: str, wanted: Parameters) -> None:
    """Refuse instances of a serverless variant, none of a real-time one, and concurrency of one that has instances."""
    if name not in endpoint.variants:
        raise validation_error(f'Could not find variant "{name}" of endpoint "{endpoint.arn}".')
    present = endpoint.variants[name].config.get("ServerlessConfig")
    if present is not None and "DesiredInstanceCount" in wanted:
        raise validation_error(f"DesiredInstanceCount cannot be specified for serverless variant {name}.")
    if "ServerlessUpdateConfig" in wanted:
        if present is None:
            raise validation_error(
                f"ServerlessUpdateConfig cannot be specified for variant {name}, which has instances."
            )
        serverless.check_sizes(present | wanted["ServerlessUpdateConfig"], name)
    if wanted.get("DesiredInstanceCount") == 0 and not (endpoint.is_async or endpoint.hosts_components):
        raise validation_error(
            f"DesiredInstanceCount of variant {name} must be at least 1: only asynchronous endpoints and inference "
            "components scale to zero."
        )


@SAGEMAKER.operation("DescribeEndpoint")
def describe_endpoint(scope: Scope, request: Parameters) -> Parameters:
    """Describe an endpoint."""
    endpoint = state(scope).endpoints.get(request["EndpointName"])
    described: Parameters = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config.name,
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }
    if endpoint.variants:
        described["ProductionVariants"] = [variant.summary() for variant in endpoint.variants.values()]
    if endpoint.shadows:
        described["ShadowProductionVariants"] = [variant.summary() for variant in endpoint.shadows.values()]
    if (captured := capture.described(endpoint.config.request)) is not None:
        described["DataCaptureConfig"] = captured
    if endpoint.is_async:
        described["AsyncInferenceConfig"] = endpoint.config.request["AsyncInferenceConfig"]
    if endpoint.failure_reason:
        described["FailureReason"] = endpoint.failure_reason
    if endpoint.deployment_config:
        described["LastDeploymentConfig"] = endpoint.deployment_config
    return described


@SAGEMAKER.operation("DeleteEndpoint")
def delete_endpoint(scope: Scope, request: Parameters) -> Parameters:
    """Delete an endpoint and deregister its scalable targets, as SageMaker does."""
    held = state(scope)
    endpoint = held.endpoints.get(request["EndpointName"])
    components = [component.name for component in held.components.all() if component.endpoint_name == endpoint.name]
    if components:
        raise validation_error(
            f'Cannot delete endpoint "{endpoint.arn}" while it hosts inference components: delete '
            f"{', '.join(sorted(components))} first."
        )
    endpoint.begin("Deleting")

    def forget() -> None:
        for name in registered_variants(scope, endpoint.name):
            forget_variant(scope, endpoint.name, name)
        held.endpoints.remove(endpoint.name)
        forget_tags(scope, endpoint.arn)

    lifecycle.tear_down(endpoint, forget=forget)
    return {}


@SAGEMAKER.operation("ListEndpoints")
def list_endpoints(scope: Scope, request: Parameters) -> Parameters:
    """List endpoints."""
    return listed(
        state(scope).endpoints.all(),
        request,
        "Endpoints",
        lambda endpoint: {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.modified,
            "EndpointStatus": endpoint.status,
        },
    )
