"""The value objects of an endpoint: what each refuses, word by word, and what it takes for granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from constructs_lib.sagemaker import (
    AsyncInference,
    Autoscaling,
    BacklogScaling,
    DataCapture,
    InstanceVariant,
    Overrides,
    ProvisionedConcurrencyScaling,
    Rollout,
    ScheduledCapacity,
    ServerlessVariant,
    StepAdjustment,
    StepScaling,
)
from constructs_lib.sagemaker.s3_prefixes import split_prefix
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.serving.problems import InvalidValueError

CPU = "ml.c6i.large"
OUT = "s3://their-bucket/out/"
TOKEN = "${Token[TOKEN.1]}"
STEP = StepAdjustment(lower=0, change=1)

REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], list[str]]] = {
    "variant ranges": (
        InstanceVariant,
        {
            "instance_type": CPU,
            "model_data_download_timeout": 59,
            "container_startup_timeout": 3601,
            "instance_provision_timeout": 299,
            "volume_size_gb": 513,
        },
        [
            "'model_data_download_timeout' must be 60 to 3600 seconds, got 59",
            "'container_startup_timeout' must be 60 to 3600 seconds, got 3601",
            "'instance_provision_timeout' must be 300 to 3600 seconds, got 299",
            "'volume_size_gb' must be 1 to 512 GB, got 513",
        ],
    ),
    "core dumps": (
        InstanceVariant,
        {"instance_type": CPU, "core_dumps": "/var/dumps"},
        ["'core_dumps' must look like 's3://BUCKET/PREFIX', got '/var/dumps'"],
    ),
    "variant choices": (
        InstanceVariant,
        {"instance_type": CPU, "routing_strategy": "NEAREST"},
        ["'routing_strategy' must be one of LEAST_OUTSTANDING_REQUESTS, RANDOM, PREFIX_AWARE, got 'NEAREST'"],
    ),
    "serverless sizes": (
        ServerlessVariant,
        {"memory_size_mb": 1500, "max_concurrency": 201, "provisioned_concurrency": 0},
        [
            "'memory_size_mb' must be one of 1024, 2048, 3072, 4096, 5120, 6144, got 1500",
            "'max_concurrency' must be 1 to 200, got 201",
            "'provisioned_concurrency' must be 1 to 200, got 0",
        ],
    ),
    "serverless scaling past the limit": (
        ServerlessVariant,
        {
            "max_concurrency": 5,
            "provisioned_concurrency": 6,
            "autoscaling": ProvisionedConcurrencyScaling(min=7, max=8),
        },
        [
            "'provisioned_concurrency' must be at most 'max_concurrency' (5), got 6",
            "'autoscaling.max' must be at most 'max_concurrency' (5), got 8",
            "'provisioned_concurrency' must be between 'autoscaling.min' (7) and 'autoscaling.max' (8), got 6",
        ],
    ),
    "provisioned concurrency": (
        ProvisionedConcurrencyScaling,
        {"min": 0, "max": 201, "utilization": 70, "scale_in_cooldown": -1},
        [
            "'min' must be 1 to 200, got 0",
            "'max' must be 1 to 200, got 201",
            "'utilization' must be above 0 and at most 1, got 70",
            "'scale_in_cooldown' must be at least 0 seconds, got -1",
        ],
    ),
    "backlog": (
        BacklogScaling,
        {"min": -1, "max": 0, "backlog_per_instance": float("inf")},
        [
            "'min' must be at least 0, got -1",
            "'max' must be at least 1, got 0",
            "'backlog_per_instance' must be a finite number above 0, got inf",
        ],
    ),
    "asynchronous addresses": (
        AsyncInference,
        {
            "output": "their-bucket/out",
            "failure": "s3://Their_Bucket/",
            "input": TOKEN,
            "success_topic": "my-topic",
            "max_concurrent_invocations_per_instance": 1001,
            "kms_key_arn": "alias/mine",
        },
        [
            "'output' must look like 's3://BUCKET/PREFIX', got 'their-bucket/out'",
            "'failure' must look like 's3://BUCKET/PREFIX', where BUCKET has 3 to 63 lower-case letters, digits, dots and "
            "hyphens, got 's3://Their_Bucket/'",
            f"'input' must look like 's3://BUCKET/PREFIX', got '{TOKEN}'; write 's3://' in front of the token of the "
            "bucket's name",
            "'success_topic' must look like 'arn:aws:sns:REGION:ACCOUNT:TOPIC', got 'my-topic'",
            "'max_concurrent_invocations_per_instance' must be 1 to 1000, got 1001",
            "'kms_key_arn' must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'alias/mine'",
        ],
    ),
    "an address that is too long": (
        AsyncInference,
        {"output": f"s3://their-bucket/{'x' * 500}"},
        ["'output' is 518 characters long; SageMaker takes at most 512"],
    ),
    "capture": (
        DataCapture,
        {
            "destination": OUT,
            "sampling_percentage": 101,
            "capture": "Both",
            "csv_content_types": tuple(f"text/{number}" for number in range(11)),
        },
        [
            "'sampling_percentage' must be 0 to 100, got 101",
            "'capture' must be one of Input, Output, InputAndOutput, got 'Both'",
            "'csv_content_types' must be at most 10, got 11",
        ],
    ),
    "rollout of another kind": (
        Rollout,
        {"strategy": "slow"},
        ["'strategy' must be one of all_at_once, canary, linear, rolling, got 'slow'"],
    ),
    "rollout in one step": (
        Rollout,
        {"strategy": "all_at_once", "step_percent": 5, "rollback_percent": 50},
        [
            "'step_percent' means nothing for 'all_at_once', which has one step; leave it out",
            "'rollback_percent' means nothing for 'all_at_once'; leave it out",
        ],
    ),
    "canary": (
        Rollout,
        {"strategy": "canary", "step_percent": 51, "step_instances": 0},
        [
            "'step_instances' is given as well as 'step_percent'; give one of the two",
            "'step_percent' must be 1 to 50, got 51",
            "'step_instances' must be at least 1, got 0",
        ],
    ),
    "linear": (Rollout, {"strategy": "linear", "step_percent": 9}, ["'step_percent' must be 10 to 50, got 9"]),
    "rolling": (
        Rollout,
        {"strategy": "rolling", "step_percent": 4, "termination_wait": 0, "rollback_percent": 101},
        [
            "'step_percent' must be 5 to 50, got 4",
            "'termination_wait' means nothing for 'rolling', which has no second fleet; leave it out",
            "'rollback_percent' must be 5 to 100, got 101",
        ],
    ),
    "rollout times": (
        Rollout,
        {"strategy": "canary", "wait": 3601, "termination_wait": -1, "maximum_execution": 599, "max_errors": -1},
        [
            "'wait' must be 0 to 3600 seconds, got 3601",
            "'termination_wait' must be 0 to 3600 seconds, got -1",
            "'maximum_execution' must be 600 to 28800 seconds, got 599",
            "'max_errors' must be at least 0, got -1",
        ],
    ),
    "rollout alarms": (
        Rollout,
        {"strategy": "canary", "alarms": ("a", "a", " ")},
        [
            "'alarms' must each be the name of an alarm, 1 to 255 characters, got ' '",
            "'alarms' has 'a' 2 times; give it once",
        ],
    ),
    "too many alarms": (
        Rollout,
        {"strategy": "canary", "alarms": tuple(f"a{number}" for number in range(11))},
        ["'alarms' must be at most 10, got 11"],
    ),
    "nothing to follow": (
        Autoscaling,
        {"max": 2},
        [
            "'invocations_per_instance' is missing; give it, or another thing that the count follows: "
            "max_requests_per_second, concurrent_requests_per_model, cpu_utilization, gpu_utilization, steps or schedules"
        ],
    ),
    "no part of the highest rate": (
        Autoscaling,
        {"max": 2, "max_requests_per_second": 2, "safety_factor": 0},
        ["'safety_factor' must be above 0 and at most 1, got 0"],
    ),
    "two targets of one metric": (
        Autoscaling,
        {"max": 2, "invocations_per_instance": 60, "max_requests_per_second": 2, "safety_factor": 1.5},
        [
            "'max_requests_per_second' is given as well as 'invocations_per_instance'; give one of the two",
            "'safety_factor' must be above 0 and at most 1, got 1.5",
        ],
    ),
    "targets out of range": (
        Autoscaling,
        {"max": 2, "concurrent_requests_per_model": 0, "cpu_utilization": -1, "gpu_utilization": float("nan")},
        [
            "'concurrent_requests_per_model' must be a finite number above 0, got 0",
            "'cpu_utilization' must be a finite number above 0, got -1",
            "'gpu_utilization' must be a finite number above 0, got nan",
        ],
    ),
    "two schedules of one name": (
        Autoscaling,
        {"max": 2, "schedules": (ScheduledCapacity(name="A", schedule="rate(1 hour)", min=1, max=2),) * 2},
        ["'schedules' must each have a name of its own, got 'A' 2 times"],
    ),
    "schedule": (
        ScheduledCapacity,
        {"name": "every day", "schedule": "0 8 * * *", "min": 0, "max": -1},
        [
            "'name' must be 1 to 63 letters and digits, got 'every day'",
            "'schedule' must look like 'cron(0 8 ? * MON-FRI *)', 'rate(1 hour)' or 'at(2030-01-31T08:00:00)', got "
            "'0 8 * * *'",
            "'min' must be at least 1 for a real-time endpoint, got 0",
            "'max' must be at least 'min' (0), got -1",
        ],
    ),
    "a step without bounds": (
        StepAdjustment,
        {"change": 1},
        ["'lower' and 'upper' are both missing; give at least one of them, such as 'lower: 0'"],
    ),
    "a step upside down": (
        StepAdjustment,
        {"change": 1, "lower": 2.0, "upper": 1.0},
        ["'upper' must be above 'lower' (2.0), got 1.0"],
    ),
    "a step without width": (
        StepAdjustment,
        {"change": 1, "lower": 2.0, "upper": 2.0},
        ["'upper' must be above 'lower' (2.0), got 2.0"],
    ),
    "steps after one without end": (
        StepScaling,
        {
            "name": "Busy",
            "metric": "CPUUtilization",
            "threshold": 80,
            "steps": (StepAdjustment(lower=0, change=1), StepAdjustment(lower=20, change=2)),
        },
        ["'steps' must touch each other: one ends at no bound, the next begins at 20"],
    ),
    "steps with a gap": (
        StepScaling,
        {
            "name": "Busy",
            "metric": "CPUUtilization",
            "threshold": 80,
            "steps": (StepAdjustment(lower=0, upper=10, change=1), StepAdjustment(lower=20, change=2)),
        },
        ["'steps' must touch each other: one ends at 10, the next begins at 20"],
    ),
    "no steps": (
        StepScaling,
        {"name": "Busy", "metric": "Load", "threshold": float("inf"), "steps": (), "cooldown": -1},
        [
            "'metric' must be one of Invocations, InvocationsPerInstance, ModelLatency, OverheadLatency, CPUUtilization, "
            "MemoryUtilization, DiskUtilization, GPUUtilization, GPUMemoryUtilization, got 'Load'",
            "'threshold' must be a finite number, got inf",
            "'cooldown' must be at least 0 seconds, got -1",
            "'steps' is empty; give at least one step, such as {lower: 0, change: 1}",
        ],
    ),
    "overrides": (
        Overrides,
        {"endpoint": {"Tags[0]": "x"}},
        [
            "'endpoint' has the path 'Tags[0]', which must be names of CloudFormation properties and list positions, "
            "joined by dots"
        ],
    ),
}


@pytest.mark.parametrize(("make", "values", "messages"), REFUSED.values(), ids=REFUSED)
def test_fails_with_what_is_allowed(make: Callable[..., Any], values: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make(**values)

    assert [str(problem) for problem in caught.value.problems] == messages


def test_tokens_pass_unchecked() -> None:
    AsyncInference(output=f"s3://{TOKEN}/out", success_topic=TOKEN, kms_key_arn=TOKEN)
    Rollout(strategy="canary", alarms=(TOKEN,))
    DataCapture(destination=f"s3://{TOKEN}")


def test_steps_may_be_given_in_any_order() -> None:
    middle, above = StepAdjustment(lower=0, upper=10, change=1), StepAdjustment(lower=10, change=2)
    steps = (above, StepAdjustment(upper=0, change=-1), middle)

    assert StepScaling(name="Busy", metric="CPUUtilization", threshold=80, steps=steps).steps == steps


def test_the_highest_rate_becomes_a_target_of_invocations_in_a_minute() -> None:
    assert Autoscaling(max=2, max_requests_per_second=20).target_invocations == 600
    assert Autoscaling(max=2, max_requests_per_second=20, safety_factor=0.8).target_invocations == 960
    assert Autoscaling(max=2, max_requests_per_second=20, safety_factor=1).target_invocations == 1200
    assert Autoscaling(max=2, invocations_per_instance=60).target_invocations == 60
    assert Autoscaling(max=2, cpu_utilization=60).target_invocations is None


@pytest.mark.parametrize(
    ("rollout", "step"),
    [
        (Rollout(strategy="all_at_once"), None),
        (Rollout(strategy="canary"), ("CAPACITY_PERCENT", 10)),
        (Rollout(strategy="linear"), ("CAPACITY_PERCENT", 25)),
        (Rollout(strategy="rolling", step_percent=5), ("CAPACITY_PERCENT", 5)),
        (Rollout(strategy="rolling", step_instances=2), ("INSTANCE_COUNT", 2)),
    ],
)
def test_a_rollout_has_a_step_unless_it_is_all_at_once(rollout: Rollout, step: tuple[str, int] | None) -> None:
    assert rollout.step == step


def test_warm_workers_start_at_the_least_that_scaling_keeps() -> None:
    scaling = ProvisionedConcurrencyScaling(min=2, max=4)

    assert ServerlessVariant(autoscaling=scaling).initial_provisioned_concurrency == 2
    assert ServerlessVariant(autoscaling=scaling, provisioned_concurrency=3).initial_provisioned_concurrency == 3
    assert ServerlessVariant().initial_provisioned_concurrency is None


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://b", ("b", "")),
        ("s3://b/", ("b", "")),
        ("s3://b/a/c", ("b", "a/c/")),
        ("s3://b/a/c/", ("b", "a/c/")),
    ],
)
def test_a_prefix_ends_where_its_folder_does(uri: str, place: tuple[str, str]) -> None:
    assert split_prefix(uri) == place


def test_fails_for_tags_that_aws_does_not_take() -> None:
    tags = {"": "empty", "k" * 129: "", "AWS:x": "", "long": "v" * 257}

    assert [str(problem) for problem in tag_problems(tags)] == [
        "'tags' must have keys of 1 to 128 characters, got '' (0)",
        f"'tags' must have keys of 1 to 128 characters, got '{'k' * 129}' (129)",
        "'tags' has 'AWS:x', but keys that begin with 'aws:' are AWS's own; choose another key",
        "'tags.long' must have at most 256 characters, got 257",
    ]
    assert [str(problem) for problem in tag_problems({f"k{number}": "" for number in range(51)})] == [
        "'tags' must be at most 50, got 51"
    ]
