"""Which endpoint is in which stack, and what is said when one is too large for CloudFormation."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.models import PyTorchModel
from constructs_lib.serving.problems import InvalidValueError
from stacks.assignment import settings_by_stack
from stacks.component_settings import ComponentEndpointSettings, ComponentSettings
from stacks.limits import StackLimitError, check_limits
from stacks.settings import EndpointSettings, Settings

ENDPOINT = EndpointSettings(model=PyTorchModel(artifact="s3://my-models/model.tar.gz"), instance_type="ml.c6i.large")
NAMES = st.sets(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=20)


def placed(names: list[str], stacks: int, **pinned: str) -> dict[str, str]:
    """Give the stack of each endpoint."""
    endpoints = dict.fromkeys(names, ENDPOINT) | {
        name: EndpointSettings(model=ENDPOINT.model, instance_type="ml.c6i.large", stack=stack)
        for name, stack in pinned.items()
    }
    parts = settings_by_stack(Settings(endpoints=endpoints, stacks=stacks))
    return {name: stack for stack, part in parts.items() for name in part.endpoints}


def test_one_stack_has_everything_unless_asked_otherwise() -> None:
    settings = Settings(endpoints={"a": ENDPOINT, "b": ENDPOINT})

    assert settings_by_stack(settings) == {"InferenceStack": settings}


@given(names=NAMES, others=NAMES, stacks=st.integers(1, 1000))
def test_no_endpoint_moves_when_others_come_or_go(names: set[str], others: set[str], stacks: int) -> None:
    before = placed(sorted(names), stacks)
    after = placed(sorted(names | others, reverse=True), stacks)

    assert set(before) == names
    assert before == {name: after[name] for name in names}


def test_the_assignment_is_what_it_was() -> None:
    assert placed(["digits", "ranking", "sentiment", "fraud"], 25) == {
        "digits": "InferenceStack3",
        "ranking": "InferenceStack8",
        "sentiment": "InferenceStack9",
        "fraud": "InferenceStack6",
    }


def test_a_thousand_endpoints_fit_into_twenty_five_stacks() -> None:
    sizes = Counter(placed([f"digits-{number:03d}" for number in range(1, 1001)], 25).values())

    assert len(sizes) == 25
    assert max(sizes.values()) <= 60


def test_an_endpoint_may_be_pinned_to_a_stack() -> None:
    assert placed(["a"], 1, b="Ranking", c="InferenceStack") == {
        "a": "InferenceStack",
        "b": "Ranking",
        "c": "InferenceStack",
    }
    assert placed([], 25, b="InferenceStack9", c="InferenceStack10") == {
        "b": "InferenceStack9",
        "c": "InferenceStack10",
    }


def test_endpoints_of_inference_components_are_spread_like_the_others() -> None:
    component = ComponentSettings(model=PyTorchModel(artifact="s3://my-models/model.tar.gz"), min_memory_mb=512)
    fleet = ComponentEndpointSettings(instance_type="ml.c6i.large", inference_components={"chat": component})
    fleets = {"digits": fleet, "mine": replace(fleet, stack="Mine", inference_components={"other": component})}

    parts = settings_by_stack(
        Settings(endpoints={"fraud": ENDPOINT}, inference_component_endpoints=fleets, stacks=25, dashboard=True)
    )

    assert {stack: [*part.endpoints, *part.inference_component_endpoints] for stack, part in parts.items()} == {
        "InferenceStack3": ["digits"],
        "InferenceStack6": ["fraud"],
        "Mine": ["mine"],
    }
    assert {part.dashboard for part in parts.values()} == {True}


def test_stacks_are_given_in_the_order_of_their_numbers() -> None:
    found = settings_by_stack(Settings(endpoints={f"e{number}": ENDPOINT for number in range(200)}, stacks=12))

    assert list(found) == [f"InferenceStack{number}" for number in range(1, 13)]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"stacks": 0}, "'stacks' must be 1 to 1000, got 0"),
        ({"stacks": 1001}, "'stacks' must be 1 to 1000, got 1001"),
    ],
)
def test_a_number_of_stacks_has_limits(choices: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Settings(endpoints={"a": ENDPOINT}, **choices)  # type: ignore[arg-type]

    assert [str(problem) for problem in caught.value.problems] == [message]


@pytest.mark.parametrize(
    ("stacks", "message"),
    [
        ({"a": "ClusterStack"}, "'endpoints.a.stack' is 'ClusterStack', where a cluster is; choose another name"),
        ({"a": "Team", "b": "team"}, "'endpoints.b.stack' differs from 'Team' in case only; choose another name"),
        (
            {"a": "inferencestack"},
            "'endpoints.a.stack' differs from 'InferenceStack' in case only; choose another name",
        ),
    ],
)
def test_a_stack_has_a_name_of_its_own(stacks: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        placed([], 1, **stacks)

    assert str(raised.value) == f"Settings: {message}"


@pytest.mark.parametrize("stack", ["", "1st", "a_b", "a" * 129])
def test_a_stack_has_a_name_that_cloudformation_takes(stack: str) -> None:
    shape = "a letter, then up to 127 letters, digits and hyphens"
    with pytest.raises(InvalidValueError) as caught:
        EndpointSettings(model=ENDPOINT.model, instance_type="ml.c6i.large", stack=stack)

    assert [str(problem) for problem in caught.value.problems] == [
        f"'stack' must be the name of a stack ({shape}), got '{stack}'"
    ]


def assembly(directory: Path, **templates: dict[str, Any]) -> Path:
    artifacts = {
        name: {"type": "aws:cloudformation:stack", "displayName": name, "properties": {"templateFile": f"{name}.json"}}
        for name in templates
    }
    (directory / "manifest.json").write_text(json.dumps({"artifacts": {**artifacts, "Tree": {"type": "cdk:tree"}}}))
    for name, template in templates.items():
        (directory / f"{name}.json").write_text(json.dumps(template))
    return directory


def test_a_stack_that_fits_is_taken(tmp_path: Path) -> None:
    full: dict[str, Any] = {
        "Resources": {f"R{number}": {} for number in range(500)},
        "Outputs": {f"O{number}": {} for number in range(200)},
    }

    check_limits(assembly(tmp_path, InferenceStack=full, Empty={}))


def test_each_excess_of_each_stack_is_told_with_what_to_do(tmp_path: Path) -> None:
    many: dict[str, Any] = {
        "Resources": {f"R{number}": {} for number in range(501)},
        "Outputs": {f"O{number}": {} for number in range(201)},
    }

    with pytest.raises(StackLimitError) as caught:
        check_limits(assembly(tmp_path, InferenceStack1=many, InferenceStack2={"Description": "x" * 1_000_000}))

    remedy = (
        "; give endpoints that are not deployed yet another 'stack', or raise 'stacks' if none is (some 60 endpoints fit "
        "into one)"
    )
    assert str(caught.value).splitlines() == [
        f"InferenceStack1: the stack has 501 resources, and CloudFormation takes 500{remedy}",
        f"InferenceStack1: the stack has 201 outputs, and CloudFormation takes 200{remedy}",
        f"InferenceStack2: the stack has 1,000,019 bytes, and CloudFormation takes 1,000,000{remedy}",
    ]


@pytest.mark.parametrize("stack", ["ClusterStack", "WorkloadStack"])
def test_a_stack_with_too_many_workloads_is_told_what_makes_it_smaller(tmp_path: Path, stack: str) -> None:
    many: dict[str, Any] = {"Resources": {f"R{number}": {} for number in range(501)}}

    with pytest.raises(StackLimitError) as caught:
        check_limits(assembly(tmp_path, **{stack: many}))

    assert str(caught.value) == (
        f"{stack}: the stack has 501 resources, and CloudFormation takes 500; let workloads share a 'service_account' of "
        "yours that may read their models (one resource for each instead of three), or apply them as YAML from a settings "
        "file of their own (`inference charts`)"
    )
