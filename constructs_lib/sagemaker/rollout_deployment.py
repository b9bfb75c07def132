"""A rollout as ``DeploymentConfig``, and the alarms that take an update back when none are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.metrics import INVOCATIONS
from constructs_lib.sagemaker.rollback_alarms import RollbackAlarms
from constructs_lib.sagemaker.rollout import Rollout

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

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


def rollback_alarms(
    scope: Construct, watched: Sequence[Mapping[str, str]], alarms: RollbackAlarms, *, owner: str = "endpoint"
) -> list[str]:
    """Make the alarms on 5XX answers and on model latency, and give their names.

    Parameters
    ----------
    scope
        The construct that the alarms stand under.
    watched
        The dimensions of each production variant, or of each inference component: errors count together, and the
        slowest counts. Their values must be known before what is updated is: it waits for its alarms.
    alarms
        What the alarms bear.
    owner
        What is updated, for the alarms' descriptions.
    """
    errors = _Watched("Invocation5XXErrors", "Sum", "SUM(METRICS())", alarms.max_errors, "it answers with 5XX")
    micros = alarms.max_model_latency_ms * 1000  # the metric is in microseconds
    latency = _Watched("ModelLatency", "Average", "MAX(METRICS())", micros, "its model takes too long")
    return [
        _alarm(scope, f"Rollback{kind}", owner, watched, metric)
        for kind, metric in (("Errors", errors), ("Latency", latency))
    ]


class _Watched(NamedTuple):
    """One metric, how several variants' values become one, and what is too much."""

    metric: str
    statistic: str
    together: str
    threshold: float
    what: str


def _alarm(
    scope: Construct, alarm_id: str, owner: str, dimensions: Sequence[Mapping[str, str]], watched: _Watched
) -> str:
    from aws_cdk.aws_cloudwatch import CfnAlarm  # only where there are rollouts

    def rendered(values: Mapping[str, str]) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
        return [CfnAlarm.DimensionProperty(name=name, value=value) for name, value in values.items()]

    def series(index: int, values: Mapping[str, str]) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
        metric = CfnAlarm.MetricProperty(namespace=INVOCATIONS, metric_name=watched.metric, dimensions=rendered(values))
        stat = CfnAlarm.MetricStatProperty(metric=metric, period=60, stat=watched.statistic)
        return CfnAlarm.MetricDataQueryProperty(id=f"v{index}", metric_stat=stat, return_data=False)

    alone = len(dimensions) == 1
    queries = [] if alone else [series(index, values) for index, values in enumerate(dimensions)]
    if not alone:
        queries.append(CfnAlarm.MetricDataQueryProperty(id="together", expression=watched.together, return_data=True))
    alarm = CfnAlarm(
        scope,
        alarm_id,
        alarm_description=f"A rollout of the {owner} is taken back: {watched.what}",
        namespace=INVOCATIONS if alone else None,
        metric_name=watched.metric if alone else None,
        dimensions=rendered(dimensions[0]) if alone else None,
        statistic=watched.statistic if alone else None,
        period=60 if alone else None,
        metrics=queries or None,
        evaluation_periods=1,
        threshold=watched.threshold,
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching",
    )
    return alarm.ref
