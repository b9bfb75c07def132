"""Which names the settings may have: those that SageMaker takes, each different enough from the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem
from stacks.component_settings import ComponentEndpointSettings


def endpoint_name(name: str) -> str:
    """Check that SageMaker takes a name."""
    if wrong := name_problem(name):
        raise InvalidValueError("endpoints", [Problem("", wrong)])
    return name


def twin_problems(section: str, names: Iterable[str], taken: Iterable[str] = ()) -> Iterator[Problem]:
    """Check that names differ in more than case, which SageMaker ignores, and hyphens, which stack outputs drop."""
    seen = {_plain(name): name for name in taken}
    for name in names:
        twin = seen.get(_plain(name))
        if twin == name:
            yield Problem(f"{section}.{name}", "is the name of an endpoint in 'endpoints', too; choose another name")
        elif twin is not None:
            yield Problem(f"{section}.{name}", f"differs from '{twin}' in case or hyphens only; choose another name")
        seen.setdefault(_plain(name), name)


def _plain(name: str) -> str:
    return name.replace("-", "").lower()


def shared_component_problems(endpoints: Mapping[str, ComponentEndpointSettings]) -> Iterator[Problem]:
    """Check that no two inference components have one name, wherever they are: SageMaker finds them by it.

    Those with an API must also differ in more than hyphens, which the names of stack outputs drop.
    """
    owners: dict[str, str] = {}
    fronted: dict[str, str] = {}
    for endpoint, settings in endpoints.items():
        for name, component in settings.inference_components.items():
            owner = owners.setdefault(name.lower(), endpoint)
            path = f"inference_component_endpoints.{endpoint}.inference_components.{name}"
            if owner != endpoint:
                yield Problem(path, f"is a component of '{owner}', too; names are unique in account and region")
            elif component.api and (twin := fronted.setdefault(_plain(name), name)) != name:
                yield Problem(
                    f"{path}.api", f"belongs to a name that differs from '{twin}' in hyphens only; rename one"
                )
