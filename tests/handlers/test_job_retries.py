"""Jobs that are tried again, rolled back or made again: each time there is one job or none left."""

from __future__ import annotations

import pytest
from fake_jobs import Fault, lost_answer, refusal
from job_faults import NEO, NO_ROLE, THROTTLED, begin, status
from provider_framework import OTHER, World

# What CreateTrainingJob says of a channel while the policy of its role is not known everywhere, or the channel is empty.
NO_RIGHTS = refusal(
    "ValidationException",
    'No S3 objects found under S3 URL "s3://data/train/" given in input data source. Please ensure that the bucket is '
    'in the selected region (us-east-1), that objects are under that S3 prefix, and that the role "arn:aws:iam::'
    '111111111111:role/training" has "s3:ListBucket" permissions on bucket "data".',
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("error", [NO_ROLE, NO_RIGHTS], ids=["role", "policy"])
def test_a_role_that_is_not_known_everywhere_yet_is_waited_for(world: World, error: Exception) -> None:
    world.sagemaker.faults["create"] = [Fault(error)] * 4

    assert world.create(NEO).status == "SUCCESS"


@pytest.mark.parametrize(
    "error", [NO_ROLE, NO_RIGHTS, refusal("AccessDeniedException", "not authorized to perform iam:PassRole")]
)
def test_a_role_that_stays_unknown_is_the_reason(world: World, error: Exception) -> None:
    world.sagemaker.faults["create"] = [Fault(error)] * 99

    answer = world.create(NEO)

    assert f"could not be started: {error}" in answer.reason
    assert world.sagemaker.jobs == {}


def test_missing_rights_to_look_are_the_reason_after_a_minute(world: World) -> None:
    world.sagemaker.faults["describe"] = [Fault(refusal("AccessDeniedException", "no DescribeCompilationJob"))] * 20

    assert "no DescribeCompilationJob" in world.settle(world.begin(world.event("Create", NEO))).reason


def test_an_exceeded_quota_is_the_reason_at_once(world: World) -> None:
    world.sagemaker.faults["create"] = [Fault(refusal("ResourceLimitExceeded", "the limit is 0 instances"))]
    began = world.clock.now

    answer = world.create(NEO)

    assert "the limit is 0 instances" in answer.reason
    assert (world.clock.now, world.sagemaker.jobs) == (began, {})


def test_a_name_that_an_earlier_failure_took_is_counted_on(world: World) -> None:
    world.create(NEO)
    world.sagemaker.outcome = "Failed"
    assert world.update(OTHER).status == "FAILED"
    world.sagemaker.outcome = "Completed"

    answer = world.update(OTHER)

    assert answer.status == "SUCCESS"
    assert answer.data["JobName"] == f"{answer.physical_id}-2"
    assert len(world.sagemaker.jobs) == 3


def test_a_second_try_delivered_twice_is_one_job(world: World) -> None:
    world.create(NEO)
    world.sagemaker.outcome = "Failed"
    world.update(OTHER)
    event = world.event("Update", OTHER, NEO)
    first = world.begin(event)
    world.clock.now += 60

    assert "ended as FAILED" in world.settle(world.begin(event)).reason
    assert "ended as FAILED" in world.settle(first).reason
    assert len(world.sagemaker.jobs) == 3


def test_a_second_try_is_stopped_by_a_deletion_that_does_not_know_it(world: World) -> None:
    world.create(NEO)
    world.sagemaker.outcome = "Failed"
    world.update(OTHER)
    world.sagemaker.duration = 3000
    begin(world, "Update", OTHER, NEO)

    assert world.settle(world.begin(world.event("Delete", OTHER))).status == "SUCCESS"
    assert [status(world, number) for number in range(3)] == ["Completed", "Failed", "Stopped"]


def test_a_job_that_cannot_be_seen_at_first_is_not_made_again(world: World) -> None:
    world.sagemaker.visible_after = 30

    assert world.create(NEO).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


def test_an_update_that_goes_back_to_what_was_before_runs_no_job(world: World) -> None:
    first = world.create(NEO)
    world.update(OTHER)

    assert world.update(NEO) == first
    assert len(world.sagemaker.jobs) == 2


def test_a_rollback_goes_on_with_the_job_before(world: World) -> None:
    first = world.create(NEO)
    before, physical_id = world.current, world.physical_id
    second = world.update(OTHER)

    world.current, world.physical_id = OTHER, second.physical_id
    answer = world.roll_back(before, physical_id)  # another resource of the stack has failed

    assert answer == first
    assert [status(world, number) for number in range(2)] == ["Completed", "Completed"]


def test_a_rollback_stops_what_still_runs_for_the_update(world: World) -> None:
    first = world.create(NEO)
    world.sagemaker.duration = 3000
    updating = begin(world, "Update", OTHER, NEO)

    rolled_back = world.settle(world.begin(world.event("Update", NEO, OTHER)))

    assert rolled_back.data == first.data
    assert status(world, 1) == "Stopped"
    assert "ended as STOPPED" in world.settle(updating).reason


def test_a_rollback_that_overtakes_the_making_of_the_job_lets_none_run(world: World) -> None:
    world.create(NEO)
    world.sagemaker.duration = 3000
    world.sagemaker.faults["create"] = [Fault(lost_answer(), done=True)]
    begin(world, "Update", OTHER, NEO)
    world.sagemaker.faults["stop"] = [Fault(THROTTLED)]

    assert world.settle(world.begin(world.event("Update", NEO, OTHER))).status == "SUCCESS"
    assert world.sagemaker.running() == []


@pytest.mark.parametrize("gone", ["job", "artifact", "bucket"])
def test_results_that_are_gone_are_made_again(world: World, gone: str) -> None:
    first = world.create(NEO)
    if gone == "job":
        world.sagemaker.jobs.clear()
    elif gone == "artifact":
        world.s3.objects.clear()
    else:
        world.s3.error = refusal("NoSuchBucket")

    answer = world.update({**NEO, "WaitSeconds": "600"})

    assert answer.status == "SUCCESS"
    assert (answer.data["JobName"] == first.data["JobName"]) == (gone == "job")
    assert world.sagemaker.running() == []


def test_a_job_that_completes_without_results_is_not_made_again_and_again(world: World) -> None:
    world.s3.error = refusal("NoSuchBucket")

    assert world.create(NEO).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


def test_a_bucket_that_may_not_be_looked_into_is_believed(world: World) -> None:
    world.create(NEO)
    world.s3.error = refusal("AccessDenied")

    assert world.update({**NEO, "WaitSeconds": "600"}).status == "SUCCESS"
    assert len(world.sagemaker.jobs) == 1


def test_a_deletion_of_what_is_gone_succeeds(world: World) -> None:
    world.create(NEO)
    world.sagemaker.jobs.clear()

    assert world.delete().status == "SUCCESS"


def test_a_job_that_was_tried_too_often_says_what_to_do(world: World) -> None:
    world.sagemaker.outcome = "Failed"
    world.sagemaker.duration = 0
    for _ in range(99):
        begin(world)

    answer = world.create(NEO)

    assert "has been tried 99 times; change what it is asked to do" in answer.reason
