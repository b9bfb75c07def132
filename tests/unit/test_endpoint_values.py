"""The value objects of an endpoint: what each refuses, word by word, and what it takes for granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from constructs_lib.sagemaker import (
    AsyncInference,
    DataCapture,
    InstanceVariant,
    Overrides,
    Rollout,
    ServerlessVariant,
)
from constructs_lib.sagemaker.s3_prefixes import split_prefix
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.serving.problems import InvalidValueError

CPU = "ml.c6i.large"
OUT = "s3://their-bucket/out/"
TOKEN = "${Token[TOKEN.1]}"

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
