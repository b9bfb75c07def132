"""What an endpoint's HTTPS API looks like: who may call it, where, how often, and what reaches the model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from constructs_lib.serving.problems import Problem, Problems, is_token

Authorization = Literal["iam", "api_key", "none"]

COMPONENT_HEADER = "X-Amzn-SageMaker-Inference-Component"
# botocore sagemaker-runtime, InvokeEndpointInput: the headers of a request besides Content-Type and Accept.
INVOCATION_HEADERS = (
    "X-Amzn-SageMaker-Custom-Attributes",
    "X-Amzn-SageMaker-Enable-Explanations",
    COMPONENT_HEADER,
    "X-Amzn-SageMaker-Inference-Id",
    "X-Amzn-SageMaker-Prefix-Aware-Id",
    "X-Amzn-SageMaker-Session-Id",
    "X-Amzn-SageMaker-Target-Container-Hostname",
    "X-Amzn-SageMaker-Target-Model",
    "X-Amzn-SageMaker-Target-Variant",
)
NAMED_MODEL = "SageMaker streams no answers of multi-model endpoints, as no such request can name the model"
PROCESSOR_FILE = "handler.py"

# CloudWatch Logs, PutRetentionPolicy.
_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# API Gateway, CreateResource: "Resource's path part only allow a-zA-Z0-9._-:".
_PATH = re.compile(r"(/[A-Za-z0-9._:-]+)+")
# API Gateway answers these itself, to health checks.
_RESERVED_PATHS = ("/ping", "/sping")
# API Gateway, CreateStage.
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")
# SageMaker's hosting FAQ: what it gives a model, in seconds, by whether the answer is streamed.
_LONGEST_TIMEOUT = {False: 60, True: 480}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFront:
    """An HTTPS API in front of an endpoint: ``POST`` of JSON, CSV or binary data, answered by the model.

    A body reaches the model byte for byte, and so does the answer the caller. API Gateway takes up to 10 MB, SageMaker
    up to 6 MB (6,291,456 bytes; 4 MB for a serverless endpoint); whichever refuses answers with status 413 or 400.

    Attributes
    ----------
    authorization
        Who may call: ``iam``, whoever signs with AWS credentials and was granted the call; ``api_key``, whoever sends
        the API's key as ``x-api-key``, which identifies a client but is a shared secret; ``none``, everybody on the
        internet. Default: ``iam``.
    path
        Path of the method, beginning with a slash: parts of letters, digits, ``.``, ``_``, ``:`` and ``-``. ``/ping``
        and ``/sping`` are API Gateway's own. Default: ``/invocations``.
    stage
        First part of the URL's path: 1 to 128 letters, digits, hyphens and underscores. Default: ``prod``.
    rate_limit
        Requests per second that the API answers in the long run, above 0; the rest get status 429. Left out: the
        account's own limit, 10,000 by default, shared by all of its APIs.
    burst_limit
        Requests that may come at once, at least 1. Left out: the account's own limit, 5,000 by default.
    requests_per_day
        Requests per day and API key, at least 1; only with ``authorization: api_key``. Left out: no limit.
    streaming
        Whether the answer is passed on while the model makes it, in the model's own content type: a Lambda function of
        this library calls InvokeEndpointWithResponseStream, since API Gateway streams from functions and HTTP servers
        alone. The model's container has to stream, and the endpoint must neither be asynchronous nor multi-model. A
        request has up to 4.5 MB then; of an answer, what is beyond 6 MB comes at 2 MB/s. An error in the midst breaks
        the answer off, and so does API Gateway when nothing has come for five minutes. Default: the complete answer is
        sent.
    timeout
        Seconds that API Gateway waits for the whole answer, 1 to 60; beyond 29 only once the account's quota "Maximum
        integration timeout in milliseconds" has been raised. With ``streaming`` 1 to 480, without that quota. Left out:
        29, or with ``streaming`` 480.
    passed_headers
        Headers of a request that reach SageMaker, besides ``Content-Type`` and ``Accept``: any of InvokeEndpoint's own,
        such as ``X-Amzn-SageMaker-Target-Variant``; with ``streaming``, those of them that
        InvokeEndpointWithResponseStream has, too. Default: all of them.
    log_retention_days
        Days that access logs and error logs are kept; one of the periods that CloudWatch Logs offers. Default: 30.
    processor
        Directory whose ``handler.py`` has a ``handler(event, context)`` that answers in the model's place: a Lambda
        function, of Python 3.14, which gets API Gateway's proxy event (its body in base64) and calls the endpoint that
        its environment variables ``ENDPOINT_NAME`` and ``ENDPOINT_REGION`` name, and of it the inference component
        ``INFERENCE_COMPONENT_NAME``, where that is set; before and after it may change what it likes. It takes up to 6
        MB in base64, which is 4.5 MB. Left out: API Gateway calls the endpoint itself.
    account_log_role
        Whether the stack also sets the role with which API Gateway writes logs. An account has one per region, without
        which no API can log; it is kept when the stack is deleted. ``false``: the account has one. Default: it is set.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    authorization: Authorization = "iam"
    path: str = "/invocations"
    stage: str = "prod"
    rate_limit: float | None = None
    burst_limit: int | None = None
    requests_per_day: int | None = None
    streaming: bool = False
    timeout: int | None = None
    passed_headers: tuple[str, ...] = INVOCATION_HEADERS
    log_retention_days: int = 30
    processor: str | None = None
    account_log_role: bool = True

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._address_problems())
        problems.extend(self._limit_problems())
        problems.extend(self._header_problems())
        problems.raise_any()

    def _address_problems(self) -> Iterator[Problem]:
        if self.authorization not in get_args(Authorization):
            allowed = "'iam', 'api_key' or 'none'"
            yield Problem("authorization", f"must be {allowed}, got '{self.authorization}'")
        if not is_token(self.path) and not _PATH.fullmatch(self.path):
            allowed = "must be parts of letters, digits, '.', '_', ':' and '-', each after one '/'"
            yield Problem("path", f"{allowed}, such as '/invocations', got '{self.path}'")
        elif self.path in _RESERVED_PATHS:
            yield Problem(
                "path", f"'{self.path}' is answered by API Gateway itself; choose another, such as '/predict'"
            )
        if not is_token(self.stage) and not _STAGE.fullmatch(self.stage):
            allowed = "must be 1 to 128 letters, digits, hyphens and underscores"
            yield Problem("stage", f"{allowed}, such as 'prod', got '{self.stage}'")

    def _limit_problems(self) -> Iterator[Problem]:
        if self.rate_limit is not None and not is_token(self.rate_limit) and not 0 < self.rate_limit < inf:
            wrong = f"must be a finite number of requests per second above 0, got {self.rate_limit}"
            yield Problem("rate_limit", wrong)
        for name in ("burst_limit", "requests_per_day"):
            limit = getattr(self, name)
            if limit is not None and not is_token(limit) and limit < 1:
                yield Problem(name, f"must be at least 1 request, got {limit}")
        if self.requests_per_day is not None and self.authorization != "api_key":
            fix = "set 'authorization' to 'api_key', or leave 'requests_per_day' out and use 'rate_limit'"
            yield Problem("requests_per_day", f"counts the requests of an API key, and there is none; {fix}")
        longest = _LONGEST_TIMEOUT[self.streaming]
        if self.timeout is not None and not is_token(self.timeout) and not 1 <= self.timeout <= longest:
            wrong = f"must be 1 to {longest} seconds, which is what SageMaker gives a model"
            yield Problem("timeout", f"{wrong}, got {self.timeout}")
        if not is_token(self.log_retention_days) and self.log_retention_days not in _RETENTION_DAYS:
            allowed = ", ".join(map(str, _RETENTION_DAYS))
            yield Problem("log_retention_days", f"must be one of {allowed} days, got {self.log_retention_days}")
        if self.streaming and self.processor is not None:
            why = "passes on what the model sends, and a processor answers in its place, as a whole"
            yield Problem("streaming", f"{why}; leave 'streaming' or 'processor' out")

    def _header_problems(self) -> Iterator[Problem]:
        known = {header.lower() for header in INVOCATION_HEADERS}
        for index, header in enumerate(self.passed_headers):
            if header.lower() not in known:
                wrong = f"'{header}' is no header that SageMaker reads; choose of {', '.join(INVOCATION_HEADERS)}"
                yield Problem(f"passed_headers.{index}", wrong)
        if len({header.lower() for header in self.passed_headers}) < len(self.passed_headers):
            yield Problem("passed_headers", "names a header twice; give each once")

    @property
    def integration_timeout(self) -> int:
        """Seconds that API Gateway waits, whether they were given or not."""
        if self.timeout is not None:
            return self.timeout
        return _LONGEST_TIMEOUT[True] if self.streaming else 29

    def relative_to(self, directory: Path) -> ApiFront:
        """Read the processor's path as seen from a directory."""
        return self if self.processor is None else replace(self, processor=str(directory / self.processor))

    def file_problems(self) -> Iterator[Problem]:
        """Check that the processor's file is there; only this check looks at files."""
        if self.processor is not None and not (Path(self.processor) / PROCESSOR_FILE).is_file():
            wrong = f"must be a directory with a '{PROCESSOR_FILE}', and '{self.processor}' has none; write one"
            yield Problem("processor", wrong)
