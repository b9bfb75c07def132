"""A rollout as ``DeploymentConfig``, and the alarms that take an update back when none are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.rollout import Rollout

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

_NAMESPACE = "AWS/SageMaker"
_endpoint = sagemaker.CfnEndpoint


def deployment_config(rollout: Rollout, alarm_names: Sequence[str]) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Give a rollout as a property of the endpoint.

    Parameters
    ----------
    rollout
        Strategy, sizes and times.
    alarm_names
        The alarms that take an update back; empty when nothing does.
    """
    rollback = None
    if alarm_names:
        alarms = [_endpoint.AlarmProperty(alarm_name=name) for name in alarm_names]
        rollback = _endpoint.AutoRollbackConfigProperty(alarms=alarms)
    step = None
    if rollout.step is not None:
        kind, value = rollout.step
        step = _endpoint.CapacitySizeProperty(type=kind, value=value)
    if rollout.strategy == "rolling" and step is not None:
        back = rollout.rollback_percent
        return _endpoint.DeploymentConfigProperty(
            auto_rollback_configuration=rollback,
            rolling_update_policy=_endpoint.RollingUpdatePolicyProperty(
                maximum_batch_size=step,
                wait_interval_in_seconds=rollout.wait,
                maximum_execution_timeout_in_seconds=rollout.maximum_execution,
                rollback_maximum_batch_size=None
                if back is None
                else _endpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=back),
            ),
        )
    return _endpoint.DeploymentConfigProperty(
        auto_rollback_configuration=rollback,
        blue_green_update_policy=_endpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_endpoint.TrafficRoutingConfigProperty(
                type=rollout.strategy.upper(),
                wait_interval_in_seconds=rollout.wait,
                canary_size=step if rollout.strategy == "canary" else None,
                linear_step_size=step if rollout.strategy == "linear" else None,
            ),
            termination_wait_in_seconds=rollout.termination_wait,
            maximum_execution_timeout_in_seconds=rollout.maximum_execution,
        ),
    )


def rollback_alarms(scope: Construct, endpoint_name: str, variant_names: Sequence[str], rollout: Rollout) -> list[str]:
    """Make the alarms on 5XX answers and on model latency, and give their names.

    Parameters
    ----------
    scope
        The construct that the alarms stand under.
    endpoint_name
        Name of the endpoint, which must be known before the endpoint is: the endpoint waits for its alarms.
    variant_names
        The production variants: errors count together, and the slowest variant counts.
    rollout
        What the alarms bear.
    """
    errors = _Watched("Invocation5XXErrors", "Sum", "SUM(METRICS())", rollout.max_errors, "it answers with 5XX")
    micros = rollout.max_model_latency_ms * 1000  # the metric is in microseconds
    latency = _Watched("ModelLatency", "Average", "MAX(METRICS())", micros, "its model takes too long")
    return [
        _alarm(scope, f"Rollback{kind}", endpoint_name, variant_names, watched)
        for kind, watched in (("Errors", errors), ("Latency", latency))
    ]


class _Watched(NamedTuple):
    """One metric, how several variants' values become one, and what is too much."""

    metric: str
    statistic: str
    together: str
    threshold: float
    what: str


def _alarm(scope: Construct, alarm_id: str, endpoint_name: str, variant_names: Sequence[str], watched: _Watched) -> str:
    from aws_cdk.aws_cloudwatch import CfnAlarm  # for who wants a rollout

    def dimensions(variant: str) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
        values = {"EndpointName": endpoint_name, "VariantName": variant}
        return [CfnAlarm.DimensionProperty(name=name, value=value) for name, value in values.items()]

    def series(index: int, variant: str) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
        metric = CfnAlarm.MetricProperty(
            namespace=_NAMESPACE, metric_name=watched.metric, dimensions=dimensions(variant)
        )
        stat = CfnAlarm.MetricStatProperty(metric=metric, period=60, stat=watched.statistic)
        return CfnAlarm.MetricDataQueryProperty(id=f"v{index}", metric_stat=stat, return_data=False)

    alone = len(variant_names) == 1
    queries = [] if alone else [series(index, name) for index, name in enumerate(variant_names)]
    if not alone:
        queries.append(CfnAlarm.MetricDataQueryProperty(id="together", expression=watched.together, return_data=True))
    alarm = CfnAlarm(
        scope,
        alarm_id,
        alarm_description=f"A rollout of the endpoint is taken back: {watched.what}",
        namespace=_NAMESPACE if alone else None,
        metric_name=watched.metric if alone else None,
        dimensions=dimensions(variant_names[0]) if alone else None,
        statistic=watched.statistic if alone else None,
        period=60 if alone else None,
        metrics=queries or None,
        evaluation_periods=1,
        threshold=watched.threshold,
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching",
    )
    return alarm.ref
