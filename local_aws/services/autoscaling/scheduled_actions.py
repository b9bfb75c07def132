"""``PutScheduledAction``, ``DeleteScheduledAction`` and ``DescribeScheduledActions``."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.autoscaling.described import described
from local_aws.services.autoscaling.service import AUTOSCALING
from local_aws.services.autoscaling.state import key_of, targets
from local_aws.services.autoscaling.targets import registered_target

_SCHEDULE = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)|rate\(\d+ (?:minute|hour|day)s?\)|cron\(\S+(?: \S+){5}\)")


@AUTOSCALING.operation("PutScheduledAction")
def put_scheduled_action(scope: Scope, request: Parameters) -> Parameters:
    """Create or change a scheduled action."""
    target = registered_target(scope, key_of(request))
    name = request["ScheduledActionName"]
    present = target.schedules.get(name)
    if present is None and "Schedule" not in request:
        raise validation_error("Schedule must be specified for a new scheduled action.")
    if "Schedule" in request and not _SCHEDULE.fullmatch(request["Schedule"]):
        raise validation_error(f"Invalid schedule expression: {request['Schedule']}")
    action = request.get("ScalableTargetAction", {})
    if "MinCapacity" in action and "MaxCapacity" in action and action["MaxCapacity"] < action["MinCapacity"]:
        raise validation_error("Maximum capacity cannot be less than minimum capacity.")
    namespace, resource, _ = target.key
    arn = scope.arn("autoscaling", f"scheduledAction:{uuid.uuid4()}:resource/{namespace}/{resource}")
    target.schedules[name] = {
        "ScheduledActionARN": f"{arn}:scheduledActionName/{name}",
        "CreationTime": datetime.now(UTC),
        **(present or {}),
        **request,
    }
    return {}


@AUTOSCALING.operation("DeleteScheduledAction")
def delete_scheduled_action(scope: Scope, request: Parameters) -> Parameters:
    """Delete a scheduled action."""
    target = registered_target(scope, key_of(request))
    name = request["ScheduledActionName"]
    if target.schedules.pop(name, None) is None:
        raise ServiceError("ObjectNotFoundException", f"No scheduled action found for name: {name}")
    return {}


@AUTOSCALING.operation("DescribeScheduledActions")
def describe_scheduled_actions(scope: Scope, request: Parameters) -> Parameters:
    """Describe scheduled actions."""
    found = [action for target in list(targets(scope).values()) for action in list(target.schedules.values())]
    named = ("ScheduledActionNames", "ScheduledActionName")
    return described(found, request, "ScheduledActions", named=named, most=50)
