"""Which endpoint is in which stack: a stack has at most 500 resources and 200 outputs, enough for some 60.

An endpoint's stack follows from its own settings and from the number of stacks, and from no other endpoint: it never
moves because others come or go. To move one, CloudFormation would have to delete it and make it again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TypeVar

from stacks.settings import Settings

MAIN_STACK = "InferenceStack"

AnEndpoint = TypeVar("AnEndpoint")


def settings_by_stack(settings: Settings) -> dict[str, Settings]:
    """Give each stack its part of the settings, by its name.

    With one stack, all is in ``InferenceStack``. With several, they are ``InferenceStack1`` and so on; one that no
    endpoint falls into is left out. An endpoint with ``stack`` is in that one. Settings for a cluster alone have none.
    """
    if not settings.has_inference_stack:
        return {}
    stacks = {name: endpoint.stack or _stack_of(name, settings.stacks) for name, endpoint in settings.all_endpoints}
    if set(stacks.values()) <= {MAIN_STACK}:
        return {MAIN_STACK: settings}

    def part(stack: str, endpoints: dict[str, AnEndpoint]) -> dict[str, AnEndpoint]:
        return {name: endpoint for name, endpoint in endpoints.items() if stacks[name] == stack}

    return {
        stack: replace(
            settings,
            stacks=1,
            endpoints=part(stack, settings.endpoints),
            inference_component_endpoints=part(stack, settings.inference_component_endpoints),
        )
        for stack in sorted(set(stacks.values()), key=_in_order)
    }


def _stack_of(endpoint_name: str, stacks: int) -> str:
    """Choose a stack by the endpoint's name alone."""
    if stacks == 1:
        return MAIN_STACK
    digest = hashlib.sha256(endpoint_name.encode()).digest()
    return f"{MAIN_STACK}{int.from_bytes(digest[:8]) % stacks + 1}"


def _in_order(stack: str) -> tuple[str, int]:
    """Sort ``InferenceStack10`` after ``InferenceStack9``."""
    number = re.search(r"\d*$", stack)
    digits = number.group() if number else ""
    return stack.removesuffix(digits), int(digits or 0)
