"""What holds for the scaling of instances, copies and provisioned concurrency alike: bounds, targets, cool-downs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Protocol

from constructs_lib.serving.problems import Problem, below, is_token


class _Scaling(Protocol):
    """What each kind of scaling has."""

    @property
    def min(self) -> int: ...
    @property
    def max(self) -> int: ...
    @property
    def scale_in_cooldown(self) -> int: ...
    @property
    def scale_out_cooldown(self) -> int: ...


class _ScalingByTargets(_Scaling, Protocol):
    """What scaling has that may follow several metrics, steps and a schedule."""

    @property
    def max_requests_per_second(self) -> float | None: ...
    @property
    def safety_factor(self) -> float: ...
    @property
    def steps(self) -> Sequence[object]: ...
    @property
    def schedules(self) -> Sequence[object]: ...


def bounds_from_zero_problems(scaling: _Scaling) -> Iterator[Problem]:
    """Check the bounds of a count that may go down to 0."""
    if below(scaling.min, 0):
        yield Problem("min", f"must be at least 0, got {scaling.min}")
    if below(scaling.max, 1):
        yield Problem("max", f"must be at least 1, got {scaling.max}")
    else:
        yield from order_problems(scaling)


def order_problems(scaling: _Scaling) -> Iterator[Problem]:
    """Check that ``max`` is at least ``min``."""
    if not is_token(scaling.min) and below(scaling.max, scaling.min):
        yield Problem("max", f"must be at least 'min' ({scaling.min}), got {scaling.max}")


def cooldown_problems(scaling: _Scaling) -> Iterator[Problem]:
    """Check that cool-downs are at least 0 seconds."""
    for name in ("scale_in_cooldown", "scale_out_cooldown"):
        if below(getattr(scaling, name), 0):
            yield Problem(name, f"must be at least 0 seconds, got {getattr(scaling, name)}")


def target_problem(name: str, target: float) -> Iterator[Problem]:
    """Check that a metric's target is a finite number above 0."""
    if not is_token(target) and not 0 < target < inf:
        yield Problem(name, f"must be a finite number above 0, got {target}")


def target_problems(scaling: _ScalingByTargets, names: Sequence[str]) -> Iterator[Problem]:
    """Check the targets, and that there is something that the count follows.

    Parameters
    ----------
    scaling
        Whose targets they are.
    names
        Fields that have a metric's target; the first is that for invocations, in place of which
        ``max_requests_per_second`` can be given.
    """
    given = {name: target for name in names if (target := getattr(scaling, name)) is not None}
    for name, target in given.items():
        yield from target_problem(name, target)
    if names[0] in given and scaling.max_requests_per_second is not None:
        yield Problem("max_requests_per_second", f"is given as well as '{names[0]}'; give one of the two")
    if not given and not scaling.steps and not scaling.schedules:
        others = f"{', '.join(names[1:])}, steps or schedules"
        yield Problem(names[0], f"is missing; give it, or another thing that the count follows: {others}")
    if not is_token(scaling.safety_factor) and not 0 < scaling.safety_factor <= 1:
        yield Problem("safety_factor", f"must be above 0 and at most 1, got {scaling.safety_factor}")


def target_invocations(scaling: _ScalingByTargets, given: float | None) -> float | None:
    """Give the invocations per minute to aim at: as given, or from the rate that one sustains; None without either.

    Source: AWS, "Load testing your auto scaling configuration".
    """
    if scaling.max_requests_per_second is None:
        return given
    return scaling.max_requests_per_second * 60 * scaling.safety_factor
