"""CloudWatch alarms on the metrics of variants and inference components: in plain Python, and their resource.

The rules know nothing of the CDK; `make_alarm` renders any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from constructs_lib.sagemaker.metrics import COPIES, INSTANCES, INVOCATIONS
from constructs_lib.sagemaker.monitoring.monitoring import MissingData, Monitoring
from constructs_lib.sagemaker.monitoring.watched_component import WatchedComponent
from constructs_lib.sagemaker.monitoring.watched_variant import WatchedVariant

if TYPE_CHECKING:
    from aws_cdk.aws_cloudwatch import CfnAlarm
    from constructs import Construct

MINUTE = 60
_ABOVE = "GreaterThanThreshold"
_BELOW = "LessThanThreshold"
# Each instance, and each copy, sends it once a minute, with and without traffic: its samples are their number, as AWS's
# own samples count them (aws-samples, sagemaker-genai-hosting-examples, observability).
_REPORTED = "CPUUtilizationNormalized"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One alarm, without the endpoint that it is about.

    Attributes
    ----------
    name
        What it is about, as part of its construct id: ``Errors``.
    description
        What has happened when it goes off, for whoever is woken by it.
    metrics
        CloudWatch metrics by the ids that ``expression`` gives them, each as namespace and name. One alone needs none.
    statistic
        CloudWatch's name of the statistic: ``Average``, ``Sum``, ``SampleCount``, ``p99``.
    threshold
        In the metric's own unit.
    comparison
        CloudWatch's comparison operator.
    expression
        Metric math over ``metrics``. None: there is one metric, and it is compared.
    minutes, breaching_minutes
        Minutes that are looked at, and how many of them must be beyond the threshold. None: all.
    missing_data
        What a minute without data counts as.
    """

    name: str
    description: str
    metrics: Mapping[str, tuple[str, str]]
    statistic: str
    threshold: float
    comparison: str = _ABOVE
    expression: str | None = None
    minutes: int
    breaching_minutes: int | None = None
    missing_data: MissingData = "notBreaching"


def _error_rule(monitoring: Monitoring, *, status: str = "5XX") -> AlarmRule | None:
    """Give the alarm for a share of 5xx answers, or of 4xx ones; None when it is switched off.

    SageMaker sends 1 for each such answer and 0 for any other, so that their average is the share.
    """
    percent = monitoring.error_percent if status == "5XX" else monitoring.client_error_percent
    if percent is None:
        return None
    return AlarmRule(
        name="Errors" if status == "5XX" else "ClientErrors",
        description=f"More than {percent:g} % of the invocations were answered with a {status.lower()} status",
        metrics={"m": (INVOCATIONS, f"Invocation{status}Errors")},
        statistic="Average",
        threshold=percent / 100,
        minutes=monitoring.minutes,
        breaching_minutes=monitoring.breaching_minutes,
        missing_data=monitoring.missing_data,
    )


def _latency_rule(monitoring: Monitoring) -> AlarmRule | None:
    """Give the alarm for the model's latency, which SageMaker counts in microseconds; None when it is switched off."""
    latency = monitoring.latency_p99_ms
    if latency is None:
        return None
    return AlarmRule(
        name="Latency",
        description=f"The model took more than {latency:g} ms for 1 of 100 invocations",
        metrics={"m": (INVOCATIONS, "ModelLatency")},
        statistic="p99",
        threshold=latency * 1000,
        minutes=monitoring.minutes,
        breaching_minutes=monitoring.breaching_minutes,
        missing_data=monitoring.missing_data,
    )


def variant_rules(variant: WatchedVariant, monitoring: Monitoring) -> list[AlarmRule]:
    """Give all alarms of one variant, as far as they are switched on and apply to it."""
    found = [
        *([] if variant.hosts_components else _answer_rules(monitoring)),
        *_saturation_rules(variant, monitoring),
        _at_max_rule(variant, monitoring),
        _silence_rule(variant, monitoring),
    ]
    return [rule for rule in found if rule is not None]


def component_rules(component: WatchedComponent, monitoring: Monitoring) -> list[AlarmRule]:
    """Give all alarms of one inference component, as far as they are switched on and apply to it."""
    found = _answer_rules(monitoring)
    if monitoring.at_max_instances and component.max_copies is not None:
        found.append(_full_rule("AtMaxCopies", "copies", component.max_copies, COPIES, monitoring))
    if monitoring.silent_minutes is not None and not component.can_be_empty:
        found.append(_silent_rule("NoCopies", "copies", (COPIES, _REPORTED), monitoring.silent_minutes))
    return [rule for rule in found if rule is not None]


def _answer_rules(monitoring: Monitoring) -> list[AlarmRule | None]:
    return [_error_rule(monitoring), _error_rule(monitoring, status="4XX"), _latency_rule(monitoring)]


