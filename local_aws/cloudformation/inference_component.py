"""``AWS::SageMaker::InferenceComponent``; ``Ref`` gives the ARN."""

from __future__ import annotations

from local_aws import backend
from local_aws.api import Parameters
from local_aws.cloudformation.properties import Properties, require
from local_aws.cloudformation.resource import (
    Resource,
    ResourceType,
    generated_name,
    handler_failure,
    reported_by_handler,
)
from local_aws.cloudformation.sagemaker import call, delete, parameters, update_tags
from local_aws.services.sagemaker.component_state import InferenceComponent
from local_aws.services.sagemaker.state import state

_UPDATED = frozenset({"Specification", "Specifications", "RuntimeConfig", "DeploymentConfig"})
_FIXED = ("EndpointName", "VariantName", "InferenceComponentName")


def _settled(name: str) -> InferenceComponent | None:
    component = state(backend.current_scope()).components.find(name)
    if component is not None:
        component.settled.wait()
    return component


def _described(component: InferenceComponent) -> Resource:
    described = call("DescribeInferenceComponent", InferenceComponentName=component.name)
    copies: Parameters = described["RuntimeConfig"]
    return component.arn, {
        "InferenceComponentArn": component.arn,
        "InferenceComponentName": component.name,
        "InferenceComponentStatus": component.status,
        "EndpointArn": described["EndpointArn"],
        "FailureReason": component.failure_reason or "",
        "CreationTime": component.created.isoformat(),
        "LastModifiedTime": component.modified.isoformat(),
        "RuntimeConfig.CurrentCopyCount": str(copies["CurrentCopyCount"]),
        "RuntimeConfig.DesiredCopyCount": str(copies["DesiredCopyCount"]),
    }


def _create(logical_id: str, properties: Properties) -> Resource:
    require(properties, ("EndpointName",), logical_id=logical_id)
    given = {name: value for name, value in properties.items() if name != "DeploymentConfig"}
    wanted = parameters("CreateInferenceComponent", logical_id, given)
    name = wanted.setdefault("InferenceComponentName", generated_name(logical_id))
    with reported_by_handler():
        call("CreateInferenceComponent", **wanted)
    component = _settled(name)
    if component is None or component.status != "InService":
        reason = component.failure_reason if component else "The inference component was deleted while it was created."
        _delete(name, properties)
        raise handler_failure(str(reason), "NotStabilized")
    return _described(component)


def _update(logical_id: str, physical_id: str, old: Properties, new: Properties) -> Resource:
    fixed = [name for name in _FIXED if old.get(name) != new.get(name)]
    if fixed:
        raise handler_failure(f"{', '.join(fixed)} of an inference component cannot be updated.", "NotUpdatable")
    changed = {name: value for name, value in new.items() if name in _UPDATED}
    name = physical_id.rpartition("/")[2]
    with reported_by_handler():
        component = _settled(name)
        update_tags(physical_id, old, new)
        if any(old.get(key) != new.get(key) for key in _UPDATED):
            wanted = parameters("UpdateInferenceComponent", logical_id, changed)
            call("UpdateInferenceComponent", **wanted, InferenceComponentName=name)
            component = _settled(name)
    if component is None:
        raise handler_failure(f"Inference component {name} was deleted while it was updated.", "NotFound")
    if component.failure_reason:
        raise handler_failure(component.failure_reason, "NotStabilized")
    return _described(component)


def _delete(physical_id: str, _: Properties) -> None:
    component = _settled(physical_id.rpartition("/")[2])
    delete("DeleteInferenceComponent", "InferenceComponentName", physical_id)
    if component is not None:
        component.settled.wait()


INFERENCE_COMPONENT = ResourceType(
    name="AWS::SageMaker::InferenceComponent",
    create=_create,
    update=_update,
    delete=_delete,
    create_only=(),
    name_property="InferenceComponentName",
    waits=True,
)
