"""The Application Auto Scaling API, to which each module of this package adds its operations."""

from __future__ import annotations

from local_aws.api import JsonService, Parameters
from local_aws.scope import Scope
from local_aws.services.autoscaling.state import key_of, targets


def _resources(scope: Scope, operation: str, request: Parameters) -> list[str]:
    """Return the scalable target that an operation is about, as the Service Authorization Reference says."""
    if operation.startswith("Describe"):
        return ["*"]
    if "ResourceARN" in request:
        return [str(request["ResourceARN"])]
    known = {"ServiceNamespace", "ResourceId", "ScalableDimension"} <= request.keys()
    target = targets(scope).get(key_of(request)) if known else None
    return [target.arn if target else scope.arn("application-autoscaling", "scalable-target/*")]


AUTOSCALING = JsonService("application-autoscaling", _resources)
