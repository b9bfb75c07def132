"""Who may call an endpoint, and which of its models, containers or inference components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib.serving.field_types import text_problems
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.endpoint_interface import IEndpoint

_INVOKE = "sagemaker:InvokeEndpoint"
_STREAM = "sagemaker:InvokeEndpointWithResponseStream"
_ALL = [_INVOKE, "sagemaker:InvokeEndpointAsync", _STREAM]
_MOST = 1024  # botocore sagemaker-runtime TargetModelHeader


def check_targets(**targets: Sequence[str] | None) -> None:
    """Check that at most one kind of target is named, by a list of names or patterns.

    Raises
    ------
    InvalidValueError
        When two kinds are given, or one is empty.
    """
    problems = Problems("grant_invoke")
    given = {name: names for name, names in targets.items() if names is not None}
    for name, names in given.items():
        if isinstance(names, str) or not names:
            problems.add(name, f"must be a list of names or patterns, such as ['fraud.tar.gz'], got {names!r}")
        elif any(not 1 <= len(each) <= _MOST for each in names):
            problems.add(name, f"must each have 1 to {_MOST} characters")
    first = next(iter(given), None)
    for name in list(given)[1:]:
        problems.add(name, f"is given as well as '{first}'; a request names one of the two")
    problems.raise_any()


def allow_invoke(
    grantee: iam.IGrantable,
    endpoint_arn: str,
    *,
    target_models: Sequence[str] | None = None,
    target_containers: Sequence[str] | None = None,
    component_arns: Sequence[str] = (),
) -> iam.Grant:
    """Let somebody call an endpoint, as `IEndpoint.grant_invoke` says.

    A request that names an inference component is about two resources, and the caller needs the right on both: the
    endpoint, and the component. Sources: AWS, "Service Authorization Reference", Amazon SageMaker AI, resource types of
    InvokeEndpoint and InvokeEndpointWithResponseStream; SageMaker developer guide, "Multi-model endpoint security" and
    "Security with multi-container endpoints with direct invocation". Requests that name a target are those of botocore
    sagemaker-runtime that have the parameter.
    """
    problems = Problems("grant_invoke")
    problems.extend(text_problems("grantee", grantee, "iam.Role.from_role_arn(self, 'Caller', "))
    problems.raise_any()
    actions, condition = _ALL, None
    if target_models is not None:
        actions, condition = [_INVOKE], {"sagemaker:TargetModel": list(target_models)}
    elif target_containers is not None:
        actions, condition = [_INVOKE, _STREAM], {"sagemaker:TargetContainerHostname": list(target_containers)}
    elif component_arns:
        actions = [_INVOKE, _STREAM]
    return iam.Grant.add_to_principal(
        grantee=grantee,
        actions=actions,
        resource_arns=[endpoint_arn, *component_arns],
        conditions={"StringLike": condition} if condition else None,
    )


def component_arn(endpoint_arn: str, name: str) -> str:
    """Give the ARN of an inference component in the account and region of its endpoint."""
    place, found, _ = endpoint_arn.partition(":endpoint/")
    if not found:  # the whole ARN is a token
        place = cdk.Fn.select(0, cdk.Fn.split(":endpoint/", endpoint_arn))
    return f"{place}:inference-component/{name.lower()}"  # SageMaker spells names in ARNs in lower case


def called_arns(endpoint: IEndpoint, inference_component: str | None) -> str | list[str]:
    """Give what a policy names for somebody who calls an endpoint, or one inference component of it."""
    components = endpoint.component_arns(None if inference_component is None else [inference_component])
    return [endpoint.endpoint_arn, *components] if components else endpoint.endpoint_arn
