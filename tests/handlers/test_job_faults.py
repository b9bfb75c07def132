"""What can go wrong while a job is deployed: each time there is one job or none left, and the event tells the truth."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError
from fake_jobs import Fault, FunctionDiedError, lost_answer, refusal
from job_faults import NEO, NO_ROLE, QUOTA, THROTTLED, begin, status
from provider_framework import CREATE_FAILED, INTERVAL, LIMIT, OTHER, World

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
    assert isinstance(first, dict)
    assert world.look(first) is None
    world.clock.now += late
    second = world.begin(event)

    assert world.settle(second) == world.settle(first)
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


def test_throttling_that_outlasts_the_job_is_the_reason(world: World) -> None:
    waiting = begin(world)
    world.sagemaker.faults["describe"] = [Fault(THROTTLED)] * LIMIT

    assert "Rate exceeded" in world.settle(waiting).reason


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
    refused = refusal("ResourceLimitExceeded", "the limit is 1", retries=1)
    world.sagemaker.faults["create"] = [Fault(refused, done=True)]

    assert world.create(NEO).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


def test_a_job_is_not_made_long_after_its_request(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(THROTTLED)]
    waiting = begin(world)
    world.clock.now += index.START_WITHIN + 1

    answer = world.settle(waiting)

    assert "is not there: it could not be started, or somebody deleted it; deploy again" in answer.reason
    assert world.sagemaker.jobs == {}


def test_a_job_made_by_a_lost_call_is_found_though_it_is_not_seen_and_the_next_calls_are_refused(world: World) -> None:
    world.sagemaker.visible_after = 40
    world.sagemaker.faults["create"] = [Fault(lost_answer(), done=True), *[Fault(QUOTA)] * 9]

    assert world.create(NEO).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


@pytest.mark.parametrize(("call", "done"), [("create", True), ("create", False), ("describe", False)])
@pytest.mark.parametrize("before", [0, 3])
def test_a_function_that_dies_leaves_no_job_running(world: World, call: str, before: int, *, done: bool) -> None:
    world.sagemaker.duration = 3000
    died = FunctionDiedError("2026-11-23T09:00:00Z Task timed out after 120.00 seconds")
    world.sagemaker.faults[call] = [*[Fault(THROTTLED)] * before, Fault(died, done=done)]

    answer = world.create(NEO)

    assert (answer.status, "Task timed out after 120.00 seconds" in answer.reason) == ("FAILED", True)
    assert len(world.sagemaker.jobs) <= 1
    assert world.sagemaker.running() == []


def test_a_request_for_which_the_framework_finds_no_waiter_has_no_job(world: World) -> None:
    world.waiters_fail = True

    answer = world.create(NEO)

    assert (answer.status, answer.physical_id) == ("FAILED", CREATE_FAILED)
    assert world.sagemaker.jobs == {}


def test_a_rollback_waits_for_the_job_of_an_update_that_is_still_being_made(world: World) -> None:
    world.create(NEO)
    world.sagemaker.duration = 3000
    world.sagemaker.faults["create"] = [Fault(NO_ROLE)] * 3
    updating = begin(world, "Update", OTHER, NEO)
    rolling_back = begin(world, "Update", NEO, OTHER)  # another resource of the stack has failed meanwhile

    for _ in range(4):
        world.clock.now += INTERVAL
        world.look(updating)
    assert len(world.sagemaker.jobs) == 2

    assert world.settle(rolling_back).status == "SUCCESS"
    assert [status(world, number) for number in range(2)] == ["Completed", "Stopped"]


def test_throttling_for_minutes_hides_nothing(world: World) -> None:
    world.sagemaker.duration = 3000
    waiting = begin(world)
    world.sagemaker.faults["describe"] = [Fault(THROTTLED)] * 60
    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO

    assert world.delete().status == "SUCCESS"
    assert status(world) == "Stopped"


def test_sagemaker_that_cannot_be_asked_for_minutes_is_told(world: World) -> None:
    world.sagemaker.faults["describe"] = [Fault(THROTTLED)] * 60

    answer = world.create(NEO)

    assert "is not there: it could not be started" in answer.reason
    assert world.sagemaker.jobs == {}


def test_a_name_that_is_taken_by_a_job_that_nobody_sees_is_told(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(refusal("ResourceInUse", "Job name must be unique"))] * 99

    answer = world.create(NEO)

    assert "could not be started: An error occurred (ResourceInUse)" in answer.reason
    assert world.sagemaker.jobs == {}


def test_a_deletion_waits_for_a_job_that_may_come_only_while_one_may(world: World) -> None:
    event = world.event("Create", NEO)
    began = world.clock.now

    assert world.settle(world.begin(world.event("Delete", NEO))).status == "SUCCESS"
    assert index.LOOK_FOR < world.clock.now - began <= index.LOOK_FOR + 2 * INTERVAL

    late = world.begin(event)
    assert isinstance(late, dict)
    assert "is not there" in world.settle({**late, "Since": began}).reason
    assert world.sagemaker.jobs == {}


def test_a_deletion_delivered_twice_stops_the_job_once(world: World) -> None:
    world.sagemaker.duration = 3000
    waiting = begin(world)
    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO
    event = world.event("Delete", NEO)
    first, second = world.begin(event), world.begin(event)

    assert world.settle(first).status == "SUCCESS"
    assert world.settle(second).status == "SUCCESS"
    assert world.sagemaker.calls.count("stop_compilation_job") == 1


def test_looks_that_go_on_as_no_answer_arrives_make_no_second_job(world: World) -> None:
    waiting = begin(world)
    answer = world.settle(waiting)
    world.s3.objects.clear()
    for _ in range(3):  # the address for answers has expired, so the waiter's task fails and is tried again
        world.clock.now += 1200
        assert world.look(waiting) == answer

    world.physical_id, world.current = waiting["PhysicalResourceId"], NEO
    assert world.delete().status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


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
    assert "ended as STOPPED: no reason is given" in answer.reason


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
    assert world.look(begun) is None
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
