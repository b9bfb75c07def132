"""The CloudWatch metrics of the instances behind an endpoint: what its host processes use, with and without traffic.

"Amazon SageMaker AI metrics in Amazon CloudWatch", section endpoint metrics: once a minute, CPU as the sum over the
cores. One host serves for all instances of a variant, so that there is one datum, of this machine.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psutil

from local_aws import telemetry
from local_aws.scope import Scope
from local_aws.services.sagemaker.state import states
from local_aws.services.sagemaker.variants import RunningVariant

_log = logging.getLogger(__name__)

_NAMESPACE = "/aws/sagemaker/Endpoints"
_MINUTE = 60.0
_TICK = 1.0  # so that an endpoint's first metrics are there soon
_EVALUATION = 10.0
_SERVING = ("InService", "Updating")

_Key = tuple[Scope, str, str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Use:
    """What processes have used by a time."""

    at: float
    cpu_seconds: float
    memory_bytes: int = 0


@dataclass(slots=True)
class InstanceMetrics:
    """Publishes the use of every variant that is due, and has alarms look at all metrics."""

    _last: dict[_Key, _Use] = field(default_factory=dict)
    _evaluated: float = 0.0

    def start(self) -> None:
        """Publish from now on, on a thread that ends with the process."""
        threading.Thread(target=self._run, name="instance-metrics", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                now = time.time()
                self.publish_due(now)
                if now - self._evaluated >= _EVALUATION:
                    self._evaluated = now
                    for scope, _ in states():
                        telemetry.evaluate_alarms(scope)
            except Exception:  # a variant that is going away must not end the metrics of the others
                _log.exception("instance metrics were not published")
            time.sleep(_TICK)

    def publish_due(self, now: float) -> None:
        """Publish for every variant whose last metrics are a minute old, or that has none yet."""
        current: dict[_Key, _Use] = {}
        for key, variant in _running():
            last = self._last.get(key)
            if last is not None and now - last.at < _MINUTE:
                current[key] = last
                continue
            scope, endpoint_name, name, pids = key
            use = _use_of(pids, now)
            before = last or _Use(_started(pids, now), 0.0)
            elapsed = max(use.at - before.at, 0.001)
            values = {
                "CPUUtilization": max(use.cpu_seconds - before.cpu_seconds, 0.0) / elapsed * 100,
                "MemoryUtilization": use.memory_bytes / psutil.virtual_memory().total * 100,
                "DiskUtilization": psutil.disk_usage(str(variant.containers[0].workdir)).percent,
            }
            for metric, value in values.items():
                dimensions = {"EndpointName": endpoint_name, "VariantName": name}
                telemetry.put_metric(scope, _NAMESPACE, metric, value, unit="Percent", dimensions=dimensions)
            current[key] = use
        self._last = current


def _running() -> Iterator[tuple[_Key, RunningVariant]]:
    for scope, held in states():
        for endpoint in held.endpoints.all():
            if endpoint.status in _SERVING:
                for variant in list(endpoint.variants.values()):
                    pids = tuple(pid for container in variant.containers if (pid := container.host.pid) is not None)
                    if pids and variant.instance_count:  # a serverless variant has no instances to measure
                        yield (scope, endpoint.name, variant.name, pids), variant


def _use_of(pids: Sequence[int], now: float) -> _Use:
    seconds, memory = 0.0, 0
    for process in _family(pids):
        with contextlib.suppress(psutil.Error):  # it has just ended
            times = process.cpu_times()
            seconds += times.user + times.system
            memory += process.memory_info().rss
    return _Use(now, seconds, memory)


def _family(pids: Sequence[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)


def _started(pids: Sequence[int], now: float) -> float:
    found = [now]
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid).create_time())
    return min(found)
