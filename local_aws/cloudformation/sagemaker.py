"""``AWS::SageMaker::Model``, ``EndpointConfig`` and ``Endpoint``. ``Ref`` gives the ARN of each."""

from __future__ import annotations

from local_aws import backend
from local_aws.api import Parameters
from local_aws.cloudformation.properties import Properties, parameters_of, require
from local_aws.cloudformation.resource import (
    Resource,
    ResourceType,
    generated_name,
    handler_failure,
    is_gone,
    reported_by_handler,
)
from local_aws.errors import ServiceError
from local_aws.services.sagemaker import SAGEMAKER
from local_aws.services.sagemaker.state import Endpoint, state

_UPDATE_ONLY = frozenset({"RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig"})
# Members of the operations that the resource types do not have (yet): a test compares them with the types' schemas.
NOT_IN_TEMPLATES = frozenset(
    {"AdditionalModelDataSources", "ContainerMetricsConfig", "ETag", "ManifestEtag", "ManifestS3Uri"}
)


def call(operation: str, **members: object) -> Parameters:
    """Call an operation of SageMaker."""
    return SAGEMAKER.call(backend.current_scope(), operation, members)


def parameters(operation: str, logical_id: str, properties: Properties, **limits: frozenset[str]) -> Parameters:
    """Return the parameters of an operation that properties ask for."""
    return parameters_of(
        properties,
        service="sagemaker",
        operation=operation,
        logical_id=logical_id,
        except_for=NOT_IN_TEMPLATES,
        **limits,
    )


def update_tags(arn: str, old: Properties, new: Properties) -> None:
    """Tag as the new properties say."""
    before = {tag["Key"]: tag["Value"] for tag in old.get("Tags", [])}
    after = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
    if gone := sorted(before.keys() - after.keys()):
        call("DeleteTags", ResourceArn=arn, TagKeys=gone)
    if after != before:
        call("AddTags", ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in after.items()])


def delete(operation: str, member: str, arn: str) -> None:
    """Delete what may be gone already."""
    try:
        call(operation, **{member: arn.rpartition("/")[2]})
    except ServiceError as error:
        if not is_gone(error):
            raise handler_failure(error.message, "InvalidRequest") from error


# Model and EndpointConfig: created and deleted at once; only their tags change in place.


def _simple_type(kind: str, create_only: tuple[str, ...], required: tuple[str, ...] = ()) -> ResourceType:
    name_property = f"{kind}Name"

    def attributes(arn: str, name: str) -> Resource:
        return arn, {f"{kind}Arn": arn, name_property: name}

    def create(logical_id: str, properties: Properties) -> Resource:
        require(properties, required, logical_id=logical_id)
        wanted = parameters(f"Create{kind}", logical_id, properties)
        name = wanted.setdefault(name_property, generated_name(logical_id))
        with reported_by_handler():
            created = call(f"Create{kind}", **wanted)
        return attributes(created[f"{kind}Arn"], name)

    def update(logical_id: str, physical_id: str, old: Properties, new: Properties) -> Resource:
        parameters(f"Create{kind}", logical_id, new)
        with reported_by_handler():
            update_tags(physical_id, old, new)
            described = call(f"Describe{kind}", **{name_property: physical_id.rpartition("/")[2]})
        return attributes(physical_id, described[name_property])

    return ResourceType(
        name=f"AWS::SageMaker::{kind}",
        create=create,
        update=update,
        delete=lambda physical_id, _: delete(f"Delete{kind}", name_property, physical_id),
        create_only=(*create_only, name_property),
        name_property=name_property,
    )


MODEL = _simple_type(
    "Model",
    (
        "Containers",
        "EnableNetworkIsolation",
        "ExecutionRoleArn",
        "InferenceExecutionConfig",
        "PrimaryContainer",
        "VpcConfig",
    ),
)
ENDPOINT_CONFIG = _simple_type(
    "EndpointConfig",
    (
        "AsyncInferenceConfig",
        "DataCaptureConfig",
        "EnableNetworkIsolation",
        "ExecutionRoleArn",
        "ExplainerConfig",
        "KmsKeyId",
        "MetricsConfig",
        "ProductionVariants",
        "ShadowProductionVariants",
        "VpcConfig",
    ),
    ("ProductionVariants",),
)


# Endpoint: CloudFormation waits for it.


def _endpoint(name: str) -> Endpoint | None:
    return state(backend.current_scope()).endpoints.find(name)


def _settled(name: str) -> Endpoint | None:
    """Wait until nothing is under way; None when there is no such endpoint."""
    endpoint = _endpoint(name)
    if endpoint is not None:
        endpoint.settled.wait()
    return endpoint


def _described(endpoint: Endpoint) -> Resource:
    return endpoint.arn, {"EndpointArn": endpoint.arn, "EndpointName": endpoint.name}


def _check(logical_id: str, properties: Properties) -> tuple[Parameters, Parameters]:
    """Return the parameters for creating, and those for updating alone."""
    require(properties, ("EndpointConfigName",), logical_id=logical_id)
    on_update = {name: value for name, value in properties.items() if name in _UPDATE_ONLY}
    on_create = {name: value for name, value in properties.items() if name not in _UPDATE_ONLY}
    return (
        parameters("CreateEndpoint", logical_id, on_create),
        parameters("UpdateEndpoint", logical_id, on_update, only=_UPDATE_ONLY),
    )


def _create_endpoint(logical_id: str, properties: Properties) -> Resource:
    wanted, _ = _check(logical_id, properties)
    name = wanted.setdefault("EndpointName", generated_name(logical_id))
    with reported_by_handler():
        call("CreateEndpoint", **wanted)
    endpoint = _settled(name)
    if endpoint is None or endpoint.status != "InService":
        reason = endpoint.failure_reason if endpoint else "The endpoint was deleted while it was created."
        # The stack has no physical id yet, so nothing else would delete what failed.
        _delete_endpoint(name, properties)
        raise handler_failure(str(reason), "NotStabilized")
    return _described(endpoint)


def _update_endpoint(logical_id: str, physical_id: str, old: Properties, new: Properties) -> Resource:
    created, updated = _check(logical_id, new)
    name = physical_id.rpartition("/")[2]
    with reported_by_handler():
        _settled(name)
        update_tags(physical_id, old, new)
        if old.get("EndpointConfigName") != new["EndpointConfigName"]:
            if "DeploymentConfig" in created:
                updated["DeploymentConfig"] = created["DeploymentConfig"]
            call("UpdateEndpoint", EndpointName=name, EndpointConfigName=created["EndpointConfigName"], **updated)
    endpoint = _settled(name)
    if endpoint is None:
        raise handler_failure(f"Endpoint {name} was deleted while it was updated.", "NotFound")
    if endpoint.config.name != created["EndpointConfigName"]:
        raise handler_failure(str(endpoint.failure_reason), "NotStabilized")
    return _described(endpoint)


def _delete_endpoint(physical_id: str, _: Properties) -> None:
    name = physical_id.rpartition("/")[2]
    endpoint = _settled(name)
    delete("DeleteEndpoint", "EndpointName", physical_id)
    if endpoint is not None:
        endpoint.settled.wait()


ENDPOINT = ResourceType(
    name="AWS::SageMaker::Endpoint",
    create=_create_endpoint,
    update=_update_endpoint,
    delete=_delete_endpoint,
    create_only=("EndpointName",),
    name_property="EndpointName",
    waits=True,
)