def _saturation_rules(variant: WatchedVariant, monitoring: Monitoring) -> Iterator[AlarmRule]:
    uses = (
        ("Cpu", "CPUUtilization", monitoring.cpu_percent, variant.vcpus, "vCPUs"),
        ("Memory", "MemoryUtilization", monitoring.memory_percent, 1, "memory"),
        ("Gpu", "GPUUtilization", monitoring.gpu_percent, variant.gpus, "GPUs"),
        ("GpuMemory", "GPUMemoryUtilization", monitoring.gpu_memory_percent, variant.gpus, "GPU memory"),
    )
    for name, metric, percent, parts, what in uses:
        if percent is not None and parts:
            yield AlarmRule(
                name=name,
                description=f"The instances use more than {percent:g} % of their {what}, on average",
                metrics={"m": (INSTANCES, metric)},
                statistic="Average",
                threshold=percent * parts,
                minutes=monitoring.saturation_minutes,
                missing_data=monitoring.missing_data,
            )


def _at_max_rule(variant: WatchedVariant, monitoring: Monitoring) -> AlarmRule | None:
    """SageMaker publishes no instance count, but with each request the inverse of it: the sums' ratio is the count."""
    if not monitoring.at_max_instances or variant.max_instances is None:
        return None
    if variant.hosts_components:
        return _full_rule("AtMaxInstances", "instances", variant.max_instances, INSTANCES, monitoring)
    return AlarmRule(
        name="AtMaxInstances",
        description=f"The variant has all of the {variant.max_instances} instances that its autoscaling allows",
        metrics={"requests": (INVOCATIONS, "Invocations"), "shares": (INVOCATIONS, "InvocationsPerInstance")},
        statistic="Sum",
        expression="requests / shares",
        threshold=variant.max_instances - 0.5,  # a sum of thirds is not quite a whole number
        minutes=monitoring.saturation_minutes,
        missing_data=monitoring.missing_data,
    )


def _full_rule(name: str, what: str, most: int, namespace: str, monitoring: Monitoring) -> AlarmRule:
    return AlarmRule(
        name=name,
        description=f"It has all of the {most} {what} that its scaling allows",
        metrics={"m": (namespace, _REPORTED)},
        statistic="SampleCount",
        threshold=most - 0.5,
        minutes=monitoring.saturation_minutes,
        missing_data=monitoring.missing_data,
    )


def _silence_rule(variant: WatchedVariant, monitoring: Monitoring) -> AlarmRule | None:
    minutes = monitoring.silent_minutes
    if minutes is None or not variant.has_instances or variant.can_be_empty:
        return None
    return _silent_rule("Silence", "instances", (INSTANCES, "CPUUtilization"), minutes)


def _silent_rule(name: str, what: str, metric: tuple[str, str], minutes: int) -> AlarmRule:
    return AlarmRule(
        name=name,
        description=f"The {what} have sent no metric for {minutes} minutes",
        metrics={"m": metric},
        statistic="SampleCount",
        threshold=1,
        comparison=_BELOW,
        minutes=minutes,
        missing_data="breaching",
    )


def make_alarm(
    scope: Construct,
    id: str,  # noqa: A002 - the CDK's own name for it
    *,
    rule: AlarmRule,
    owner: str,
    dimensions: Mapping[str, str],
    topics: Sequence[str] = (),
) -> CfnAlarm:
    """Define the alarm that a rule describes; CloudFormation gives it a name.

    Parameters
    ----------
    scope, id
        Where in the construct tree the alarm stands.
    rule
        What it is about.
    owner
        Name of the variant or inference component that it is about.
    dimensions
        Those of the metrics that it reads. A token of the endpoint makes the alarm wait for it.
    topics
        ARNs of the SNS topics that are told. Default: nobody is.
    """
    from aws_cdk import aws_cloudwatch as cloudwatch  # only where there are alarms

    read = [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in dimensions.items()]
    namespace, metric_name = next(iter(rule.metrics.values()))
    math = None if rule.expression is None else _math(rule, rule.expression, read)
    is_percentile = rule.statistic.startswith("p")
    return cloudwatch.CfnAlarm(
        scope,
        id,
        alarm_description=f"{owner}: {rule.description}",
        metrics=math,
        namespace=None if math else namespace,
        metric_name=None if math else metric_name,
        dimensions=None if math else read,
        period=None if math else MINUTE,
        statistic=None if math or is_percentile else rule.statistic,
        extended_statistic=rule.statistic if is_percentile and not math else None,
        threshold=rule.threshold,
        comparison_operator=rule.comparison,
        evaluation_periods=rule.minutes,
        datapoints_to_alarm=rule.breaching_minutes or rule.minutes,
        treat_missing_data=rule.missing_data,
        alarm_actions=list(topics) or None,
        ok_actions=list(topics) or None,
    )


def _math(
    rule: AlarmRule, expression: str, dimensions: list[CfnAlarm.DimensionProperty]
) -> list[CfnAlarm.MetricDataQueryProperty]:
    from aws_cdk.aws_cloudwatch import CfnAlarm

    read = [
        CfnAlarm.MetricDataQueryProperty(
            id=key,
            return_data=False,
            metric_stat=CfnAlarm.MetricStatProperty(
                metric=CfnAlarm.MetricProperty(namespace=namespace, metric_name=name, dimensions=dimensions),
                period=MINUTE,
                stat=rule.statistic,
            ),
        )
        for key, (namespace, name) in rule.metrics.items()
    ]
    return [CfnAlarm.MetricDataQueryProperty(id="compared", expression=expression, return_data=True), *read]
