"""CloudWatch: alarms on metric math."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners


def install() -> None:
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
