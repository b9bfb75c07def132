"""Every model of the settings, wherever it stands: to look at it, or to put another in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.multi_container import MultiContainerModel
from stacks.settings import Settings

AVariant = TypeVar("AVariant", bound=InstanceVariant)
Change = Callable[[str, Any], Any]


def change_models(settings: Settings, change: Change) -> Settings:
    """Give the settings with other models.

    Parameters
    ----------
    settings
        What to deploy.
    change
        Gives the model that takes the place of another, which may be the same. It is called with a name that no other
        place has, such as ``digits`` for an endpoint's model and ``digits.canary`` for a variant's, and the model.
    """

    def changed(name: str, model: Any) -> Any:
        if isinstance(model, MultiContainerModel):
            containers = {host: change(f"{name}.{host}", each) for host, each in model.containers.items()}
            return replace(model, containers=containers)
        return change(name, model)

    def variant(name: str, given: AVariant) -> AVariant:
        return given if given.model is None else replace(given, model=changed(f"{name}.{given.name}", given.model))

    endpoints = {
        name: replace(
            endpoint,
            model=changed(name, endpoint.model),
            variants=endpoint.variants and tuple(variant(name, each) for each in endpoint.variants),
            shadow=endpoint.shadow and variant(name, endpoint.shadow),
        )
        for name, endpoint in settings.endpoints.items()
    }
    fleets = {
        name: replace(
            fleet,
            inference_components={
                component: replace(each, model=changed(f"{name}.{component}", each.model))
                for component, each in fleet.inference_components.items()
            },
        )
        for name, fleet in settings.inference_component_endpoints.items()
    }
    transforms = {
        name: replace(transform, model=transform.model and changed(f"batch_transforms.{name}", transform.model))
        for name, transform in settings.batch_transforms.items()
    }
    return replace(settings, endpoints=endpoints, inference_component_endpoints=fleets, batch_transforms=transforms)


def models_of(settings: Settings) -> Iterator[Any]:
    """Give every model of the settings."""
    for endpoint in settings.endpoints.values():
        yield from _containers(endpoint.model)
        for variant in endpoint.instance_variants:
            yield from _containers(variant.model)
    for fleet in settings.inference_component_endpoints.values():
        for component in fleet.inference_components.values():
            yield from _containers(component.model)
    for transform in settings.batch_transforms.values():
        yield from _containers(transform.model)


def _containers(model: Any) -> Iterator[Any]:
    if isinstance(model, MultiContainerModel):
        yield from model.containers.values()
    elif model is not None:
        yield model
