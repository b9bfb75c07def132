"""``AddTags``, ``ListTags`` and ``DeleteTags``."""

from __future__ import annotations

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import state

_MOST_TAGS = 50


def put_tags(scope: Scope, arn: str, tags: list[Parameters]) -> None:
    """Add tags to a resource."""
    held = state(scope).tags.setdefault(arn, {})
    if len(held.keys() | {tag["Key"] for tag in tags}) > _MOST_TAGS:
        raise validation_error(f"The number of tags exceeds the limit of {_MOST_TAGS} tags per resource.")
    held.update({tag["Key"]: tag["Value"] for tag in tags})


def forget_tags(scope: Scope, arn: str) -> None:
    """Forget the tags of a deleted resource."""
    state(scope).tags.pop(arn, None)


@SAGEMAKER.operation("AddTags")
def add_tags(scope: Scope, request: Parameters) -> Parameters:
    """Add or overwrite tags."""
    _check_exists(scope, request["ResourceArn"])
    put_tags(scope, request["ResourceArn"], request["Tags"])
    return {"Tags": _tags(scope, request["ResourceArn"])}


@SAGEMAKER.operation("ListTags")
def list_tags(scope: Scope, request: Parameters) -> Parameters:
    """List tags."""
    _check_exists(scope, request["ResourceArn"])
    return {"Tags": _tags(scope, request["ResourceArn"])}


@SAGEMAKER.operation("DeleteTags")
def delete_tags(scope: Scope, request: Parameters) -> Parameters:
    """Delete tags."""
    _check_exists(scope, request["ResourceArn"])
    held = state(scope).tags.get(request["ResourceArn"], {})
    for key in request["TagKeys"]:
        held.pop(key, None)
    return {}


def _tags(scope: Scope, arn: str) -> list[Parameters]:
    return [{"Key": key, "Value": value} for key, value in state(scope).tags.get(arn, {}).items()]


def _check_exists(scope: Scope, arn: str) -> None:
    if not any(record.arn == arn for table in state(scope).tables for record in table.all()):
        raise validation_error(f"Could not find resource: {arn}")
