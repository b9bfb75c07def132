"""How an endpoint moves: ``Creating`` → ``InService`` or ``Failed``, ``Updating`` → ``InService``, ``Deleting`` → gone.

Each move runs on a thread of its own, so that the API answers at once, as SageMaker does. While an endpoint updates,
the variants that it has go on serving; an update that fails leaves them, and the reason, in place.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker.plane import plane
from local_aws.services.sagemaker.rollback_alarms import tripped_alarm
from local_aws.services.sagemaker.state import Endpoint, EndpointConfig, Model, state
from local_aws.services.sagemaker.variants import RunningVariant, open_variant

_log = logging.getLogger(__name__)


class VariantFailedError(Exception):
    """A variant did not come into service; the text is the endpoint's failure reason."""


def bring_up(scope: Scope, endpoint: Endpoint) -> None:
    """Start the variants of a new endpoint."""

    def move() -> None:
        try:
            opened = _open_all(scope, endpoint.name, endpoint.config)
        except VariantFailedError as failure:
            endpoint.set_status("Failed", failure_reason=str(failure))
        else:
            endpoint.variants, endpoint.shadows = _without_shadows(opened, endpoint.config)
            endpoint.set_status("InService")

    _run(endpoint, "create", move)


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

    def move() -> None:
        try:
            opened = _open_all(scope, endpoint.name, config)
        except VariantFailedError as failure:
            endpoint.set_status("InService", failure_reason=str(failure))
            return
        if alarm := tripped_alarm(scope, endpoint.deployment_config):
            _close_all(opened)
            endpoint.set_status("InService", failure_reason=f"The update was rolled back: alarm {alarm} is in ALARM.")
            return
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

    _run(endpoint, "update", move)


def tear_down(scope: Scope, endpoint: Endpoint, *, forget: Callable[[], None]) -> None:
    """Stop an endpoint's variants and forget it."""

    def move() -> None:
        variants = endpoint.variants | endpoint.shadows
        endpoint.variants, endpoint.shadows = {}, {}
        _close_all(variants)
        forget()
        endpoint.set_status("Deleted")

    _run(endpoint, "delete", move)


def _run(endpoint: Endpoint, verb: str, move: Callable[[], None]) -> None:
    def guarded() -> None:
        try:
            move()
        except Exception:
            # A defect of local AWS must not leave callers waiting for a status that never comes.
            _log.exception("could not %s endpoint %s", verb, endpoint.name)
            endpoint.set_status("Failed", failure_reason=f"local AWS could not {verb} the endpoint: see its log.")

    threading.Thread(target=guarded, name=f"{verb}-endpoint-{endpoint.name}", daemon=True).start()


def _open_all(scope: Scope, endpoint_name: str, config: EndpointConfig) -> dict[str, RunningVariant]:
    """Open every variant at the same time; when one fails, close the others and raise its reason."""
    variants = [*config.variants, *config.shadows]
    with ThreadPoolExecutor(max_workers=len(variants), thread_name_prefix="open-variant") as pool:
        futures = {
            variant["VariantName"]: pool.submit(_open_one, scope, endpoint_name, variant) for variant in variants
        }
    failures = [failure for future in futures.values() if (failure := future.exception())]
    if failures:
        for future in futures.values():
            if future.exception() is None:
                future.result().close()
        raise VariantFailedError(_reason(failures[0])) from failures[0]
    return {name: future.result() for name, future in futures.items()}


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


def _reason(failure: BaseException) -> str:
    if isinstance(failure, ServiceError):
        return failure.message
    if not isinstance(failure, plane().failure):
        _log.error("a variant failed to open", exc_info=failure)
    return str(failure) or type(failure).__name__


def _close_all(variants: dict[str, RunningVariant]) -> None:
    for variant in variants.values():
        variant.close()
