"""``RegisterScalableTarget``, ``DeregisterScalableTarget`` and ``DescribeScalableTargets``."""

from __future__ import annotations

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.autoscaling.described import described
from local_aws.services.autoscaling.service import AUTOSCALING
from local_aws.services.autoscaling.state import VARIANT, Key, Target, key_of, new_arn, targets
from local_aws.services.sagemaker.state import state as sagemaker_state

_SUSPENDABLE = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_INSTANCES = "sagemaker:variant:DesiredInstanceCount"
_LINKED_ROLE = (
    "arn:aws:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@AUTOSCALING.operation("RegisterScalableTarget")
def register_scalable_target(scope: Scope, request: Parameters) -> Parameters:
    """Register a scalable target, or change the one that is registered."""
    key = key_of(request)
    present = targets(scope).get(key)
    minimum = request.get("MinCapacity", present.minimum if present else None)
    maximum = request.get("MaxCapacity", present.maximum if present else None)
    if minimum is None or maximum is None:
        raise validation_error("Both MinCapacity and MaxCapacity must be specified to register a scalable target.")
    if minimum < 0 or maximum < 0:
        raise validation_error("Minimum and maximum capacity must be greater than or equal to 0.")
    if maximum < minimum:
        raise validation_error("Maximum capacity cannot be less than minimum capacity.")
    _check_resource(scope, key, minimum)
    target = present or Target(
        key=key,
        arn=new_arn(scope),
        minimum=minimum,
        maximum=maximum,
        role_arn=_LINKED_ROLE.format(account=scope.account),
    )
    target.minimum, target.maximum = minimum, maximum
    target.suspended |= request.get("SuspendedState", {})
    target.tags |= request.get("Tags", {})
    targets(scope)[key] = target
    return {"ScalableTargetARN": target.arn}


def _check_resource(scope: Scope, key: Key, minimum: int) -> None:
    """Refuse a resource that SageMaker does not have, or does not scale."""
    namespace, resource, dimension = key
    component = resource.partition("inference-component/")[2]
    if component and dimension == "sagemaker:inference-component:DesiredCopyCount":
        if sagemaker_state(scope).components.find(component) is None:
            raise validation_error(f"Could not find SageMaker inference component: {resource}")
        return
    found = VARIANT.fullmatch(resource)
    if namespace != "sagemaker" or found is None or not dimension.startswith("sagemaker:variant:"):
        raise validation_error(
            f"Unsupported service namespace, resource type or scalable dimension: {namespace}, {resource}, {dimension}"
        )
    endpoint = sagemaker_state(scope).endpoints.find(found["endpoint"])
    variant = endpoint.config.variant(found["variant"]) if endpoint and endpoint.name == found["endpoint"] else None
    if variant is None:
        raise validation_error(f"Could not find SageMaker endpoint variant: {resource}")
    if dimension == _INSTANCES and "ServerlessConfig" in variant:
        raise validation_error(f"{resource} cannot be scaled by {dimension}: it is serverless.")
    if dimension != _INSTANCES and not (variant.get("ServerlessConfig", {}).get("ProvisionedConcurrency")):
        raise validation_error(f"{resource} cannot be scaled by {dimension}: it has no ProvisionedConcurrency.")
    if str(variant.get("InstanceType", "")).startswith("ml.t2."):
        raise validation_error(
            f"The instance type {variant['InstanceType']} of {resource} does not support automatic scaling: it is a "
            "burstable instance type."
        )
    # Below 1 needs inference components or an asynchronous endpoint ("Scale an endpoint to zero instances").
    is_async = endpoint is not None and "AsyncInferenceConfig" in endpoint.config.request
    if dimension == _INSTANCES and minimum < 1 and not is_async:
        raise validation_error(
            f"Minimum capacity must be greater than or equal to 1 for {resource}: only asynchronous endpoints and "
            "inference components scale to zero."
        )


@AUTOSCALING.operation("DeregisterScalableTarget")
def deregister_scalable_target(scope: Scope, request: Parameters) -> Parameters:
    """Deregister a scalable target, with its policies and scheduled actions."""
    registered_target(scope, key_of(request))
    del targets(scope)[key_of(request)]
    return {}


def registered_target(scope: Scope, key: Key) -> Target:
    """Return a registered scalable target.

    Raises
    ------
    ServiceError
        ``ObjectNotFoundException`` when it is not registered.
    """
    target = targets(scope).get(key)
    if target is None:
        raise ServiceError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {key[0]}, resource ID: {key[1]}, scalable "
            f"dimension: {key[2]}",
        )
    return target


@AUTOSCALING.operation("DescribeScalableTargets")
def describe_scalable_targets(scope: Scope, request: Parameters) -> Parameters:
    """Describe scalable targets."""
    found = [
        {
            "ServiceNamespace": target.key[0],
            "ResourceId": target.key[1],
            "ScalableDimension": target.key[2],
            "MinCapacity": target.minimum,
            "MaxCapacity": target.maximum,
            "RoleARN": target.role_arn,
            "CreationTime": target.created,
            "SuspendedState": dict.fromkeys(_SUSPENDABLE, False) | target.suspended,
            "ScalableTargetARN": target.arn,
        }
        for target in list(targets(scope).values())
    ]
    return described(found, request, "ScalableTargets", named=("ResourceIds", "ResourceId"), most=50)


@AUTOSCALING.operation("ListTagsForResource")
def list_tags_for_resource(scope: Scope, request: Parameters) -> Parameters:
    """List the tags of a scalable target."""
    return {"Tags": _by_arn(scope, request["ResourceARN"]).tags}


@AUTOSCALING.operation("TagResource")
def tag_resource(scope: Scope, request: Parameters) -> Parameters:
    """Tag a scalable target."""
    _by_arn(scope, request["ResourceARN"]).tags |= request["Tags"]
    return {}


@AUTOSCALING.operation("UntagResource")
def untag_resource(scope: Scope, request: Parameters) -> Parameters:
    """Remove tags of a scalable target."""
    tags = _by_arn(scope, request["ResourceARN"]).tags
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def _by_arn(scope: Scope, arn: str) -> Target:
    for target in list(targets(scope).values()):
        if target.arn == arn:
            return target
    raise ServiceError("ResourceNotFoundException", f"No scalable target found for ARN: {arn}")
