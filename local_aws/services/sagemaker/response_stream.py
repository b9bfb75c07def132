"""``InvokeEndpointWithResponseStream``: what a container answers, passed on in parts as they come."""

from __future__ import annotations

import http.client
import time
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from local_aws import event_stream
from local_aws.api import StreamedResponse
from local_aws.scope import Scope
from local_aws.services.sagemaker.capture import capture
from local_aws.services.sagemaker.invocation import check_targets, exchange, model_error
from local_aws.services.sagemaker.metrics import publish, publish_stream
from local_aws.services.sagemaker.shadows import send_copies
from local_aws.services.sagemaker.state import Endpoint
from local_aws.services.sagemaker.variants import RunningVariant

# "… up to 60 seconds for regular responses and 8 minutes for streaming responses" (SageMaker's hosting FAQ).
_TIMEOUT = 480.0


def open_stream(
    scope: Scope, endpoint: Endpoint, variant: RunningVariant, request: Mapping[str, Any], started: float
) -> StreamedResponse:
    """Answer when the container begins to, in events that follow it to its end.

    A container that does not stream answers in as many parts as its answer arrives in.

    Raises
    ------
    ServiceError
        When there is nothing to stream.
    """
    answer = _answer(scope, endpoint, variant, request, started)
    return 200, next(answer), answer


def _answer(
    scope: Scope, endpoint: Endpoint, variant: RunningVariant, request: Mapping[str, Any], started: float
) -> Generator[Any, None, None]:
    """Yield the headers, then the events."""
    check_targets(endpoint.name, variant, request)
    send_copies(scope, endpoint, variant, request, timeout=_TIMEOUT)
    asked, first = time.perf_counter(), None
    with variant.concurrency.admitted(variant, request["Body"]) if variant.concurrency else nullcontext():
        outcome = exchange(scope, endpoint.name, variant, request, timeout=_TIMEOUT, in_parts=True)
        reply, name = outcome.answer, outcome.container_name
        parts, failure = [], None
        try:
            if reply is None:
                raise model_error(scope, outcome)
            yield _headers(reply.headers, variant)
            for part in reply.parts:
                first = first or time.perf_counter()
                parts.append(part)
                yield event_stream.event("PayloadPart", part)
        except TimeoutError:
            said = f"Your model {name} did not complete sending the inference response in the allotted time."
            failure = {"ErrorCode": "ModelInvocationTimeExceeded", "Message": said}
        except (OSError, http.client.HTTPException):
            said = f"The connection to {name} broke off while it sent the inference response."
            failure = {"ErrorCode": "StreamBroken", "Message": said}
        finally:  # the caller may have gone
            latencies = {"model_seconds": time.perf_counter() - asked, "overhead": asked - started}
            publish(scope, endpoint.name, variant, status=outcome.status, **latencies)
            if first is not None:
                latencies["model_seconds"] = first - asked
                publish_stream(scope, endpoint.name, variant, **latencies, is_broken=failure is not None)
        if failure is not None:
            yield event_stream.exception("ModelStreamError", failure)
        elif reply is not None:
            capture(scope, endpoint, variant, request, replace(reply, body=b"".join(parts)))


def _headers(given: Mapping[str, str], variant: RunningVariant) -> dict[str, str]:
    """Return the headers of the answer, of which the container's content type is one of its own."""
    headers = {
        "content-type": event_stream.CONTENT_TYPE,
        "X-Amzn-SageMaker-Content-Type": given.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": variant.name,
    }
    custom = "X-Amzn-SageMaker-Custom-Attributes"
    return headers | ({custom: given[custom.lower()]} if custom.lower() in given else {})
