"""What our services use of the AWS services that MiniStack already has: objects and roles.

No other module than this one, :mod:`local_aws.telemetry`, :mod:`local_aws.streaming`, :mod:`local_aws.extension` and
:mod:`local_aws.adaptations` imports MiniStack.
Every function is safe on any thread: it says whose resources it means, since outside of a request MiniStack knows no
account.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core import iam_evaluator, responses, router
from ministack.services import iam, s3, sts

from local_aws.errors import ServiceError, access_denied
from local_aws.scope import Scope


def current_scope() -> Scope:
    """Return the account and region of the request under way."""
    return Scope(responses.get_account_id(), responses.get_region())


# --- S3 ---------------------------------------------------------------------------------------------------------------


def object_keys(scope: Scope, bucket: str, prefix: str) -> list[str]:
    """Return the keys of a bucket that begin with a prefix, in order."""
    with responses.request_scope(scope.account, scope.region):
        held = s3._buckets.get(bucket)
        return [] if held is None else sorted(key for key in held["objects"] if key.startswith(prefix))


def object_exists(scope: Scope, bucket: str, key: str) -> bool:
    """Return whether an object exists."""
    with responses.request_scope(scope.account, scope.region):
        held = s3._buckets.get(bucket)
        return held is not None and key in held["objects"]


def object_bytes(scope: Scope, bucket: str, key: str) -> bytes | None:
    """Return an object's content, or None when there is no such object."""
    with responses.request_scope(scope.account, scope.region):
        content: bytes | None = s3._get_object_data(bucket, key)
    return content


def put_object(scope: Scope, bucket: str, key: str, content: bytes, content_type: str) -> None:
    """Write an object.

    Raises
    ------
    ServiceError
        When S3 refuses, as it does for a bucket that is not there.
    """
    with responses.request_scope(scope.account, scope.region):
        status, _, answer = s3._put_object(bucket, key, content, {"content-type": content_type})
    if status >= 300:
        raise ServiceError("ValidationError", f"s3://{bucket}/{key} could not be written: {answer!r}")


# --- IAM --------------------------------------------------------------------------------------------------------------


def role_by_arn(role_arn: str) -> Mapping[str, Any] | None:
    """Return IAM's record of a role, or None when it does not exist."""
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role: Mapping[str, Any] | None = iam._roles.get_scoped(account, None, name)
    return role if role is not None and role.get("Arn") == role_arn else None


def trusts_service(role: Mapping[str, Any], service: str) -> bool:
    """Return whether a role's trust policy lets an AWS service assume it."""
    document = policy_document(role.get("AssumeRolePolicyDocument"))
    statements = document.get("Statement", [])
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        actions = statement.get("Action", [])
        names = iam_evaluator._service_principal_matches(statement.get("Principal", {}), service)
        if names and iam_evaluator._action_matches("sts:AssumeRole", _as_list(actions), []):
            if statement.get("Effect") == "Deny":
                return False
            allowed = True
    return allowed


def decide(
    scope: Scope, role: Mapping[str, Any], *, session: str, action: str, resource: str, context: Mapping[str, Any]
) -> str:
    """Return ``Allow``, ``Deny`` or ``ImplicitDeny``: what IAM says of an action by an assumed role.

    The role's own policies, its permissions boundary and the resource's policy are all heard.
    """
    account, name = role["Arn"].split(":")[4], role["RoleName"]
    with responses.request_scope(account, scope.region):
        policies = iam_evaluator._gather_role_policies(name, account)
        limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
        request = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
            principal_type="AssumedRole",
            principal_account=account,
            action=action,
            resource_arn=resource,
            region=scope.region,
            # AWS's services talk to each other over TLS, and `cdk bootstrap`'s bucket refuses whoever does not.
            secure_transport=True,
            service_context={key.lower(): value for key, value in context.items()},
        )
        result = iam_evaluator.evaluate(request, policies, *limits)
        found = iam_evaluator._resource_policy(action.partition(":")[0], resource)
        if found is not None:
            result = iam_evaluator.combine_resource_policy(result, request, *found, limits=tuple(limits))
    decision: str = result.decision
    return decision


def authorize(
    scope: Scope,
    headers: Mapping[str, str],
    service: str,
    action: str,
    resources: Sequence[str],
    *,
    context: Mapping[str, str] | None = None,
) -> None:
    """Refuse a request whose caller may not do an action on each of the resources.

    MiniStack has authenticated the caller before. Call it where the request is handled, not on another thread.

    Raises
    ------
    ServiceError
        ``AccessDeniedException``.
    """
    access_key = router.extract_access_key_id(dict(headers))
    for resource in resources:
        denied = iam_evaluator.enforce(
            access_key,
            action,
            service,
            scope.region,
            resource_arn=resource,
            service_context={key.lower(): value for key, value in (context or {}).items()},
        )
        if isinstance(denied, iam_evaluator.AuthError):
            raise ServiceError(denied.code, denied.message, status=403)
        if denied is not None:
            raise access_denied(denied.principal_arn, action, resource, explicitly=denied.decision == "Deny")


def credentials_of(role: Mapping[str, Any], session: str) -> dict[str, str]:
    """Return credentials of an assumed role, as environment variables; they do not expire.

    On AWS a container gets them anew before they do.
    """
    account, name = role["Arn"].split(":")[4], role["RoleName"]
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(40)
    identity = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        "UserId": f"{role.get('RoleId', name)}:{session}",
        "SecretAccessKey": secret,
        "SessionToken": token,
        "AccountId": account,
        "PrincipalType": "AssumedRole",
    }
    sts.register_session(key, identity)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def policy_document(document: Any) -> dict[str, Any]:
    """Return a policy document, which MiniStack keeps as text or as a mapping."""
    parsed = json.loads(document) if isinstance(document, str) else document
    return parsed if isinstance(parsed, dict) else {}


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
