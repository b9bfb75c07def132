"""``AWS::ApplicationAutoScaling::ScalableTarget`` and ``ScalingPolicy``."""

from __future__ import annotations

from typing import Any

from local_aws import backend
from local_aws.api import Parameters
from local_aws.cloudformation.properties import Properties, parameters_of, require
from local_aws.cloudformation.resource import Resource, ResourceType, handler_failure, is_gone, reported_by_handler
from local_aws.errors import ServiceError
from local_aws.services.autoscaling.operations import AUTOSCALING

_IDENTITY = ("ResourceId", "ScalableDimension", "ServiceNamespace")
_SCHEDULED = frozenset(
    {"EndTime", "ScalableTargetAction", "Schedule", "ScheduledActionName", "StartTime", "Timezone"},
)


def _call(operation: str, **parameters: object) -> Parameters:
    return AUTOSCALING.call(backend.current_scope(), operation, parameters)


def _parameters(operation: str, logical_id: str, properties: Properties, **limits: frozenset[str]) -> Parameters:
    return parameters_of(
        properties, service="application-autoscaling", operation=operation, logical_id=logical_id, **limits
    )


# --- ScalableTarget: its Ref is RESOURCE|DIMENSION|NAMESPACE ----------------------------------------------------------


def _target_id(properties: Properties) -> str:
    return "|".join(properties[name] for name in _IDENTITY)


def _identity(target_id: str) -> dict[str, str]:
    return dict(zip(_IDENTITY, target_id.split("|"), strict=True))


def _register(logical_id: str, properties: Properties, schedules_before: list[Any]) -> Resource:
    require(properties, (*_IDENTITY, "MinCapacity", "MaxCapacity"), logical_id=logical_id)
    schedules = properties.get("ScheduledActions", [])
    actions = [_parameters("PutScheduledAction", logical_id, item, only=_SCHEDULED) for item in schedules]
    plain = {name: value for name, value in properties.items() if name not in ("ScheduledActions", "Tags")}
    parameters = _parameters("RegisterScalableTarget", logical_id, plain)
    if "Tags" in properties:
        parameters["Tags"] = {tag["Key"]: str(tag["Value"]) for tag in properties["Tags"]}
    target_id = _target_id(properties)
    with reported_by_handler():
        _call("RegisterScalableTarget", **parameters)
        for action in actions:
            _call("PutScheduledAction", **_identity(target_id), **action)
        gone = {item["ScheduledActionName"] for item in schedules_before} - {
            item["ScheduledActionName"] for item in schedules
        }
        for name in sorted(gone):
            _call("DeleteScheduledAction", **_identity(target_id), ScheduledActionName=name)
    return target_id, {"Id": target_id}


def _deregister(target_id: str, _: Properties) -> None:
    try:
        _call("DeregisterScalableTarget", **_identity(target_id))
    except ServiceError as error:
        if not is_gone(error):
            raise handler_failure(error.message, "InvalidRequest") from error


SCALABLE_TARGET = ResourceType(
    name="AWS::ApplicationAutoScaling::ScalableTarget",
    create=lambda logical_id, properties: _register(logical_id, properties, []),
    update=lambda logical_id, _, old, new: _register(logical_id, new, old.get("ScheduledActions", [])),
    delete=_deregister,
    create_only=_IDENTITY,
)


# --- ScalingPolicy: its Ref is its ARN --------------------------------------------------------------------------------


def _policy_parameters(logical_id: str, properties: Properties) -> Parameters:
    require(properties, ("PolicyName", "PolicyType"), logical_id=logical_id)
    plain = {name: value for name, value in properties.items() if name != "ScalingTargetId"}
    target = properties.get("ScalingTargetId")
    if target is None and not all(name in properties for name in _IDENTITY):
        raise handler_failure(
            "Either ScalingTargetId or all three of [ResourceId, ScalableDimension, ServiceNamespace] must be "
            "specified",
            "InvalidRequest",
        )
    if target is not None:
        plain |= _identity(target)
    return _parameters("PutScalingPolicy", logical_id, plain)


def _put_policy(logical_id: str, properties: Properties) -> Resource:
    parameters = _policy_parameters(logical_id, properties)
    with reported_by_handler():
        arn: str = _call("PutScalingPolicy", **parameters)["PolicyARN"]
    return arn, {"Arn": arn}


def _delete_policy(arn: str, properties: Properties) -> None:
    parameters = _policy_parameters("", properties)
    identity = {name: parameters[name] for name in (*_IDENTITY, "PolicyName")}
    try:
        _call("DeleteScalingPolicy", **identity)
    except ServiceError as error:
        if not is_gone(error):
            raise handler_failure(error.message, "InvalidRequest") from error


SCALING_POLICY = ResourceType(
    name="AWS::ApplicationAutoScaling::ScalingPolicy",
    create=_put_policy,
    update=lambda logical_id, _, __, new: _put_policy(logical_id, new),
    delete=_delete_policy,
    create_only=("PolicyName", *_IDENTITY, "ScalingTargetId"),
    tags=None,
)
