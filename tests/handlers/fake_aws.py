"""What the scaling guard's function calls, in memory: as much of each service as it uses."""

# ruff: noqa: N803 - boto3's own names of the parameters

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class ObjectNotFoundError(Exception):
    pass


class ConcurrentUpdateError(Exception):
    pass


class _Exceptions:
    ObjectNotFoundException = ObjectNotFoundError
    ConcurrentUpdateException = ConcurrentUpdateError


class _Pages:
    def __init__(self, operation: Callable[..., Json]) -> None:
        self._operation = operation

    def paginate(self, **parameters: Any) -> list[Json]:
        return [self._operation(**parameters)]


class _Client:
    def get_paginator(self, operation: str) -> _Pages:
        return _Pages(getattr(self, operation))


class SageMaker:
    """Endpoints: instance types by variant, of the present configuration and of the one being rolled out."""

    def __init__(self) -> None:
        self.now: dict[str, str] | None = {}
        self.pending: dict[str, str] | None = None

    def describe_endpoint(self, EndpointName: str) -> Json:
        if self.now is None:
            raise ValueError(f'Could not find endpoint "{EndpointName}".')
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": "pending"}} if self.pending else {}
        return {"EndpointConfigName": "now", **pending}

    def describe_endpoint_config(self, EndpointConfigName: str) -> Json:
        variants = (self.now if EndpointConfigName == "now" else self.pending) or {}
        return {"ProductionVariants": [{"VariantName": key, "InstanceType": kind} for key, kind in variants.items()]}


class AutoScaling(_Client):
    """Scalable targets, each with its policies and scheduled actions."""

    exceptions = _Exceptions()

    def __init__(self) -> None:
        self.targets: dict[str, Json] = {}
        self.policies: dict[str, dict[str, Json]] = {}
        self.schedules: dict[str, dict[str, Json]] = {}
        self.fails: list[Exception] = []
        self._numbers = itertools.count(1)

    def _fail(self) -> None:
        if self.fails:
            raise self.fails.pop(0)

    def register_scalable_target(self, **request: Any) -> Json:
        assert "Tags" not in request or request["ResourceId"] not in self.targets, "a registered target takes no tags"
        number = next(self._numbers)
        present = self.targets.get(request["ResourceId"], {"ScalableTargetARN": f"target-{number}"})
        self.targets[request["ResourceId"]] = present | request
        self.policies.setdefault(request["ResourceId"], {})
        self.schedules.setdefault(request["ResourceId"], {})
        return {}

    def deregister_scalable_target(self, ServiceNamespace: str, ResourceId: str, ScalableDimension: str) -> Json:
        self._fail()
        for held in (self.targets, self.policies, self.schedules):
            del held[ResourceId]
        return {}

    def put_scaling_policy(self, **request: Any) -> Json:
        self._fail()
        arn = f"policy-{next(self._numbers)}"
        self.policies[request["ResourceId"]][request["PolicyName"]] = request | {"PolicyARN": arn}
        return {"PolicyARN": arn}

    def put_scheduled_action(self, **request: Any) -> Json:
        self.schedules[request["ResourceId"]][request["ScheduledActionName"]] = request
        return {}

    def describe_scalable_targets(self, ResourceIds: list[str], **_: Any) -> Json:
        return {"ScalableTargets": [target for name, target in self.targets.items() if name in ResourceIds]}

    def describe_scaling_policies(self, ResourceId: str, **_: Any) -> Json:
        return {"ScalingPolicies": list(self.policies[ResourceId].values())}

    def describe_scheduled_actions(self, ResourceId: str, **_: Any) -> Json:
        return {"ScheduledActions": list(self.schedules[ResourceId].values())}

    def list_tags_for_resource(self, ResourceARN: str) -> Json:
        return {"Tags": {"of": ResourceARN}}


class ParameterStore(_Client):
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def put_parameter(self, Name: str, Value: str, **_: Any) -> None:
        self.values[Name] = Value

    def delete_parameter(self, Name: str) -> None:
        del self.values[Name]

    def get_parameters_by_path(self, Path: str, Recursive: bool) -> Json:
        found = [{"Name": name, "Value": value} for name, value in self.values.items() if name.startswith(f"{Path}/")]
        return {"Parameters": found}


class CloudWatch(_Client):
    def __init__(self) -> None:
        self.alarms: list[Json] = []
        self.put: list[Json] = []

    def describe_alarms(self, ActionPrefix: str) -> Json:
        return {"MetricAlarms": [alarm for alarm in self.alarms if ActionPrefix in alarm["AlarmActions"]]}

    def put_metric_alarm(self, **request: Any) -> None:
        self.put.append(request)
