"""The SageMaker control API, to which each module of this package adds its operations."""

from __future__ import annotations

from local_aws.api import JsonService, Parameters
from local_aws.scope import Scope

_ARN_TYPES = {
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "InferenceComponentName": "inference-component",
}


def _resources(scope: Scope, operation: str, request: Parameters) -> list[str]:
    """Return the ARNs of what a request names; a ``List…`` request names nothing.

    "Actions, resources, and condition keys for Amazon SageMaker", Service Authorization Reference.
    """
    if "ResourceArn" in request:
        return [str(request["ResourceArn"])]
    if operation.startswith("List"):
        return ["*"]
    named = [
        scope.arn("sagemaker", f"{kind}/{str(request[member]).lower()}")
        for member, kind in _ARN_TYPES.items()
        if member in request
    ]
    return named or ["*"]


SAGEMAKER = JsonService("sagemaker", _resources)
