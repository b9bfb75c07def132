"""What Application Auto Scaling remembers of one account and region."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local_aws.api import Parameters
from local_aws.scope import Scope

VARIANT = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
Key = tuple[str, str, str]


def key_of(request: Parameters) -> Key:
    """Return what identifies the scalable target that a request is about."""
    return str(request["ServiceNamespace"]), str(request["ResourceId"]), str(request["ScalableDimension"])


@dataclass(slots=True, kw_only=True)
class Target:
    """A scalable target with its policies and scheduled actions, by name."""

    key: Key
    arn: str
    minimum: int
    maximum: int
    role_arn: str
    suspended: Parameters = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Parameters] = field(default_factory=dict)
    schedules: dict[str, Parameters] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


_targets: dict[Scope, dict[Key, Target]] = {}


def targets(scope: Scope) -> dict[Key, Target]:
    """Return the scalable targets of an account and region."""
    return _targets.setdefault(scope, {})


def new_arn(scope: Scope) -> str:
    """Return an ARN for a new scalable target."""
    return scope.arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex[:24]}")


def registered_variants(scope: Scope, endpoint_name: str) -> list[str]:
    """Return the names of an endpoint's variants that are scalable targets."""
    found = [VARIANT.fullmatch(resource) for _, resource, _ in list(targets(scope))]
    return sorted({match["variant"] for match in found if match and match["endpoint"] == endpoint_name})


def forget_variant(scope: Scope, endpoint_name: str, variant_name: str) -> None:
    """Deregister a variant from every dimension."""
    resource = f"endpoint/{endpoint_name}/variant/{variant_name}"
    for key in [key for key in targets(scope) if key[1] == resource]:
        del targets(scope)[key]
