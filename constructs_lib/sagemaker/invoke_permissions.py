"""Who may call an endpoint, and which of its models or containers."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from constructs_lib.serving.problems import Problems

_INVOKE = "sagemaker:InvokeEndpoint"
_STREAM = "sagemaker:InvokeEndpointWithResponseStream"
_ALL = [_INVOKE, "sagemaker:InvokeEndpointAsync", _STREAM]
_MOST = 1024  # botocore sagemaker-runtime TargetModelHeader


def allow_invoke(
    grantee: iam.IGrantable,
    endpoint_arn: str,
    target_models: Sequence[str] | None,
    target_containers: Sequence[str] | None,
) -> iam.Grant:
    """Let somebody call an endpoint, as `IEndpoint.grant_invoke` says.

    Sources: AWS, "Service Authorization Reference", Amazon SageMaker AI; SageMaker developer guide, "Multi-model
    endpoint security" and "Security with multi-container endpoints with direct invocation". Requests that name a target
    are those of botocore sagemaker-runtime that have the parameter.
    """
    problems = Problems("grant_invoke")
    given = {"target_models": target_models, "target_containers": target_containers}
    for name, targets in given.items():
        if targets is not None and (isinstance(targets, str) or not targets):
            problems.add(name, f"must be a list of names or patterns, such as ['fraud.tar.gz'], got {targets!r}")
        elif targets is not None and any(not 1 <= len(each) <= _MOST for each in targets):
            problems.add(name, f"must each have 1 to {_MOST} characters")
    if target_models is not None and target_containers is not None:
        problems.add("target_containers", "is given as well as 'target_models'; a request names one of the two")
    problems.raise_any()
    actions, condition = _ALL, None
    if target_models is not None:
        actions, condition = [_INVOKE], {"sagemaker:TargetModel": list(target_models)}
    elif target_containers is not None:
        actions, condition = [_INVOKE, _STREAM], {"sagemaker:TargetContainerHostname": list(target_containers)}
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=actions,
        resource_arns=[endpoint_arn],
        conditions={"StringLike": condition} if condition else None,
    )
