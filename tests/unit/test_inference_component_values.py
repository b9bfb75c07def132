"""Inference components, their copies and their instances as values: each rule with its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from component_values import specification

from constructs_lib.sagemaker import (
    CopyRollout,
    CopyScaling,
    CopyStepScaling,
    ManagedInstanceScaling,
    ScheduledCopies,
    StepAdjustment,
)
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import InvalidValueError

BUSY = CopyStepScaling(
    name="Busy", metric="InvocationsPerCopy", statistic="Sum", threshold=600, steps=(StepAdjustment(lower=0, change=2),)
)
NIGHT = ScheduledCopies(name="Night", schedule="cron(0 22 * * ? *)", min=0, max=1)


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "less than no instances": (
        lambda: ManagedInstanceScaling(min_instance_count=-1, max_instance_count=0),
        ["'min_instance_count' must be at least 0, got -1", "'max_instance_count' must be at least 1, got 0"],
    ),
    "instances upside down": (
        lambda: ManagedInstanceScaling(min_instance_count=3, max_instance_count=2),
        ["'max_instance_count' must be at least 'min_instance_count' (3), got 2"],
    ),
    "a policy that SageMaker has not": (
        lambda: ManagedInstanceScaling(max_instance_count=2, scale_in_strategy="EAGER"),  # type: ignore[arg-type]
        ["'scale_in_strategy' must be one of IDLE_RELEASE, CONSOLIDATION, got 'EAGER'"],
    ),
    "a policy out of range": (
        lambda: ManagedInstanceScaling(
            max_instance_count=2,
            scale_in_strategy="CONSOLIDATION",
            scale_in_maximum_step_size=101,
            scale_in_cooldown_minutes=1,
        ),
        [
            "'scale_in_maximum_step_size' must be 1 to 100, got 101",
            "'scale_in_cooldown_minutes' must be 5 to 1440 minutes, got 1",
        ],
    ),
    "parts of a policy without one": (
        lambda: ManagedInstanceScaling(max_instance_count=2, scale_in_cooldown_minutes=10),
        ["'scale_in_cooldown_minutes' needs a 'scale_in_strategy'; give 'IDLE_RELEASE' or 'CONSOLIDATION'"],
    ),
    "many models as one": (
        lambda: specification(model=MultiModel(server="pytorch", artifact="s3://their-models/all/")),
        [
            "'model' is of several models or containers, and an inference component serves one; make each a component, or "
            "host them in an endpoint of their own"
        ],
    ),
    "less than no copies": (
        lambda: CopyScaling(min=-1, max=0, invocations_per_copy=1),
        ["'min' must be at least 0, got -1", "'max' must be at least 1, got 0"],
    ),
    "copies upside down": (
        lambda: CopyScaling(min=3, max=2, invocations_per_copy=1),
        ["'max' must be at least 'min' (3), got 2"],
    ),
    "nothing to follow": (
        lambda: CopyScaling(max=2),
        [
            "'invocations_per_copy' is missing; give it, or another thing that the count follows: "
            "max_requests_per_second, concurrent_requests_per_copy, cpu_utilization, gpu_utilization, steps or schedules"
        ],
    ),
    "targets and cool-downs out of range": (
        lambda: CopyScaling(max=2, concurrent_requests_per_copy=0, scale_in_cooldown=-1, scale_out_cooldown=-2),
        [
            "'concurrent_requests_per_copy' must be a finite number above 0, got 0",
            "'scale_in_cooldown' must be at least 0 seconds, got -1",
            "'scale_out_cooldown' must be at least 0 seconds, got -2",
        ],
    ),
    "down to zero without going down": (
        lambda: CopyScaling(min=0, max=2, invocations_per_copy=1, disable_scale_in=True),
        ["'disable_scale_in' keeps the copies from ever going to 0, which 'min' allows; leave one out"],
    ),
    "two targets of one metric": (
        lambda: CopyScaling(max=2, invocations_per_copy=60, max_requests_per_second=2, safety_factor=2),
        [
            "'max_requests_per_second' is given as well as 'invocations_per_copy'; give one of the two",
            "'safety_factor' must be above 0 and at most 1, got 2",
        ],
    ),
    "rules of one name": (
        lambda: CopyScaling(max=2, steps=(BUSY, BUSY), schedules=(NIGHT, NIGHT)),
        [
            "'steps' must each have a name of its own, got 'Busy' 2 times",
            "'schedules' must each have a name of its own, got 'Night' 2 times",
        ],
    ),
    "a step on a metric of instances": (
        lambda: replace(BUSY, metric="CPUUtilization", threshold=float("inf")),  # type: ignore[arg-type]
        [
            "'metric' must be one of Invocations, InvocationsPerCopy, ConcurrentRequestsPerCopy, ModelLatency, "
            "OverheadLatency, CPUUtilizationNormalized, MemoryUtilizationNormalized, GPUUtilizationNormalized, "
            "GPUMemoryUtilizationNormalized, got 'CPUUtilization'",
            "'threshold' must be a finite number, got inf",
        ],
    ),
    "a schedule upside down": (
        lambda: replace(NIGHT, min=-1, max=-2),
        ["'min' must be at least 0, got -1", "'max' must be at least 'min' (-1), got -2"],
    ),
    "a rollout out of range": (
        lambda: CopyRollout(
            step_percent=51,
            step_copies=0,
            wait=3601,
            maximum_execution=599,
            rollback_percent=4,
            max_errors=-1,
            max_model_latency_ms=0,
            alarms=("", "A", "A"),
        ),
        [
            "'step_copies' is given as well as 'step_percent'; give one of the two",
            "'step_percent' must be 5 to 50, got 51",
            "'step_copies' must be at least 1, got 0",
            "'wait' must be 0 to 3600 seconds, got 3601",
            "'maximum_execution' must be 600 to 28800 seconds, got 599",
            "'rollback_percent' must be 5 to 100, got 4",
            "'max_errors' must be at least 0, got -1",
            "'max_model_latency_ms' must be 1 to 60000 milliseconds, got 0",
            "'alarms' must each be the name of an alarm, 1 to 255 characters, got ''",
            "'alarms' has 'A' 2 times; give it once",
        ],
    ),
    "batches of more than half of the copies": (
        lambda: specification(copies=3, rollout=CopyRollout(step_copies=2)),
        [
            "'rollout.step_copies' must be at most half of the copies, of which there are 3, got 2; give 'step_percent', or "
            "more copies"
        ],
    ),
    "sizes out of range": (
        lambda: specification(min_memory_mb=64, max_memory_mb=32, cpu_cores=0.1, accelerators=0, copies=0),
        [
            "'min_memory_mb' must be at least 128, got 64",
            "'max_memory_mb' must be at least 'min_memory_mb' (64), got 32",
            "'cpu_cores' must be at least 0.25, got 0.1",
            "'accelerators' must be at least 1, got 0",
            "'copies' must be at least 1, got 0",
        ],
    ),
    "copies outside of their bounds": (
        lambda: specification(copies=5, autoscaling=CopyScaling(min=0, max=4, invocations_per_copy=1)),
        ["'copies' must be 1 to 4, got 5"],
    ),
    "a property without a name": (
        lambda: specification(overrides={"": 1}),
        [
            "'overrides' has the path '', which must be names of CloudFormation properties and list positions, joined by dots"
        ],
    ),
    "timeouts out of range": (
        lambda: specification(model_data_download_timeout=10, container_startup_timeout=4000),
        [
            "'model_data_download_timeout' must be 60 to 3600 seconds, got 10",
            "'container_startup_timeout' must be 60 to 3600 seconds, got 4000",
        ],
    ),
}


@pytest.mark.parametrize(("make", "messages"), WRONG.values(), ids=WRONG)
def test_fails_with_field_value_and_remedy(make: Callable[[], object], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make()

    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == messages
