"""The scaling guard's function, step by step, and interrupted at every step."""

from __future__ import annotations

import ast
import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_aws import AutoScaling, CloudWatch, ConcurrentUpdateError, ObjectNotFoundError, ParameterStore, SageMaker

from constructs_lib.sagemaker.scaling_guard.handler import index

MAIN = "endpoint/digits/variant/main"
IDENTITY = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": MAIN,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
LARGE, XLARGE = {"main": "ml.c6i.large"}, {"main": "ml.c6i.xlarge"}


class World:
    """An endpoint of one variant that scales, on ml.c6i.large."""

    def __init__(self) -> None:
        self.sagemaker, self.autoscaling = SageMaker(), AutoScaling()
        self.ssm, self.cloudwatch = ParameterStore(), CloudWatch()
        self.slept: list[float] = []
        self.sagemaker.now = dict(LARGE)
        self.autoscaling.register_scalable_target(**IDENTITY, MinCapacity=1, MaxCapacity=4)
        self.put_policy("by-hand")

    def put_policy(self, name: str, kind: str = "TargetTrackingScaling") -> str:
        return str(self.autoscaling.put_scaling_policy(**IDENTITY, PolicyName=name, PolicyType=kind)["PolicyARN"])

    def request(self, action: str, request_type: str = "Update", types: dict[str, str] = XLARGE) -> None:
        properties = {"Action": action, "EndpointName": "digits", "InstanceTypes": types}
        guard = index.Guard(
            sagemaker=self.sagemaker,
            autoscaling=self.autoscaling,
            ssm=self.ssm,
            cloudwatch=self.cloudwatch,
            sleep=self.slept.append,
        )
        guard.handle({"RequestType": request_type, "ResourceProperties": properties})

    def policies(self) -> set[str]:
        return set(self.autoscaling.policies.get(MAIN, {}))


@pytest.fixture
def world() -> World:
    return World()


def test_an_unchanged_variant_stays_registered(world: World) -> None:
    world.request("Release", types=LARGE)

    assert MAIN in world.autoscaling.targets
    assert world.ssm.values == {}


def test_a_changed_variant_is_deregistered_and_comes_back_as_it_was(world: World) -> None:
    world.request("Release")
    assert world.autoscaling.targets == {}

    world.sagemaker.now = XLARGE
    world.request("Restore")

    restored = world.autoscaling.targets[MAIN]
    assert (restored["MinCapacity"], restored["MaxCapacity"]) == (1, 4)
    assert restored["Tags"] == {"of": "target-1"}
    assert world.policies() == {"by-hand"}
    assert world.ssm.values == {}


@pytest.mark.parametrize("action", ["Release", "Restore"])
def test_deleting_release_and_restore_does_nothing(world: World, action: str) -> None:
    world.request(action, "Delete")

    assert MAIN in world.autoscaling.targets


def test_creating_recover_does_nothing(world: World) -> None:
    world.request("Release")
    world.request("Recover", "Create")

    assert world.autoscaling.targets == {}


def test_the_copy_is_there_before_the_target_goes(world: World) -> None:
    world.autoscaling.fails = [RuntimeError("throttled")]

    with pytest.raises(RuntimeError, match="throttled"):
        world.request("Release")

    assert MAIN in world.autoscaling.targets
    assert len(world.ssm.values) == 1
    world.request("Release")
    world.request("Recover", "Delete")
    assert world.policies() == {"by-hand"}
    assert world.ssm.values == {}


def test_a_policy_that_changed_after_an_interruption_comes_back_as_it_is_now(world: World) -> None:
    world.autoscaling.fails = [RuntimeError("throttled")]
    with pytest.raises(RuntimeError, match="throttled"):
        world.request("Release")
    world.put_policy("by-hand", "StepScaling")

    world.request("Release")
    world.sagemaker.now = XLARGE
    world.request("Restore")

    assert world.autoscaling.policies[MAIN]["by-hand"]["PolicyType"] == "StepScaling"


def test_a_restore_that_is_interrupted_can_be_repeated(world: World) -> None:
    world.request("Release")
    world.sagemaker.now = XLARGE
    world.autoscaling.fails = [RuntimeError("throttled")]
    with pytest.raises(RuntimeError, match="throttled"):
        world.request("Restore")
    assert MAIN in world.autoscaling.targets

    world.request("Restore")

    assert world.autoscaling.targets[MAIN]["Tags"] == {"of": "target-1"}
    assert world.policies() == {"by-hand"}


def test_a_restore_that_is_interrupted_is_finished_on_the_way_back(world: World) -> None:
    world.put_policy("second")
    world.request("Release")
    world.sagemaker.now = dict(XLARGE)
    world.autoscaling.fails = [RuntimeError("no capacity to answer")]
    with pytest.raises(RuntimeError, match="no capacity to answer"):
        world.request("Restore")
    assert world.policies() == set()

    world.request("Release", types=LARGE)
    world.sagemaker.now = dict(LARGE)
    world.request("Restore", types=LARGE)

    assert world.policies() == {"by-hand", "second"}


def test_an_endpoint_that_still_updates_is_not_registered_too_early(world: World) -> None:
    """Another resource failed meanwhile, and CloudFormation goes back: the endpoint has two configurations."""
    world.request("Release")
    world.sagemaker.pending = dict(XLARGE)

    world.request("Release", types=LARGE)
    assert world.autoscaling.targets == {}

    world.sagemaker.pending = None
    world.request("Recover", "Delete", types=XLARGE)
    assert world.policies() == {"by-hand"}


