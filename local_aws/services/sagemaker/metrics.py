"""The CloudWatch metrics of an invocation, under SageMaker's names.

"Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch", section endpoint invocation metrics.
"""

from __future__ import annotations

from local_aws import backend
from local_aws.scope import Scope
from local_aws.services.sagemaker.variants import RunningVariant

_NAMESPACE = "AWS/SageMaker"


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
        backend.put_metric(scope, _NAMESPACE, name, value, unit=unit, dimensions=dimensions)
