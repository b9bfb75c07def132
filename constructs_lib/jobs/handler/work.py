"""What one custom resource wants to have done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .kinds import KINDS, Json, Kind

TRIES = 99
"""How many jobs of one name and a number there may be."""
_DELETION = 3300.0  # seconds
_HOW_IT_RUNS = (
    "CheckpointConfig",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "ResourceConfig",
    "RoleArn",
    "StoppingCondition",
    "Tags",
    "VpcConfig",
)


def what_counts(request: Mapping[str, Any]) -> Json:
    """Give of a ``Create…`` request what its result depends on; the rest is how it gets there."""
    counts = {name: value for name, value in request.items() if name not in _HOW_IT_RUNS}
    if "AlgorithmSpecification" in counts:
        algorithm = counts["AlgorithmSpecification"]
        counts["AlgorithmSpecification"] = {n: value for n, value in algorithm.items() if n != "MetricDefinitions"}
    return counts


@dataclass(frozen=True)
class Work:
    """A job that a resource asks for, by its properties, in a request of CloudFormation."""

    event: Json
    properties: Json

    @property
    def kind(self) -> Kind:
        """The kind of job."""
        return KINDS[self.properties["Kind"]]

    @property
    def patience(self) -> float:
        """Seconds after which the request is given up; a deletion has nearly the hour that the framework gives it."""
        return _DELETION if self.event["RequestType"] == "Delete" else float(self.properties["WaitSeconds"])

    @cached_property
    def request(self) -> Json:
        """The ``Create…`` request, without the job's name."""
        return dict(json.loads(self.properties["Request"]))

    @cached_property
    def name(self) -> str:
        """The name of the first job: the same for the same work of the same resource."""
        whose = [self.event["StackId"], self.event["LogicalResourceId"], self.properties["Kind"]]
        what = [what_counts(self.request), self.properties.get("Triggers", "")]
        text = json.dumps([*whose, *what], sort_keys=True)
        return f"{self.properties['Name']}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def names(self) -> Iterator[str]:
        """Give the names that its job may have, one for each time that it is tried."""
        yield self.name
        for number in range(2, TRIES + 1):
            yield f"{self.name}-{number}"

    @cached_property
    def before(self) -> Work | None:
        """What the resource wanted before this update; None when it wanted the same, or nothing."""
        old = self.event.get("OldResourceProperties") or {}
        work = Work(self.event, old) if "Request" in old else None
        return work if work and work.name != self.name else None