def test_policies_of_another_instance_type_are_left_out_and_forgotten_in_the_end(world: World) -> None:
    world.put_policy("invocations-ml.c6i.large-0123abcd")
    world.request("Release")
    world.sagemaker.now = XLARGE

    world.request("Restore")
    world.put_policy("invocations-ml.c6i.xlarge-89abcdef")
    world.autoscaling.register_scalable_target(**IDENTITY, MinCapacity=2, MaxCapacity=8)
    world.request("Recover", "Delete", types=LARGE)

    assert world.policies() == {"by-hand", "invocations-ml.c6i.xlarge-89abcdef"}
    assert world.autoscaling.targets[MAIN]["MaxCapacity"] == 8
    assert world.ssm.values == {}


def test_policies_that_were_left_out_come_back_on_the_way_back(world: World) -> None:
    world.put_policy("invocations-ml.c6i.large-0123abcd")
    world.request("Release")
    world.sagemaker.now = dict(XLARGE)
    world.request("Restore")
    world.put_policy("invocations-ml.c6i.xlarge-89abcdef")

    world.request("Release", types=LARGE)
    world.sagemaker.now = dict(LARGE)
    world.request("Restore", types=LARGE)
    world.request("Recover", "Delete", types=XLARGE)

    assert world.policies() == {"by-hand", "invocations-ml.c6i.large-0123abcd"}
    assert world.ssm.values == {}


def test_a_variant_that_is_gone_is_kept_for_the_way_back_and_forgotten_in_the_end(world: World) -> None:
    world.request("Release", types={"other": "ml.c6i.large"})
    world.sagemaker.now = {"other": "ml.c6i.large"}

    world.request("Restore", types={"other": "ml.c6i.large"})
    assert len(world.ssm.values) == 1

    world.request("Recover", "Delete", types=LARGE)
    assert world.ssm.values == {}
    assert world.autoscaling.targets == {}


def test_an_endpoint_that_is_not_there_needs_nothing(world: World) -> None:
    world.request("Release")
    world.sagemaker.now = None

    world.request("Release", "Create")
    world.request("Recover", "Delete")

    assert world.ssm.values == {}


def test_any_other_error_of_sagemaker_is_one(world: World) -> None:
    world.sagemaker.describe_endpoint = lambda **_: 1 / 0  # type: ignore[method-assign,assignment]

    with pytest.raises(ZeroDivisionError):
        world.request("Release")


def test_a_policy_waits_until_its_target_is_seen(world: World) -> None:
    world.request("Release")
    world.sagemaker.now = XLARGE
    world.autoscaling.fails = [ObjectNotFoundError(), ConcurrentUpdateError()]

    world.request("Restore")

    assert world.slept == [1, 2]
    assert world.policies() == {"by-hand"}


def test_the_alarm_of_a_step_policy_calls_the_new_one(world: World) -> None:
    old = world.put_policy("wake-up", "StepScaling")
    alarm = {
        "AlarmName": "backlog",
        "AlarmArn": "arn",
        "StateValue": "OK",
        "AlarmActions": [old, "topic"],
        "Period": 60,
    }
    world.cloudwatch.alarms = [alarm]
    world.request("Release")
    world.sagemaker.now = XLARGE

    world.request("Restore")

    new = world.autoscaling.policies[MAIN]["wake-up"]["PolicyARN"]
    assert new != old
    assert world.cloudwatch.put == [
        {
            "AlarmName": "backlog",
            "Period": 60,
            "AlarmActions": [new, "topic"],
            "OKActions": [],
            "InsufficientDataActions": [],
        }
    ]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"Schedule": "cron(0 20 * * ? *)"}, {"Schedule"}),
        ({"Schedule": "at(2001-01-01T00:00:00)"}, None),
        ({"Schedule": "at(2029-12-30T23:59:00)"}, None),
        ({"Schedule": "at(2029-12-31T00:01:00)", "Timezone": "Pacific/Honolulu"}, {"Schedule", "Timezone"}),
        ({"Schedule": "rate(1 day)", "EndTime": -1}, None),
        ({"Schedule": "rate(1 day)", "StartTime": -1, "EndTime": 1}, {"Schedule", "EndTime"}),
        ({"Schedule": "rate(1 day)", "StartTime": 1}, {"Schedule", "StartTime"}),
    ],
)
def test_what_lies_in_the_past_is_not_scheduled_again(schedule: dict[str, Any], expected: set[str] | None) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    given = {
        key: (now + timedelta(days=value)).isoformat() if isinstance(value, int) else value
        for key, value in schedule.items()
    }

    found = index._still_to_come(given, now)

    assert (None if found is None else set(found)) == expected


@pytest.mark.parametrize(("failure", "status"), [("", "SUCCESS"), ("ValueError: no such thing", "FAILED")])
def test_cloudformation_is_told(failure: str, status: str) -> None:
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            return

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/answer"
    event = {"ResponseURL": url, "StackId": "stack", "RequestId": "1", "LogicalResourceId": "Release"}

    index.respond(event, failure)
    server.server_close()

    assert received == [
        {
            "Status": status,
            "Reason": failure or "OK",
            "PhysicalResourceId": "Release",
            "StackId": "stack",
            "RequestId": "1",
            "LogicalResourceId": "Release",
        }
    ]


def test_the_function_needs_nothing_but_what_lambda_has() -> None:
    tree = ast.parse(Path(index.__file__).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names == {"boto3", "botocore"}
