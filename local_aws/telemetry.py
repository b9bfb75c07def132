"""What our services tell by MiniStack's services: log lines, metrics and messages.

Every function is safe on any thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from ministack.core import responses
from ministack.services import cloudwatch, cloudwatch_logs, sns

from local_aws.scope import Scope


def open_log_stream(scope: Scope, group: str, stream: str) -> None:
    """Create a log stream, and its group when there is none."""
    with responses.request_scope(scope.account, scope.region):
        if group not in cloudwatch_logs._log_groups:
            cloudwatch_logs._create_log_group({"logGroupName": group})
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})


def put_log_lines(scope: Scope, group: str, stream: str, lines: Iterable[str]) -> None:
    """Append lines to a log stream."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines]
    with responses.request_scope(scope.account, scope.region):
        cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": events})


def put_metric(
    scope: Scope, namespace: str, name: str, value: float, *, unit: str, dimensions: Mapping[str, str]
) -> None:
    """Publish one datum of a metric."""
    with responses.request_scope(scope.account, scope.region):
        cloudwatch.record_metric(namespace, name, value, unit=unit, dimensions=dict(dimensions))


def evaluate_alarms(scope: Scope) -> None:
    """Compare what every alarm looks at with its threshold; MiniStack does by itself for ``PutMetricData`` alone."""
    with responses.request_scope(scope.account, scope.region):
        cloudwatch._evaluate_all_alarms()


def alarm_state(scope: Scope, name: str) -> str | None:
    """Return an alarm's state, such as ``OK``; None when there is no such alarm."""
    with responses.request_scope(scope.account, scope.region):
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
        return None if alarm is None else str(alarm["StateValue"])


def publish_message(scope: Scope, topic_arn: str, message: str) -> bool:
    """Publish to an SNS topic; False when there is no such topic or it refuses."""
    with responses.request_scope(scope.account, scope.region):
        try:
            return sns.publish_internal(topic_arn, message) is not None
        except sns.SnsPublishError:
            return False
