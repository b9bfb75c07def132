"""Whatever SageMaker does while a job is made, changed, rolled back and deleted: property-based."""

from __future__ import annotations

from dataclasses import replace

from fake_jobs import Fault, FunctionDiedError, lost_answer
from hypothesis import given, settings
from hypothesis import strategies as st
from job_faults import NEO, THROTTLED, Json
from provider_framework import INTERVAL, LIMIT, OTHER, Answer, World

from constructs_lib.jobs.handler import index

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
            waiting = deliver(event)
            if isinstance(waiting, dict):
                world.look(waiting)
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


DIED = FunctionDiedError("Task timed out")


def go_on(world: World, *requests: Json) -> list[Answer]:
    """Look after several requests in turn until all have an answer, as CloudFormation works on them at a time."""
    answers: dict[int, Answer] = {}
    for _ in range(2 * LIMIT // INTERVAL):
        for number, waiting in enumerate(requests):
            if number not in answers and (answer := world.look(waiting)):
                answers[number] = answer
        if len(answers) == len(requests):
            break
        world.clock.now += INTERVAL
    return [answers[number] for number in range(len(requests))]


@settings(max_examples=200, deadline=None)
@given(
    faults=bad_days(),
    invisible=st.integers(0, 40),
    dies=st.sampled_from([None, Fault(DIED), Fault(DIED, done=True)]),
    duration=st.sampled_from([20, 500, 3000]),
    after=st.integers(0, 50),
    update=st.booleans(),
)
def test_whenever_a_request_is_taken_back_no_job_goes_on(
    faults: dict[str, list[Fault]], invisible: int, dies: Fault | None, duration: float, after: int, *, update: bool
) -> None:
    world = World()
    before = world.create(OTHER) if update else None
    world.sagemaker.duration, world.sagemaker.faults = duration, faults
    # A function dies just after a call, or what it made is not seen for a while.
    if dies:
        world.sagemaker.faults["create"].append(replace(dies))
    else:
        world.sagemaker.visible_after = invisible
    asked = world.begin(world.event("Update", NEO, OTHER) if update else world.event("Create", NEO))
    assert isinstance(asked, dict)
    answer = None
    for _ in range(after):
        answer = answer or world.look(asked)
        world.clock.now += INTERVAL
    if answer:
        world.physical_id = answer.physical_id

    taken_back = world.begin(world.event("Update", OTHER, NEO) if update else world.event("Delete", NEO))
    assert isinstance(taken_back, dict)
    last = go_on(world, taken_back, *([] if answer else [asked]))[0]
    if "Task timed out" in last.reason:  # so it is asked for once more
        last = go_on(world, taken_back)[0]

    assert last.status == "SUCCESS"
    assert before is None or last.data == before.data
    assert world.sagemaker.running() == []
    assert len(world.sagemaker.jobs) <= 1 + update
