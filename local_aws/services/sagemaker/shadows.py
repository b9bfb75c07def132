"""Shadow variants: a copy of a share of the requests is sent to them, and nobody waits for their answers."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.invocation import exchange
from local_aws.services.sagemaker.metrics import publish
from local_aws.services.sagemaker.state import Endpoint
from local_aws.services.sagemaker.variants import RunningVariant

_log = logging.getLogger(__name__)
_POOL = ThreadPoolExecutor(max_workers=32, thread_name_prefix="shadow")


def check_config(request: Parameters) -> None:
    """Refuse what shadow variants exclude ("Exclusions" of shadow tests).

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    shadows = request.get("ShadowProductionVariants", [])
    if not shadows:
        return
    if len(shadows) != 1 or len(request["ProductionVariants"]) != 1:
        raise validation_error(
            "ShadowProductionVariants requires exactly one production variant and one shadow variant, found "
            f"{len(request['ProductionVariants'])} and {len(shadows)}."
        )
    if "AsyncInferenceConfig" in request:
        raise validation_error("ShadowProductionVariants cannot be specified together with AsyncInferenceConfig.")


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
