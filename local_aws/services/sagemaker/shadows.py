"""Shadow variants: a copy of a share of the requests is sent to them, and nobody waits for their answers."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.invocation import exchange
from local_aws.services.sagemaker.metrics import publish
from local_aws.services.sagemaker.state import Endpoint, EndpointConfig, Model, is_multi_model
from local_aws.services.sagemaker.variants import RunningVariant

_log = logging.getLogger(__name__)
_POOL = ThreadPoolExecutor(max_workers=32, thread_name_prefix="shadow")


def check_config(config: EndpointConfig, models: Sequence[Model]) -> None:
    """Refuse what shadow variants exclude.

    https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-exclusions.html

    Parameters
    ----------
    config
        The endpoint configuration.
    models
        The models of its variants.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    if not config.shadows:
        return
    if len(config.shadows) != 1 or len(config.variants) != 1:
        raise validation_error(
            "ShadowProductionVariants requires exactly one production variant and one shadow variant, found "
            f"{len(config.variants)} and {len(config.shadows)}."
        )
    if "AsyncInferenceConfig" in config.request:
        raise validation_error("ShadowProductionVariants cannot be specified together with AsyncInferenceConfig.")
    if found := list(dict.fromkeys(_excluded([*config.variants, *config.shadows], models))):
        raise validation_error(f"ShadowProductionVariants cannot be specified together with {', '.join(found)}.")


def _excluded(variants: Sequence[Parameters], models: Sequence[Model]) -> Iterator[str]:
    for variant in variants:
        if "ServerlessConfig" in variant:
            yield "ServerlessConfig"
        if "AcceleratorType" in variant:
            yield "AcceleratorType"
        if str(variant.get("InstanceType", "")).startswith("ml.inf1."):
            yield "Inf1 instances"
    for model in models:
        if len(model.containers) > 1:
            yield "multi-container models"
        if any(map(is_multi_model, model.containers)):
            yield "multi-model containers"


def send_copies(
    scope: Scope, endpoint: Endpoint, variant: RunningVariant, request: Mapping[str, Any], *, timeout: float
) -> None:
    """Send a request to the shadow variants, each to its share: its weight to the production variant's."""
    for shadow in endpoint.shadows.values():
        share = shadow.weight / variant.weight if variant.weight else 1.0
        if random.random() < share:  # noqa: S311  traffic shares, not secrets
            _POOL.submit(_send, scope, endpoint, shadow, dict(request), timeout)


def _send(scope: Scope, endpoint: Endpoint, shadow: RunningVariant, request: Mapping[str, Any], timeout: float) -> None:
    asked = time.perf_counter()
    try:
        outcome = exchange(scope, endpoint.name, shadow, request, timeout=timeout)
    except ServiceError as error:
        _log.warning("shadow variant %s of endpoint %s: %s", shadow.name, endpoint.name, error.message)
        return
    seconds = time.perf_counter() - asked
    publish(scope, endpoint.name, shadow, status=outcome.status, model_seconds=seconds, overhead=0.0)
