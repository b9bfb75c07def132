"""CloudWatch: alarms on metric math, alarms that see their own dimensions only, and alarms by what they call."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

_NO_ALARM = "-"


def install() -> None:
    """Take alarms on metric math, heed the dimensions of alarms, and look for alarms by their actions."""
    _take_metric_math()
    _heed_dimensions()
    _look_for_actions()


def _take_metric_math() -> None:
    """Let templates have alarms on ``Metrics``, which MiniStack refuses.

    One metric alone is kept as a metric, and evaluated; metric math is described, and never evaluated.
    """
    original: Callable[[str, dict[str, Any]], dict[str, Any]] = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        queries = properties.get("Metrics")
        if not queries:
            return original(name, properties)
        if len(queries) == 1 and (read := queries[0].get("MetricStat")):
            is_percentile = read["Stat"].startswith("p")
            statistic = {"ExtendedStatistic" if is_percentile else "Statistic": read["Stat"], "Period": read["Period"]}
            return original(name, {**properties, "Metrics": None, **read["Metric"], **statistic})
        alarm = original(name, {**properties, "Metrics": None, "MetricName": "math", "Namespace": "math"})
        for key in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
            del alarm[key]
        return {**alarm, "Metrics": queries}

    provisioners._cw_metric_alarm_record = record


def _heed_dimensions() -> None:
    """Let an alarm see its own metric: MiniStack's sees those of the same name of all dimensions, so all endpoints'."""
    original: FunctionType = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
        own = {key: points for key, points in list(cloudwatch._metrics.items()) if key[2] == dimensions}
        FunctionType(original.__code__, {**vars(cloudwatch), "_metrics": own})(alarm)

    cloudwatch._evaluate_alarm = evaluate


def _look_for_actions() -> None:
    """Let ``DescribeAlarms`` heed ``ActionPrefix``, which MiniStack does not: it answers with every alarm."""
    original: Callable[..., Any] = cloudwatch._describe_alarms

    def describe(params: dict[str, Any], body: dict[str, Any], *kinds: Any, **named: Any) -> Any:
        prefix = (body or {}).get("ActionPrefix") or cloudwatch._p(params, "ActionPrefix")
        if not prefix:
            return original(params, body, *kinds, **named)
        names = [name for name, alarm in cloudwatch._alarms.items() if _calls(alarm, prefix)] or [_NO_ALARM]
        as_query = {f"AlarmNames.member.{place}": [name] for place, name in enumerate(names, 1)}
        return original({**params, **as_query}, {**(body or {}), "AlarmNames": names}, *kinds, **named)

    cloudwatch._describe_alarms = describe


def _calls(alarm: dict[str, Any], prefix: str) -> bool:
    kinds = ("AlarmActions", "OKActions", "InsufficientDataActions")
    return any(action.startswith(prefix) for kind in kinds for action in alarm.get(kind) or ())
