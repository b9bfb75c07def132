"""The alarms that take an update back: they must be there, and the execution roles must see them.

"Auto-Rollback Configuration and Monitoring", SageMaker developer guide. An update takes no steps here, and waits for
nothing: alarms are looked at once, when what is new is up.
"""

from __future__ import annotations

from local_aws import telemetry
from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.models import execution_role
from local_aws.services.sagemaker.state import EndpointConfig, Model, state


def check_rollback_alarms(scope: Scope, config: EndpointConfig, deployment: Parameters | None) -> None:
    """Refuse a deployment that could not be watched.

    Raises
    ------
    ServiceError
        When there is no such alarm, or an execution role may not describe it.
    """
    names = _names(deployment)
    if not names:
        return
    if missing := [name for name in names if telemetry.alarm_state(scope, name) is None]:
        raise validation_error(f"Could not find the alarms of AutoRollbackConfiguration: {', '.join(missing)}.")
    # Variants of inference components have no model: the role is the configuration's own.
    models = dict.fromkeys(variant["ModelName"] for variant in config.variants if "ModelName" in variant)
    owners: list[Model | EndpointConfig] = [state(scope).models.get(name) for name in models]
    for owner in owners or [config]:
        role = execution_role(scope, owner)
        for name in names:
            role.require("cloudwatch:DescribeAlarms", [scope.arn("cloudwatch", f"alarm:{name}")])


def rollback(scope: Scope, deployment: Parameters | None) -> ServiceError | None:
    """Return why the deployment is taken back; None when it is not."""
    for name in _names(deployment):
        if telemetry.alarm_state(scope, name) == "ALARM":
            return validation_error(f"The update was rolled back: alarm {name} is in ALARM.")
    return None


def _names(deployment: Parameters | None) -> list[str]:
    return [alarm["AlarmName"] for alarm in (deployment or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])]
