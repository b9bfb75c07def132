"""Faults of SageMaker, and the requests that meet them."""

from __future__ import annotations

from typing import Any

from fake_jobs import refusal
from provider_framework import World, properties

Json = dict[str, Any]
NEO = properties()
THROTTLED = refusal("ThrottlingException", "Rate exceeded")
QUOTA = refusal("ResourceLimitExceeded", "The account-level service limit is 1")
NO_ROLE = refusal("ValidationException", "Could not assume role arn:aws:iam::111111111111:role/neo.")


def begin(world: World, request_type: str = "Create", wanted: Json = NEO, old: Json | None = None) -> Json:
    """Begin a request, and look once."""
    waiting = world.begin(world.event(request_type, wanted, old))
    assert isinstance(waiting, dict), waiting
    assert world.look(waiting) is None
    return waiting


def status(world: World, number: int = 0) -> str:
    return list(world.sagemaker.jobs.values())[number].status(world.clock.now)
