"""Any endpoint of inference components gives a template that the services take, or readable problems; never a traceback."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from stacks.settings import Settings
from tests.snapshot.conftest import new_app
from tests.snapshot.generated_settings import component_endpoints
from tests.snapshot.test_any_settings import folder, hold_templates_to_the_services, hold_to_the_users_words, read

__all__ = ["folder"]
FLEETS = "inference_component_endpoints"


RIGHT: dict[str, Any] = {"model": {"framework": "container", "image": "example/mine:1"}, "min_memory_mb": 512}


def mended(folder: Path, content: Any) -> Settings:
    """Put something right in the place of what something is said of, until all of it is taken."""
    fleet = copy.deepcopy(content[FLEETS]["fleet"])
    for owner in (fleet, *fleet["inference_components"].values()):
        owner.pop("overrides", None)  # which nobody can check
    for _ in range(10):
        found = read(folder, {**content, FLEETS: {"fleet": fleet}})
        if isinstance(found, Settings):
            return found
        for line in found.splitlines():
            _, _, key, *rest = line.partition("inference.yaml")[2].split(": ")[1].split(".")
            if key == "instance_type":
                fleet |= {"instance_type": "ml.c6i.4xlarge", "inference_components": {"chat": RIGHT}}
            elif key != "inference_components":
                fleet.pop(key, None)
            elif len(rest) < 2:
                fleet["inference_components"] = {"chat": RIGHT}
            else:
                given = fleet["inference_components"].get(rest[0], {})
                kept = {name: value for name, value in given.items() if name != rest[1]}
                fleet["inference_components"][rest[0]] = RIGHT | kept
    pytest.fail(f"cannot be mended: {fleet}: {found}")


@hypothesis_settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(content=component_endpoints())
def test_any_components_are_taken_or_refused_in_the_users_words(folder: Path, content: Any) -> None:
    hold_to_the_users_words(read(folder, content))


@hypothesis_settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(content=component_endpoints())
def test_components_that_are_taken_give_templates_that_the_services_take(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    hold_templates_to_the_services(new_app(tmp_path_factory.mktemp("cdk")), mended(folder, content))
