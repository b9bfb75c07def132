"""How an endpoint moves: ``Creating`` → ``InService`` or ``Failed``, ``Updating`` → ``InService``, ``Deleting`` → gone.

While an endpoint updates, the variants that it has go on serving; an update that fails leaves them, and the reason, in
place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from local_aws.api import Parameters
from local_aws.scope import Scope
from local_aws.services.sagemaker.move import move, open_together
from local_aws.services.sagemaker.rollback_alarms import rollback
from local_aws.services.sagemaker.state import Endpoint, EndpointConfig, Model, state
from local_aws.services.sagemaker.variants import RunningVariant, open_variant


def bring_up(scope: Scope, endpoint: Endpoint) -> None:
    """Start the variants of a new endpoint."""

    def work() -> None:
        opened = _open_all(scope, endpoint.name, endpoint.config)
        endpoint.variants, endpoint.shadows = _without_shadows(opened, endpoint.config)
        endpoint.set_status("InService")

    move(endpoint, "create", work, otherwise="Failed")


def update(scope: Scope, endpoint: Endpoint, config: EndpointConfig, *, retain: Callable[[str, str], bool]) -> None:
    """Start the variants of another configuration, and let them serve in place of the present ones.

    Parameters
    ----------
    scope
        The account and region.
    endpoint
        The endpoint, in status ``Updating``.
    config
        The configuration to move to.
    retain
        Says of a variant's property (``DesiredInstanceCount``, ``DesiredWeight``) whether the present value is kept.
    """

    def work() -> None:
        opened = _open_all(scope, endpoint.name, config)
        if reason := rollback(scope, endpoint.deployment_config):
            _close_all(opened)
            raise reason
        previous = endpoint.variants | endpoint.shadows
        for name, variant in opened.items():
            if name in previous and retain(name, "DesiredInstanceCount"):
                variant.instance_count = previous[name].instance_count
            if name in previous and retain(name, "DesiredWeight"):
                variant.weight = previous[name].weight
        endpoint.variants, endpoint.shadows = _without_shadows(opened, config)
        endpoint.config = config
        endpoint.set_status("InService")
        if endpoint.queue is not None:
            endpoint.queue.process()
        _close_all(previous)

    move(endpoint, "update", work, otherwise="InService")


def tear_down(endpoint: Endpoint, *, forget: Callable[[], None]) -> None:
    """Stop an endpoint's variants and forget it."""

    def work() -> None:
        variants = endpoint.variants | endpoint.shadows
        endpoint.variants, endpoint.shadows = {}, {}
        _close_all(variants)
        forget()
        endpoint.set_status("Deleted")

    move(endpoint, "delete", work, otherwise="Failed")


def _open_all(scope: Scope, endpoint_name: str, config: EndpointConfig) -> dict[str, RunningVariant]:
    variants = [*config.variants, *config.shadows]
    opened = open_together([partial(_open_one, scope, endpoint_name, variant) for variant in variants])
    return {variant.name: variant for variant in opened}


def _without_shadows(
    opened: dict[str, RunningVariant], config: EndpointConfig
) -> tuple[dict[str, RunningVariant], dict[str, RunningVariant]]:
    """Return the production variants, and the shadow variants."""
    names = {shadow["VariantName"] for shadow in config.shadows}
    production = {name: variant for name, variant in opened.items() if name not in names}
    return production, {name: variant for name, variant in opened.items() if name in names}


def _open_one(scope: Scope, endpoint_name: str, variant: Parameters) -> RunningVariant:
    model: Model | None = state(scope).models.get(variant["ModelName"]) if "ModelName" in variant else None
    return open_variant(scope, endpoint_name, variant, model)


def _close_all(variants: dict[str, RunningVariant]) -> None:
    for variant in variants.values():
        variant.close()
