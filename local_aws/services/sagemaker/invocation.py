"""One request, from a variant to its containers and back.

A variant has one container, several in a row (an inference pipeline), or several of which each request names one; any
of them may be a multi-model container.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker.http_client import Reply
from local_aws.services.sagemaker.metrics import publish_container
from local_aws.services.sagemaker.variants import RunningVariant

_PASSED_ON = {
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a request.

    Parameters
    ----------
    reply
        The container's answer, or what SageMaker says when none came.
    container_name
        The container that answered, or did not.
    log_group
        Where its log is.
    """

    reply: Reply | str
    container_name: str
    log_group: str

    @property
    def status(self) -> int:
        """The HTTP status; 0 when no answer came."""
        return self.reply.status if isinstance(self.reply, Reply) else 0

    @property
    def answer(self) -> Reply | None:
        """The answer, when it is a prediction."""
        return self.reply if isinstance(self.reply, Reply) and 200 <= self.reply.status < 300 else None

    @property
    def refusal(self) -> str:
        """What SageMaker says of it, but for where the log is."""
        side = "client" if 400 <= self.status < 500 else "server"
        return f'Received {side} error ({self.status}) from {self.container_name} with message "{self.message}"'

    @property
    def message(self) -> str:
        """The refusal's text."""
        return self.reply if isinstance(self.reply, str) else self.reply.body.decode("utf-8", "replace")


def check_targets(endpoint_name: str, variant: RunningVariant, request: Mapping[str, Any]) -> None:
    """Refuse a request that names a model or container where there is none to name, or fails to name one.

    Raises
    ------
    ServiceError
        ``ValidationError``.
    """
    target, hostname = request.get("TargetModel"), request.get("TargetContainerHostname")
    if target is not None and not variant.target_models:
        raise _invalid(
            f"Endpoint {endpoint_name} is not a multi-model endpoint and does not support target model header."
        )
    if target is None and variant.target_models:
        raise _invalid(f"Endpoint {endpoint_name} is a multi-model endpoint and requires target model header.")
    if not variant.is_direct:
        if hostname is not None:
            raise _invalid(
                f"Endpoint {endpoint_name} is not configured for direct invocation and does not support target "
                "container hostname header."
            )
        return
    names = [container.name for container in variant.containers]
    if hostname is None:
        raise _invalid(
            f"Endpoint {endpoint_name} is configured for direct invocation and requires target container hostname "
            f"header: one of {', '.join(names)}."
        )
    if hostname not in names:
        raise _invalid(
            f"Target container hostname {hostname} not found in endpoint {endpoint_name}: it has {', '.join(names)}."
        )


def exchange(
    scope: Scope,
    endpoint_name: str,
    variant: RunningVariant,
    request: Mapping[str, Any],
    *,
    timeout: float,
    in_parts: bool = False,
) -> Outcome:
    """Pass a request through the containers that it is for.

    Parameters
    ----------
    scope, endpoint_name, variant, request
        What is asked, and whom.
    timeout
        Seconds that each container has.
    in_parts
        Whether to return as soon as the last container begins a good answer.

    Raises
    ------
    ServiceError
        When a target model cannot be had.
    """
    chain = variant.containers
    if variant.is_direct:
        chain = [container for container in chain if container.name == request["TargetContainerHostname"]]
    body, content_type = request["Body"], request.get("ContentType", "application/octet-stream")
    for container in chain:
        is_last = container is chain[-1]
        headers = {"Content-Type": content_type, "Accept": request.get("Accept", "*/*") if is_last else "*/*"}
        headers |= {header: request[name] for name, header in _PASSED_ON.items() if name in request}
        asked = time.perf_counter()
        models = variant.target_models.get(container.name)
        if models is None:
            reply = container.ask(body, headers, timeout=timeout, in_parts=in_parts and is_last)
        else:
            reply = models.ask(request["TargetModel"], body, headers, timeout=timeout)
        outcome = Outcome(reply=reply, container_name=container.name, log_group=container.place.log_group)
        if len(variant.containers) > 1:
            seconds = time.perf_counter() - asked
            publish_container(
                scope, endpoint_name, variant.name, container.name, status=outcome.status, seconds=seconds
            )
        if outcome.answer is None:
            break
        body, content_type = outcome.answer.body, outcome.answer.headers.get("content-type", content_type)
    return outcome


def model_error(scope: Scope, outcome: Outcome) -> ServiceError:
    """Return the refusal of a request that a container answered with an error, or not at all."""
    side = "client" if 400 <= outcome.status < 500 else "server"
    console = (
        f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}"
        f"#logEventViewer:group={outcome.log_group}"
    )
    return ServiceError(
        "ModelError",
        f"{outcome.refusal}. See {console} in account {scope.account} for more information.",
        status=424,
        members={
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "SERVER_ERROR_FROM_MODEL",
            "LogStreamArn": scope.arn("logs", f"log-group:{outcome.log_group}"),
            "OriginalMessage": outcome.message,
            "OriginalStatusCode": outcome.status,
        },
    )


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
