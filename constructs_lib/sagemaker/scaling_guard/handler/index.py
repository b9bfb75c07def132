"""Deregister an endpoint's scalable targets while CloudFormation updates it, and register them again.

SageMaker refuses to change the instance type of a variant, or to remove it, while it is a scalable target
("Update endpoints that use auto scaling", SageMaker developer guide). One function serves three custom resources:

``Release``
    Before the endpoint. Keeps a copy of every target in the way, with its policies and scheduled actions, and
    deregisters it. It looks at the endpoint, not at the old properties, so that it does the same on the way back.
``Restore``
    Between the endpoint and CloudFormation's own scalable targets. Registers what was kept for the variants that the
    endpoint has now; the copies of others stay for a way back.
``Recover``
    Acts only when it is deleted, which is after everything else of an update or of its rollback. Registers what
    nobody has put back by then, and forgets the copies of variants that are gone.

The copies are in Parameter Store: nothing that CloudFormation hands from one request to the next survives a rollback.
A copy is made before the target is deregistered and deleted after it is registered, so any step can be repeated.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

_NAMESPACE = "sagemaker"
_PATH = "/inference-constructs/scaling-guard"
_IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_TARGET = (*_IDENTITY, "MinCapacity", "MaxCapacity", "SuspendedState")
_POLICY = (
    *_IDENTITY,
    "PolicyName",
    "PolicyType",
    "StepScalingPolicyConfiguration",
    "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScalingPolicyConfiguration",
)
_SCHEDULE = (
    *_IDENTITY,
    "ScheduledActionName",
    "Schedule",
    "Timezone",
    "StartTime",
    "EndTime",
    "ScalableTargetAction",
)
# The names of the policies of a guarded endpoint: …-INSTANCE_TYPE-DIGEST.
_GUARDED = re.compile(r".+?-(ml\..+|)-[0-9a-f]{8}")
# What DescribeAlarms gives and PutMetricAlarm does not take.
_ALARM_STATE = re.compile(r"State.*|AlarmArn|.*Timestamp|EvaluationState")

Json = dict[str, Any]


class Guard:
    """The three steps, with the clients that they use."""

    def __init__(
        self,
        *,
        sagemaker: Any,
        autoscaling: Any,
        ssm: Any,
        cloudwatch: Any,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._sagemaker, self._autoscaling, self._ssm, self._cloudwatch = sagemaker, autoscaling, ssm, cloudwatch

    def handle(self, event: Json) -> None:
        """Do what a request of CloudFormation asks for."""
        properties = event["ResourceProperties"]
        endpoint, deleted = properties["EndpointName"], event["RequestType"] == "Delete"
        if properties["Action"] == "Release" and not deleted:
            self.release(endpoint, properties["InstanceTypes"])
        elif properties["Action"] == "Restore" and not deleted:
            self.restore(endpoint, properties["InstanceTypes"], finally_=False)
        elif properties["Action"] == "Recover" and deleted:
            self.restore(endpoint, None, finally_=True)

    def release(self, endpoint: str, wanted: Json) -> None:
        """Deregister the targets of the variants that are about to go, or to change their instance type."""
        for name, instance_types in self._variants(endpoint).items():
            if instance_types != {wanted.get(name)}:
                for target in self._targets(endpoint, name):
                    self._save(target)
                    self._autoscaling.deregister_scalable_target(**_only(_IDENTITY, target))

    def restore(self, endpoint: str, wanted: Json | None, *, finally_: bool) -> None:
        """Register the kept targets of the variants that the endpoint has.

        Of CloudFormation's own policies those are left out that are made for another instance type than is wanted: it
        creates others in their place. None leaves out those for another type than the endpoint has by now.
        """
        variants = self._variants(endpoint)
        for parameter, kept in list(self._saved(endpoint)):
            name = _variant_of(kept["Target"])
            left_out: Json = {}
            if name in variants and not kept.get("Restored"):
                left_out = self._register(kept, variants[name] if wanted is None else {wanted.get(name, "")})
            elif not finally_:
                continue
            if left_out and not finally_:  # a way back needs them
                self._put(parameter, {**kept, "Policies": left_out, "Schedules": {}, "Restored": True})
            else:
                self._ssm.delete_parameter(Name=parameter)

    def _variants(self, endpoint: str) -> dict[str, set[str]]:
        """Give the instance types of each variant, of the present configuration and of one that is being rolled out."""
        try:
            described = self._sagemaker.describe_endpoint(EndpointName=endpoint)
        except Exception as error:
            if "Could not find" in str(error):  # SageMaker's ValidationException has no code of its own
                return {}
            raise
        pending = described.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
        found: dict[str, set[str]] = {}
        configs = {described["EndpointConfigName"], pending or described["EndpointConfigName"]}
        for config in configs:
            variants = self._sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
            for variant in variants:
                found.setdefault(variant["VariantName"], set()).add(variant.get("InstanceType", ""))
        return found

    def _targets(self, endpoint: str, variant: str) -> list[Json]:
        resource = f"endpoint/{endpoint}/variant/{variant}"
        return self._described("describe_scalable_targets", "ScalableTargets", ResourceIds=[resource])

    def _described(self, operation: str, key: str, **parameters: Any) -> list[Json]:
        pages = self._autoscaling.get_paginator(operation).paginate(ServiceNamespace=_NAMESPACE, **parameters)
        return [item for page in pages for item in page[key]]

    def _save(self, target: Json) -> None:
        of_target = {name: target[name] for name in ("ResourceId", "ScalableDimension")}
        policies = self._described("describe_scaling_policies", "ScalingPolicies", **of_target)
        schedules = self._described("describe_scheduled_actions", "ScheduledActions", **of_target)
        kept = {
            "Target": _only(_TARGET, target),
            "Tags": self._autoscaling.list_tags_for_resource(ResourceARN=target["ScalableTargetARN"])["Tags"],
            "Policies": {item["PolicyName"]: _only((*_POLICY, "PolicyARN"), item) for item in policies},
            "Schedules": {item["ScheduledActionName"]: _only(_SCHEDULE, item) for item in schedules},
        }
        resource, dimension = target["ResourceId"].split("/"), target["ScalableDimension"].rpartition(":")[2]
        name = f"{_PATH}/{resource[1]}/{resource[3]}/{dimension}"
        before = dict(self._saved(resource[1])).get(name)
        if before:  # the step was interrupted: what is registered is newer, what is not was still to be registered
            for part in ("Policies", "Schedules"):
                kept[part] = before[part] | kept[part]
        self._put(name, kept)

    def _put(self, name: str, kept: Json) -> None:
        text = json.dumps(kept, default=lambda moment: moment.isoformat(), separators=(",", ":"))
        self._ssm.put_parameter(Name=name, Value=text, Type="String", Overwrite=True, Tier="Intelligent-Tiering")

    def _saved(self, endpoint: str) -> Iterator[tuple[str, Json]]:
        pages = self._ssm.get_paginator("get_parameters_by_path").paginate(Path=f"{_PATH}/{endpoint}", Recursive=True)
        for page in pages:
            for parameter in page["Parameters"]:
                yield parameter["Name"], json.loads(parameter["Value"])

    def _register(self, kept: Json, instance_types: set[str]) -> Json:
        """Register a target with its policies and scheduled actions, and return the policies that are left out."""
        target = kept["Target"]
        present = self._described(
            "describe_scalable_targets",
            "ScalableTargets",
            ResourceIds=[target["ResourceId"]],
            ScalableDimension=target["ScalableDimension"],
        )
        tags = {} if present or not kept["Tags"] else {"Tags": kept["Tags"]}  # a present target takes no tags
        self._patiently(self._autoscaling.register_scalable_target, **target, **tags)
        left_out = {}
        for name, policy in kept["Policies"].items():
            made_for = _GUARDED.fullmatch(name)
            if made_for and made_for[1] not in instance_types:
                left_out[name] = policy
                continue
            arn = self._patiently(self._autoscaling.put_scaling_policy, **_only(_POLICY, policy))["PolicyARN"]
            if policy["PolicyType"] == "StepScaling":
                self._redirect_alarms(policy["PolicyARN"], arn)
        for schedule in kept["Schedules"].values():
            if action := _still_to_come(schedule, datetime.now(UTC)):
                self._patiently(self._autoscaling.put_scheduled_action, **action)
        return left_out

    def _patiently(self, call: Callable[..., Json], **parameters: Any) -> Json:
        """Call again while Application Auto Scaling is busy with a target, or does not see a new one yet."""
        exceptions = self._autoscaling.exceptions
        for seconds in (1, 2, 4, 8, 16):
            try:
                return call(**parameters)
            except (exceptions.ObjectNotFoundException, exceptions.ConcurrentUpdateException):
                self._sleep(seconds)
        return call(**parameters)

    def _redirect_alarms(self, old: str, new: str) -> None:
        """Let the alarms of a step policy call the one that took its place, which has another ARN."""
        if old == new:
            return
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(ActionPrefix=old)
        for alarm in [alarm for page in pages for alarm in page.get("MetricAlarms", [])]:
            settings = {name: value for name, value in alarm.items() if not _ALARM_STATE.fullmatch(name)}
            for kind in ("AlarmActions", "OKActions", "InsufficientDataActions"):
                settings[kind] = [new if action == old else action for action in alarm.get(kind, [])]
            self._cloudwatch.put_metric_alarm(**settings)


def handler(event: Json, context: Any) -> None:
    """Answer one request of CloudFormation; whatever goes wrong becomes the reason of the resource's failure."""
    import boto3
    from botocore.config import Config

    print(json.dumps({key: value for key, value in event.items() if key != "ResponseURL"}))
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 6})
    failure = ""
    try:
        guard = Guard(
            sagemaker=boto3.client("sagemaker", config=config),
            autoscaling=boto3.client("application-autoscaling", config=config),
            ssm=boto3.client("ssm", config=config),
            cloudwatch=boto3.client("cloudwatch", config=config),
        )
        guard.handle(event)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        print(failure)
    respond(event, failure)


def respond(event: Json, failure: str) -> None:
    """Tell CloudFormation how it went."""
    answer = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure[:1000] or "OK",
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - CloudFormation's own address
        pass


def _only(names: tuple[str, ...], described: Json) -> Json:
    return {name: described[name] for name in names if name in described}


def _variant_of(target: Json) -> str:
    return str(target["ResourceId"].rpartition("/")[2])


def _still_to_come(schedule: Json, now: datetime) -> Json | None:
    """Drop what lies in the past, which cannot be registered: a start, or the whole action."""
    moments = {key: datetime.fromisoformat(schedule[key]) for key in ("StartTime", "EndTime") if key in schedule}
    once = re.fullmatch(r"at\((.+)\)", schedule["Schedule"])
    if ("EndTime" in moments and moments["EndTime"] <= now) or (
        # In a time zone of its own it may be up to a day later.
        once and (now - datetime.fromisoformat(once[1]).replace(tzinfo=UTC)).total_seconds() > (24 * 3600)
    ):
        return None
    past_start = "StartTime" in moments and moments["StartTime"] <= now
    return {name: value for name, value in schedule.items() if not (past_start and name == "StartTime")}
