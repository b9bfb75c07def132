"""What can go wrong while a job is deployed: each time there is one job or none left, and the event tells the truth."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError
from fake_jobs import Fault, lost_answer, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from job_faults import NEO, NO_ROLE, THROTTLED, Json, begin, status
from provider_framework import INTERVAL, OTHER, Answer, World

from constructs_lib.jobs.handler import index

PASSING = [
    THROTTLED,
    refusal("InternalFailure", "internal error", status=500),
    refusal("ServiceUnavailable", status=503),
    EndpointConnectionError(endpoint_url="https://api.sagemaker"),
    ConnectionResetError(),
    refusal("AccessDeniedException", "User is not authorized to perform: sagemaker:CreateCompilationJob"),
    NO_ROLE,
]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("late", [0, INTERVAL, 600])
def test_an_event_delivered_twice_makes_one_job(world: World, late: int) -> None:
    event = world.event("Create", NEO)
    first = world.begin(event)
    world.clock.now += late
    second = world.begin(event)

    assert world.settle(first) == world.settle(second)
    assert len(world.sagemaker.jobs) == 1


@pytest.mark.parametrize("call", ["create", "describe"])
@pytest.mark.parametrize("error", PASSING, ids=lambda error: f"{type(error).__name__}: {error}"[:60])
def test_what_passes_is_waited_out_while_the_job_is_made(world: World, call: str, error: Exception) -> None:
    world.sagemaker.faults[call] = [Fault(error)] * 3

    answer = world.create(NEO)

    assert answer.status == "SUCCESS"
    assert list(world.sagemaker.jobs) == [answer.data["JobName"]]


def test_throttling_while_the_job_runs_is_waited_out(world: World) -> None:
    world.sagemaker.duration = 1200
    waiting = begin(world)
    world.clock.now += 600
    world.sagemaker.faults["describe"] = [Fault(THROTTLED)] * 50

    assert world.settle(waiting).status == "SUCCESS"


def test_throttling_while_the_job_is_stopped_is_waited_out(world: World) -> None:
    world.sagemaker.duration = 3000
    waiting = begin(world)
    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO
    world.sagemaker.faults["stop"] = [Fault(THROTTLED)] * 9

    assert world.delete().status == "SUCCESS"
    assert status(world) == "Stopped"


def test_throttling_that_does_not_end_is_the_reason(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(THROTTLED)] * 99

    answer = world.create(NEO)

    assert answer.status == "FAILED"
    assert "could not be started: An error occurred (ThrottlingException)" in answer.reason
    assert world.sagemaker.jobs == {}


def test_an_answer_that_is_lost_makes_no_second_job(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(lost_answer(), done=True)]

    assert world.create(NEO).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


def test_a_call_that_is_repeated_and_then_refused_has_made_its_job(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(refusal("ResourceLimitExceeded", "the limit is 1"), done=True)]

    assert world.create(NEO).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


def test_a_job_is_not_made_long_after_its_request(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(THROTTLED)]
    waiting = begin(world)
    world.clock.now += index.START_WITHIN + 1

    answer = world.settle(waiting)

    assert "is not there: it could not be started, or somebody deleted it" in answer.reason
    assert world.sagemaker.jobs == {}


def test_a_job_made_by_a_lost_call_is_stopped_when_everything_else_fails(world: World) -> None:
    world.sagemaker.visible_after, world.sagemaker.duration = 40, 3000
    world.sagemaker.faults["create"] = [
        Fault(lost_answer(), done=True),
        Fault(refusal("ResourceLimitExceeded", "The account-level service limit is 1")),
    ]

    answer = world.create(NEO)

    assert "The account-level service limit is 1" in answer.reason
    assert status(world) == "Stopped"


def test_a_job_that_fails_is_the_reason_and_is_not_made_again(world: World) -> None:
    world.sagemaker.outcome = "Failed"

    answer = world.create(NEO)

    assert "the archive has no model" in answer.reason
    assert len(world.sagemaker.jobs) == 1


def test_a_job_that_somebody_stops_is_told_as_stopped(world: World) -> None:
    waiting = begin(world)
    world.sagemaker.stop_compilation_job(CompilationJobName=waiting["PhysicalResourceId"])

    answer = world.settle(waiting)

    assert answer.status == "FAILED"
    assert "ended as STOPPING: no reason is given" in answer.reason


def test_a_stop_that_comes_when_the_job_has_just_completed_is_no_error(world: World) -> None:
    waiting = begin(world)
    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO

    def complete(operation: str) -> None:
        if operation.startswith("stop"):
            world.clock.now += 60

    world.sagemaker.before_call = complete

    assert world.delete().status == "SUCCESS"
    assert status(world) == "Completed"


def test_a_stop_that_is_refused_is_the_reason(world: World) -> None:
    world.sagemaker.duration = 3000
    waiting = begin(world)
    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO
    world.sagemaker.faults["stop"] = [Fault(refusal("ValidationException", "an account's own rule"))] * 99

    answer = world.delete()

    assert (answer.status, "an account's own rule" in answer.reason) == ("FAILED", True)


def test_a_deletion_that_comes_before_the_job_is_made_stops_it(world: World) -> None:
    world.sagemaker.duration = 3000
    world.sagemaker.faults["create"] = [Fault(THROTTLED)] * 3
    creating, event = begin(world), world.event("Delete", NEO)
    deleting = world.begin(event)
    assert isinstance(deleting, dict)
    assert world.look(deleting) is None
    for _ in range(5):
        world.look(creating)
        world.clock.now += INTERVAL

    assert world.settle(deleting).status == "SUCCESS"
    assert status(world) == "Stopped"
    assert world.settle(creating).status == "FAILED"
    assert len(world.sagemaker.jobs) == 1


def test_a_stack_is_deleted_while_its_job_runs_although_cloudformation_does_not_know_its_name(world: World) -> None:
    world.sagemaker.duration = 3000
    creating = begin(world)
    world.clock.now += 600
    deletion = world.event("Delete", NEO)
    assert deletion["PhysicalResourceId"] == "made-up-by-cloudformation"

    assert world.settle(world.begin(deletion)).status == "SUCCESS"
    assert status(world) == "Stopped"
    assert "ended as STOPPED" in world.settle(creating).reason


def test_an_event_that_comes_again_after_the_deletion_makes_no_job(world: World) -> None:
    event = world.event("Create", NEO)
    world.sagemaker.duration = 3000
    begun = world.begin(event)
    assert isinstance(begun, dict)
    assert world.settle(world.begin(world.event("Delete", NEO))).status == "SUCCESS"

    again = world.settle(world.begin(event))

    assert again.status == "FAILED"
    assert (len(world.sagemaker.jobs), world.sagemaker.running()) == (1, [])


def test_a_job_that_takes_too_long_is_stopped_and_told(world: World) -> None:
    world.sagemaker.duration = 5000

    answer = world.create({**NEO, "WaitSeconds": "1800"})

    assert "still runs, and the deployment waits no longer; give it a longer timeout" in answer.reason
    assert status(world) == "Stopped"


def test_a_job_that_disappears_while_it_runs_is_told(world: World) -> None:
    world.sagemaker.duration = 3000
    waiting = begin(world)
    world.clock.now += 600
    world.sagemaker.jobs.clear()

    assert "is not there: it could not be started, or somebody deleted it" in world.settle(waiting).reason


FAULTS = st.sampled_from([None, Fault(THROTTLED), Fault(lost_answer(), done=True), Fault(ConnectionResetError())])


@st.composite
def bad_days(draw: st.DrawFn) -> dict[str, list[Fault]]:
    calls = ("create", "describe", "stop")
    return {
        call: [Fault(ConnectionResetError()) if each is None else each for each in draw(st.lists(FAULTS, max_size=3))]
        for call in calls
    }


@settings(max_examples=200, deadline=None)
@given(
    faults=st.lists(bad_days(), min_size=4, max_size=4),
    twice=st.lists(st.booleans(), min_size=4, max_size=4),
    outcomes=st.lists(st.sampled_from(["Completed", "Failed"]), min_size=4, max_size=4),
    wishes=st.lists(st.sampled_from([NEO, OTHER]), min_size=3, max_size=3),
    invisible=st.integers(0, 40),
)
def test_whatever_goes_wrong_there_is_one_job_for_each_request_or_none_left(
    faults: list[dict[str, list[Fault]]],
    twice: list[bool],
    outcomes: list[str],
    wishes: list[Json],
    invisible: int,
) -> None:
    world = World()
    world.sagemaker.visible_after = invisible
    deliver = world.begin

    def begin_twice(event: Json) -> Json | Answer:
        if twice[step]:
            deliver(event)
        return deliver(event)

    world.begin = begin_twice  # type: ignore[method-assign]
    for step, wanted in enumerate(wishes):
        world.sagemaker.faults, world.sagemaker.outcome = faults[step], outcomes[step]
        answer = world.create(wanted) if not world.current or not world.physical_id else world.update(wanted)
        assert world.sagemaker.running() == []
        if answer.status == "SUCCESS":
            job = world.sagemaker.jobs[answer.data["JobName"]]
            assert job.status(world.clock.now) == "Completed"
            assert job.request["InputConfig"]["S3Uri"] in wanted["Request"]
        else:
            assert "ended as FAILED: ClientError: the archive has no model" in answer.reason
            if step == 0:
                break
    made_for = [
        tag["Value"]
        for job in world.sagemaker.jobs.values()
        for tag in job.request["Tags"]
        if tag["Key"] == index.REQUEST_TAG
    ]
    assert len(made_for) == len(set(made_for))
    world.sagemaker.faults = faults[3]
    step = 3
    assert world.delete().status == "SUCCESS"
    assert world.sagemaker.running() == []
