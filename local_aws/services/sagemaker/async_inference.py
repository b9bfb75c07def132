"""``InvokeEndpointAsync``: requests wait in a queue, inputs come from S3, outputs go there, and topics hear of it.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

import collections
import json
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_aws.api import Parameters, Response
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker import async_results
from local_aws.services.sagemaker.async_results import RequestFailedError
from local_aws.services.sagemaker.invocation import exchange
from local_aws.services.sagemaker.metrics import publish, publish_async
from local_aws.services.sagemaker.state import Endpoint
from local_aws.services.sagemaker.variants import RunningVariant

_log = logging.getLogger(__name__)
_POOL = ThreadPoolExecutor(max_workers=64, thread_name_prefix="invoke-endpoint-async")
# InvokeEndpointAsync's reference: 15 minutes, and 6 hours.
_INVOCATION_TIMEOUT, _TTL = 900, 21600
# "If no value is provided, SageMaker chooses an optimal value" (AsyncInferenceClientConfig).
_CONCURRENCY = 4


@dataclass(slots=True, kw_only=True)
class Job:
    """One request that waits, or is under way, with the output settings of when it came."""

    request: dict[str, Any]
    settings: Parameters
    inference_id: str
    output: str
    failure: str | None
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    queued: float = field(default_factory=time.monotonic)


def invoke_async(scope: Scope, endpoint: Endpoint, request: dict[str, Any]) -> Response:
    """Take a request into the endpoint's queue, and say where its result will be.

    Raises
    ------
    ServiceError
        ``ValidationError``.
    """
    config: Parameters | None = endpoint.config.request.get("AsyncInferenceConfig")
    if config is None:
        raise ServiceError("ValidationError", f"Endpoint {endpoint.name} is not an asynchronous inference endpoint.")
    body = request.pop("Body")
    if bool(body) == ("InputLocation" in request):
        raise ServiceError("ValidationError", "Exactly one of InputLocation and Body must be specified.")
    if body:
        request["Body"] = body
    settings: Parameters = config["OutputConfig"]
    inference_id = request.get("InferenceId", str(uuid.uuid4()))
    output, failure = async_results.locations(settings, request)
    with endpoint.lock:  # two first requests at once must not wait in two queues, of which one is forgotten
        endpoint.queue = endpoint.queue or AsyncQueue(scope, endpoint)
    endpoint.queue.put(
        Job(request=request, settings=settings, inference_id=inference_id, output=output, failure=failure)
    )
    headers = {"content-type": "application/json", "X-Amzn-SageMaker-OutputLocation": output}
    if failure is not None:
        headers["X-Amzn-SageMaker-FailureLocation"] = failure
    return 202, headers, json.dumps({"InferenceId": inference_id}).encode()


class AsyncQueue:
    """The requests of one endpoint, which outlive its configurations."""

    def __init__(self, scope: Scope, endpoint: Endpoint) -> None:
        self._scope = scope
        self._endpoint = endpoint
        self._waiting: collections.deque[Job] = collections.deque()
        self._running = 0
        self._lock = threading.Lock()

    def put(self, job: Job) -> None:
        """Add a request."""
        with self._lock:
            self._waiting.append(job)
        self.process()

    def process(self) -> None:
        """Start as many requests as the instances may have at a time: none while there are no instances."""
        with self._lock:
            capacity = self._instances() * self._concurrency()
            while self._waiting and self._running < capacity:
                self._running += 1
                _POOL.submit(self._run, self._waiting.popleft())
        self._publish_backlog()

    def _run(self, job: Job) -> None:
        try:
            self._answer(job)
        except Exception:
            _log.exception("asynchronous request %s to %s was lost", job.inference_id, self._endpoint.name)
        finally:
            with self._lock:
                self._running -= 1
            self.process()

    def _answer(self, job: Job) -> None:
        begun = time.monotonic()
        variants = self._endpoint.variants
        if not variants:
            return
        variant = next(iter(variants.values()))
        results = async_results.Results(self._scope, self._endpoint, variant, job)
        try:
            if begun - job.queued > job.request.get("RequestTTLSeconds", _TTL):
                raise RequestFailedError("ExpiredRequests", "The request expired in the queue.")
            results.deliver(self._invoke(variant, job, results.input()))
        except RequestFailedError as failure:
            results.fail(failure)
        seconds = {"TimeInBacklog": begun - job.queued, "TotalProcessingTime": time.monotonic() - job.queued}
        publish_async(self._scope, self._endpoint.name, {k: v * 1e3 for k, v in seconds.items()}, unit="Milliseconds")

    def _invoke(self, variant: RunningVariant, job: Job, body: bytes) -> async_results.Prediction:
        asked = time.perf_counter()
        timeout = float(job.request.get("InvocationTimeoutSeconds", _INVOCATION_TIMEOUT))
        request = job.request | {"Body": body, "InferenceId": job.inference_id}
        outcome = exchange(self._scope, self._endpoint.name, variant, request, timeout=timeout)
        seconds = time.perf_counter() - asked
        publish(self._scope, self._endpoint.name, variant, status=outcome.status, model_seconds=seconds, overhead=0.0)
        if outcome.answer is None:
            raise RequestFailedError("InvocationFailures", outcome.refusal, outcome.message.encode())
        content_type = outcome.answer.headers.get("content-type", "application/octet-stream")
        return async_results.Prediction(outcome.answer.body, content_type)

    def _instances(self) -> int:
        if self._endpoint.status == "Deleted":
            return 0
        return sum(variant.instance_count or 0 for variant in self._endpoint.variants.values())

    def _concurrency(self) -> int:
        config: Parameters = self._endpoint.config.request.get("AsyncInferenceConfig", {})
        return int(config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", _CONCURRENCY))

    def _publish_backlog(self) -> None:
        with self._lock:
            size, instances = len(self._waiting) + self._running, self._instances()
        values = {"ApproximateBacklogSize": float(size), "HasBacklogWithoutCapacity": float(size > 0 == instances)}
        if instances:
            values["ApproximateBacklogSizePerInstance"] = size / instances
        publish_async(self._scope, self._endpoint.name, values)
