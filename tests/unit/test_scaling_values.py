"""The value objects of scaling: what each refuses, word by word, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from constructs_lib.sagemaker import (
    Autoscaling,
    BacklogScaling,
    ProvisionedConcurrencyScaling,
    ScheduledCapacity,
    ServerlessVariant,
    StepAdjustment,
    StepScaling,
)
from constructs_lib.serving.problems import InvalidValueError

REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], list[str]]] = {
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
}


@pytest.mark.parametrize(("make", "values", "messages"), REFUSED.values(), ids=REFUSED)
def test_fails_with_what_is_allowed(make: Callable[..., Any], values: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make(**values)

    assert [str(problem) for problem in caught.value.problems] == messages


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


def test_warm_workers_start_at_the_least_that_scaling_keeps() -> None:
    scaling = ProvisionedConcurrencyScaling(min=2, max=4)

    assert ServerlessVariant(autoscaling=scaling).initial_provisioned_concurrency == 2
    assert ServerlessVariant(autoscaling=scaling, provisioned_concurrency=3).initial_provisioned_concurrency == 3
    assert ServerlessVariant().initial_provisioned_concurrency is None
