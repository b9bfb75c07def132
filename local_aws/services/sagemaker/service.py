"""The SageMaker control API, to which each module of this package adds its operations."""

from __future__ import annotations

from local_aws.api import JsonService, Parameters, Right
from local_aws.scope import Scope

_ARN_TYPES = {
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "InferenceComponentName": "inference-component",
}
_JOB_ARN_TYPES = {
    "TrainingJobName": "training-job",
    "TransformJobName": "transform-job",
    "CompilationJobName": "compilation-job",
}
_ROLES = ("ExecutionRoleArn", "RoleArn")


def _resources(scope: Scope, operation: str, request: Parameters) -> list[str]:
    """Return the ARNs of what a request names; a ``List…`` request names nothing.

    "Actions, resources, and condition keys for Amazon SageMaker", Service Authorization Reference.
    """
    if "ResourceArn" in request:
        return [str(request["ResourceArn"])]
    if operation.startswith("List"):
        return ["*"]
    # A transform job's model is no resource of the action.
    types = _JOB_ARN_TYPES if _JOB_ARN_TYPES.keys() & request.keys() else _ARN_TYPES
    named = [
        scope.arn("sagemaker", f"{kind}/{str(request[member]).lower()}")
        for member, kind in types.items()
        if member in request
    ]
    return named or ["*"]


def _further_rights(scope: Scope, operation: str, request: Parameters) -> list[Right]:
    """Return what the caller must be allowed besides: to pass the role on, and to tag what is created.

    https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html (tagging), and
    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html (iam:PassRole)
    """
    if not operation.startswith("Create"):
        return []
    to_service = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    rights = [Right("iam:PassRole", str(request[member]), to_service) for member in _ROLES if member in request]
    if request.get("Tags"):
        rights += [Right("sagemaker:AddTags", arn) for arn in _resources(scope, operation, request)]
    return rights


SAGEMAKER = JsonService("sagemaker", _resources, _further_rights)
