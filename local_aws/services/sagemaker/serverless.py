"""What holds for serverless variants alone: what they exclude, and how many requests they take at a time.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local_aws.api import Parameters
from local_aws.errors import ServiceError, validation_error
from local_aws.services.sagemaker.state import Model, is_multi_model

if TYPE_CHECKING:
    from local_aws.services.sagemaker.state import EndpointConfig
    from local_aws.services.sagemaker.variants import RunningVariant

# "Invoke a serverless endpoint": the request payload is at most 4 MB.
_LARGEST_BODY = 4 * 1024 * 1024
_MEMORY_STEP = 1024


def check_config(request: Parameters, models: dict[str, Model]) -> None:
    """Refuse an endpoint configuration that serverless inference excludes ("Feature exclusions").

    Parameters
    ----------
    request
        Of CreateEndpointConfig.
    models
        The models of its variants, by name.

    Raises
    ------
    ServiceError
        ``ValidationException`` with everything that is wrong.
    """
    variants = request["ProductionVariants"]
    if not any("ServerlessConfig" in variant for variant in variants):
        return
    found = [] if len(variants) == 1 else ["more than one production variant"]
    found += [
        what
        for member, what in (
            ("AsyncInferenceConfig", "asynchronous inference"),
            ("ShadowProductionVariants", "shadow variants"),
            ("ExplainerConfig", "an explainer"),
        )
        if request.get(member)
    ]
    if request.get("DataCaptureConfig", {}).get("EnableCapture", "DataCaptureConfig" in request):
        found.append("data capture")
    for model in models.values():
        found += _excluded_of(model)
    if found:
        raise validation_error(f"Serverless inference does not support {', '.join(dict.fromkeys(found))}.")
    for variant in variants:
        check_sizes(variant["ServerlessConfig"], variant["VariantName"])


def _excluded_of(model: Model) -> Iterator[str]:
    if "VpcConfig" in model.request:
        yield "VPC configuration"
    if model.request.get("EnableNetworkIsolation"):
        yield "network isolation"
    if len(model.containers) > 1:
        yield "inference pipelines and multi-container models"
    for container in model.containers:
        if is_multi_model(container):
            yield "multi-model containers"
        if container.get("ImageConfig", {}).get("RepositoryAccessMode") == "Vpc":
            yield "private Docker registries"
        if "ModelDataSource" in container:
            yield "ModelDataSource"
        if "AdditionalModelDataSources" in container:
            yield "additional model data sources"


def check_sizes(settings: Parameters, variant: str) -> None:
    """Refuse a memory size or concurrency that a serverless variant cannot have.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    memory = settings["MemorySizeInMB"]
    if memory % _MEMORY_STEP:
        raise validation_error(
            f"Invalid MemorySizeInMB {memory} for production variant {variant}: it must be one of 1024, 2048, 3072, "
            "4096, 5120, 6144."
        )
    provisioned = settings.get("ProvisionedConcurrency", 0)
    if provisioned > settings["MaxConcurrency"]:
        raise validation_error(
            f"ProvisionedConcurrency {provisioned} for production variant {variant} must be less than or equal to its "
            f"MaxConcurrency {settings['MaxConcurrency']}."
        )


def check_update(present: EndpointConfig, new: EndpointConfig) -> None:
    """Refuse to turn an instance-based endpoint into a serverless one, as SageMaker does.

    Raises
    ------
    ServiceError
        ``ValidationException``.
    """
    if _is_serverless(new) and not _is_serverless(present):
        raise validation_error("An instance-based endpoint cannot be converted to a serverless endpoint.")


def _is_serverless(config: EndpointConfig) -> bool:
    return any("ServerlessConfig" in variant for variant in config.variants)


class Concurrency:
    """The requests that a serverless variant has under way."""

    def __init__(self, settings: Parameters) -> None:
        self._limit: int = settings["MaxConcurrency"]
        self._free = threading.BoundedSemaphore(self._limit)

    @contextmanager
    def admitted(self, variant: RunningVariant, body: bytes) -> Iterator[None]:
        """Count a request as under way.

        Raises
        ------
        ServiceError
            ``ThrottlingException`` when there are as many as there may be, ``ValidationError`` when it is too large.
        """
        if len(body) > _LARGEST_BODY:
            raise ServiceError(
                "ValidationError",
                f"The request body has {len(body)} bytes; serverless endpoints take at most {_LARGEST_BODY}.",
            )
        if not self._free.acquire(blocking=False):
            raise ServiceError(
                "ThrottlingException",
                f"Rate exceeded: variant {variant.name} has its MaxConcurrency of {self._limit} requests under way.",
            )
        try:
            yield
        finally:
            self._free.release()
