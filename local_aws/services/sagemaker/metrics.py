"""The CloudWatch metrics of an invocation, under SageMaker's names.

"Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch", section endpoint invocation metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from local_aws import telemetry
from local_aws.scope import Scope

if TYPE_CHECKING:
    from local_aws.services.sagemaker.variants import RunningVariant

_NAMESPACE = "AWS/SageMaker"
# "LoadedModelCount" is one of the multi-model endpoint *instance* metrics.
_INSTANCE_NAMESPACE = "/aws/sagemaker/Endpoints"


def publish(
    scope: Scope, endpoint_name: str, variant: RunningVariant, *, status: int, model_seconds: float, overhead: float
) -> None:
    """Publish what one invocation counts as; latencies are in microseconds."""
    is_server_error = status == 0 or status >= 500
    values = [
        ("Invocations", 1.0, "None"),
        ("InvocationsPerInstance", 1.0 / max(variant.instance_count or 1, 1), "None"),
        ("Invocation4XXErrors", float(400 <= status < 500), "None"),
        ("Invocation5XXErrors", float(is_server_error), "None"),
        ("InvocationModelErrors", float(not 200 <= status < 300), "None"),
        ("ModelLatency", model_seconds * 1e6, "Microseconds"),
        ("OverheadLatency", overhead * 1e6, "Microseconds"),
    ]
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant.name}
    for name, value, unit in values:
        telemetry.put_metric(scope, _NAMESPACE, name, value, unit=unit, dimensions=dimensions)
    if variant.component is not None:
        per_copy = ("InvocationsPerCopy", 1.0 / max(variant.component.copies, 1), "None")
        of_component = {"InferenceComponentName": variant.component.name}
        for name, value, unit in (per_copy, *(each for each in values if each[0] != "InvocationsPerInstance")):
            telemetry.put_metric(scope, _NAMESPACE, name, value, unit=unit, dimensions=of_component)


def publish_stream(
    scope: Scope,
    endpoint_name: str,
    variant: RunningVariant,
    *,
    model_seconds: float,
    overhead: float,
    is_broken: bool,
) -> None:
    """Publish what is known besides of an answer in parts: how soon the first came, and whether the rest did."""
    values = [
        ("FirstChunkModelLatency", model_seconds * 1e6, "Microseconds"),
        ("FirstChunkOverheadLatency", overhead * 1e6, "Microseconds"),
        ("FirstChunkLatency", (model_seconds + overhead) * 1e6, "Microseconds"),
        ("MidStreamErrors", float(is_broken), "None"),
    ]
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant.name}
    for name, value, unit in values:
        telemetry.put_metric(scope, _NAMESPACE, name, value, unit=unit, dimensions=dimensions)


def publish_async(scope: Scope, endpoint_name: str, values: Mapping[str, float], *, unit: str = "None") -> None:
    """Publish metrics of an asynchronous endpoint."""
    for name, value in values.items():
        telemetry.put_metric(scope, _NAMESPACE, name, value, unit=unit, dimensions={"EndpointName": endpoint_name})


def publish_component(scope: Scope, component_name: str, values: Mapping[str, float]) -> None:
    """Publish metrics of an inference component."""
    for name, value in values.items():
        telemetry.put_metric(
            scope, _NAMESPACE, name, value, unit="None", dimensions={"InferenceComponentName": component_name}
        )


def publish_model(scope: Scope, where: tuple[str, str], name: str, value: float, *, unit: str = "Microseconds") -> None:
    """Publish one of the metrics of a multi-model endpoint; *where* has the endpoint's and the variant's name."""
    namespace = _INSTANCE_NAMESPACE if name == "LoadedModelCount" else _NAMESPACE
    dimensions = {"EndpointName": where[0], "VariantName": where[1]}
    telemetry.put_metric(scope, namespace, name, value, unit=unit, dimensions=dimensions)


def publish_container(
    scope: Scope, endpoint_name: str, variant_name: str, container_name: str, *, status: int, seconds: float
) -> None:
    """Publish what an invocation counts as for one of several containers."""
    values = [
        ("Invocations", 1.0, "None"),
        ("Invocation4XXErrors", float(400 <= status < 500), "None"),
        ("Invocation5XXErrors", float(status == 0 or status >= 500), "None"),
        ("ContainerLatency", seconds * 1e6, "Microseconds"),
    ]
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name, "ContainerName": container_name}
    for name, value, unit in values:
        telemetry.put_metric(scope, _NAMESPACE, name, value, unit=unit, dimensions=dimensions)
