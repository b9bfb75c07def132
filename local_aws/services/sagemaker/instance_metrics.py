"""The CloudWatch metrics of instances, and of inference components' copies: what their host processes use.

"Amazon SageMaker AI metrics in Amazon CloudWatch", sections endpoint metrics and inference component metrics: once a
minute, with and without traffic, CPU as the sum over the cores. One host serves for all instances of a variant, and one
for all copies of a component, so that there is one value, of this machine; each copy, and each instance under
components, reports it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import psutil

from local_aws import telemetry
from local_aws.scope import Scope
from local_aws.services.sagemaker.plane import plane
from local_aws.services.sagemaker.state import states

if TYPE_CHECKING:
    from local_aws.services.sagemaker.component_state import InferenceComponent
    from local_aws.services.sagemaker.containers import RunningContainer

_log = logging.getLogger(__name__)

_INSTANCES = "/aws/sagemaker/Endpoints"
_COPIES = "/aws/sagemaker/InferenceComponents"
_MINUTE = 60.0
_TICK = 1.0  # so that an endpoint's first metrics are there soon
_EVALUATION = 2.0
_SERVING = ("InService", "Updating")


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Processes whose use is published under the same dimensions."""

    scope: Scope
    dimensions: tuple[tuple[str, str], ...]
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Use:
    """What processes have used by a time."""

    at: float
    cpu_seconds: float
    memory_bytes: int = 0


@dataclass(slots=True)
class InstanceMetrics:
    """Publishes the use of every variant and component that is due, and has alarms look at all metrics."""

    _last: dict[_Reporter, _Use] = field(default_factory=dict)
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
        """Publish for everything whose last metrics are a minute old, or that has none yet."""
        current: dict[_Reporter, _Use] = {}
        for reporter, publish in _running():
            last = self._last.get(reporter)
            if last is not None and now - last.at < _MINUTE:
                current[reporter] = last
                continue
            use = _use_of(reporter.pids, now)
            before = last or _Use(_started(reporter.pids, now), 0.0)
            cpu = max(use.cpu_seconds - before.cpu_seconds, 0.0) / max(use.at - before.at, 0.001)
            publish(reporter, cpu, use.memory_bytes)
            current[reporter] = use
        self._last = current


_Publish = Callable[[_Reporter, float, int], None]


def _running() -> Iterator[tuple[_Reporter, _Publish]]:
    for scope, held in states():
        components = [each for each in held.components.all() if each.container is not None]
        for component in components:
            if pids := _pids(component.container):
                of_component = (("InferenceComponentName", component.name),)
                yield _Reporter(scope, of_component, pids), partial(_publish_copies, component)
        for endpoint in held.endpoints.all():
            if endpoint.status not in _SERVING:
                continue
            for variant in list(endpoint.variants.values()):
                hosted = [each for each in components if _is_on(each, endpoint.name, variant.name)]
                pids = _pids(*variant.containers, *(each.container for each in hosted))
                if pids and variant.instance_count:  # a serverless variant has no instances to measure
                    dimensions = (("EndpointName", endpoint.name), ("VariantName", variant.name))
                    count = variant.instance_count if endpoint.hosts_components else 0
                    yield _Reporter(scope, dimensions, pids), partial(_publish_instances, count)


def _is_on(component: InferenceComponent, endpoint_name: str, variant_name: str) -> bool:
    return (component.endpoint_name, component.variant_name) == (endpoint_name, variant_name)


def _pids(*containers: RunningContainer | None) -> tuple[int, ...]:
    return tuple(pid for each in containers if each is not None and (pid := each.host.pid) is not None)


def _publish_instances(hosts_of_components: int, reporter: _Reporter, cpu: float, memory_bytes: int) -> None:
    _put(reporter, _INSTANCES, "CPUUtilization", cpu * 100)
    _put(reporter, _INSTANCES, "MemoryUtilization", memory_bytes / psutil.virtual_memory().total * 100)
    _put(reporter, _INSTANCES, "DiskUtilization", psutil.disk_usage(str(plane().directory)).percent)
    for _ in range(hosts_of_components):
        _put(reporter, _INSTANCES, "CPUUtilizationNormalized", cpu / (psutil.cpu_count() or 1) * 100)


def _publish_copies(component: InferenceComponent, reporter: _Reporter, cpu: float, memory_bytes: int) -> None:
    reserved = component.specification["ComputeResourceRequirements"]
    cores = reserved.get("NumberOfCpuCoresRequired") or psutil.cpu_count() or 1
    memory = reserved["MinMemoryRequiredInMb"] * 1024 * 1024
    for _ in range(component.copies):
        _put(reporter, _COPIES, "CPUUtilizationNormalized", min(cpu / cores * 100, 100.0))
        _put(reporter, _COPIES, "MemoryUtilizationNormalized", min(memory_bytes / memory * 100, 100.0))


def _put(reporter: _Reporter, namespace: str, metric: str, value: float) -> None:
    telemetry.put_metric(reporter.scope, namespace, metric, value, unit="Percent", dimensions=dict(reporter.dimensions))


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
