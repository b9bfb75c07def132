"""``PutScalingPolicy``, ``DeleteScalingPolicy`` and ``DescribeScalingPolicies``."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.autoscaling.described import described
from local_aws.services.autoscaling.service import AUTOSCALING
from local_aws.services.autoscaling.state import Target, key_of, targets
from local_aws.services.autoscaling.targets import registered_target

_CONFIGURATIONS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}
# The metrics that each dimension can track ("Predefined metrics for target tracking scaling policies").
_METRICS = {
    "sagemaker:variant:DesiredInstanceCount": (
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ),
    "sagemaker:variant:DesiredProvisionedConcurrency": ("SageMakerVariantProvisionedConcurrencyUtilization",),
    "sagemaker:inference-component:DesiredCopyCount": (
        "SageMakerInferenceComponentInvocationsPerCopy",
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
}


@AUTOSCALING.operation("PutScalingPolicy")
def put_scaling_policy(scope: Scope, request: Parameters) -> Parameters:
    """Create or change a scaling policy."""
    key = key_of(request)
    target = registered_target(scope, key)
    name = request["PolicyName"]
    present = target.policies.get(name)
    kind = str(request.get("PolicyType", present["PolicyType"] if present else "StepScaling"))
    if present and present["PolicyType"] != kind:
        raise validation_error(f"The policy type of {name} cannot be changed from {present['PolicyType']} to {kind}.")
    _check(request, kind, key[2])
    policy = {
        "PolicyARN": present["PolicyARN"] if present else _arn(scope, target, name),
        "CreationTime": present["CreationTime"] if present else datetime.now(UTC),
        "Alarms": [],
        **request,
        "PolicyType": kind,
    }
    target.policies[name] = policy
    return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}


def _arn(scope: Scope, target: Target, name: str) -> str:
    namespace, resource, _ = target.key
    return scope.arn("autoscaling", f"scalingPolicy:{uuid.uuid4()}:resource/{namespace}/{resource}:policyName/{name}")


def _check(request: Parameters, kind: str, dimension: str) -> None:
    wanted = _CONFIGURATIONS[kind]
    if wanted not in request:
        raise validation_error(f"{wanted} must be specified for policy type {kind}.")
    extra = next((name for name in _CONFIGURATIONS.values() if name != wanted and name in request), None)
    if extra:
        raise validation_error(f"{extra} cannot be specified for policy type {kind}.")
    if kind == "TargetTrackingScaling":
        _check_target_tracking(request[wanted], dimension)


def _check_target_tracking(configuration: Parameters, dimension: str) -> None:
    if ("PredefinedMetricSpecification" in configuration) == ("CustomizedMetricSpecification" in configuration):
        raise validation_error(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."
        )
    metric = configuration.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    if metric is not None and metric not in _METRICS.get(dimension, ()):
        raise validation_error(f"Predefined metric type {metric} is not supported for scalable dimension {dimension}.")
    if configuration["TargetValue"] <= 0:
        raise validation_error("The target value must be greater than 0.")
    for name in ("ScaleInCooldown", "ScaleOutCooldown"):
        if configuration.get(name, 0) < 0:
            raise validation_error(f"{name} must be greater than or equal to 0.")


@AUTOSCALING.operation("DeleteScalingPolicy")
def delete_scaling_policy(scope: Scope, request: Parameters) -> Parameters:
    """Delete a scaling policy."""
    target = registered_target(scope, key_of(request))
    if target.policies.pop(request["PolicyName"], None) is None:
        raise ServiceError("ObjectNotFoundException", f"No scaling policy found for name: {request['PolicyName']}")
    return {}


@AUTOSCALING.operation("DescribeScalingPolicies")
def describe_scaling_policies(scope: Scope, request: Parameters) -> Parameters:
    """Describe scaling policies."""
    found = [policy for target in list(targets(scope).values()) for policy in list(target.policies.values())]
    return described(found, request, "ScalingPolicies", named=("PolicyNames", "PolicyName"), most=10)
