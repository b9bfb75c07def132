"""Calls to AWS, of which a failure is one line."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from constructs_lib.tools.brief import brief
from constructs_lib.tools.command import ToolError

Answer = TypeVar("Answer")

_PAUSES = (0.2, 0.5, 1.0)  # seconds
_BUSY = (
    "ThrottlingException",
    "Throttling",
    "ServiceUnavailable",
    "InternalFailure",
    "InternalDependencyException",
    "SlowDown",  # S3's own words for the first and the last
    "InternalError",
)
_LOG_IN = "set AWS_PROFILE, or log in (`aws sso login`, `aws configure`)"
_NO_CREDENTIALS = f"there are no AWS credentials; {_LOG_IN}"
# Credentials that have expired or that AWS does not know: S3's codes, and those of the other services.
_UNKNOWN_CALLER = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "UnrecognizedClientException",
)
_MAKING = Lock()  # boto3's default session makes one client at a time


def client(service: str, *, attempts: int = 5, **settings: Any) -> Any:
    """Make a boto3 client with the caller's own credentials and region, which retries what can be retried.

    Parameters
    ----------
    service
        Its name in boto3, such as ``"s3"``.
    attempts
        How often a request is sent until it is answered, at least 1.
    settings
        More of `botocore.config.Config`.

    Raises
    ------
    ToolError
        When boto3 is not installed, or the endpoint or the region that the shell names is none.
    """
    with _installed():
        import boto3
        from botocore.config import Config
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, **settings)
    region = os.environ.get("AWS_REGION") or None  # which the CDK and AWS's command line read, and boto3 does not
    with _MAKING:
        try:
            return boto3.client(service, config=config, region_name=region)  # type: ignore[call-overload]
        except ValueError as error:
            raise ToolError(f"{error}; see the variables AWS_ENDPOINT_URL and AWS_REGION") from error


def patiently(call: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep) -> Answer:
    """Call, and call again up to three times if the connection breaks or the service is busy, but not if it is slow.

    For clients of one attempt: boto3's own retries wait for a slow answer several times over.

    Parameters
    ----------
    call
        Asks the service once.
    sleep
        What waits for so many seconds.
    """
    from botocore import exceptions as boto

    for pause in _PAUSES:
        try:
            return call()
        except (boto.EndpointConnectionError, boto.ConnectionClosedError):
            sleep(pause)
        except boto.ClientError as error:
            if error.response["Error"].get("Code") not in _BUSY:
                raise
            sleep(pause)
    return call()


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what boto3 raises into one line.

    Parameters
    ----------
    what
        What is being done, with its object: ``"upload to s3://models/digits/"``.

    Raises
    ------
    ToolError
        When AWS refuses or cannot be reached, or when there are no credentials.
    """
    with _installed():
        from botocore import exceptions as boto
        from urllib3.exceptions import HTTPError
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError, HTTPError) as error:  # the last from a stream that breaks off
        raise ToolError("; ".join([f"{what}: {_cause(error)}", *getattr(error, "__notes__", ())])) from error


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        needed = "needs boto3, which is not installed; run: pip install 'inference-constructs[client]'"
        raise ToolError(needed) from error


def _cause(error: Exception) -> str:
    from botocore import exceptions as boto

    if isinstance(error, boto.ClientError):
        answer = error.response["Error"]
        if answer.get("Code") == "ModelError":
            return _model_error(error.response)
        said = f"AWS answers {answer.get('Code', '')} to {error.operation_name}: {brief(answer.get('Message', ''))}"
        return f"{said}; {_LOG_IN}" if answer.get("Code") in _UNKNOWN_CALLER else said
    lacks_credentials = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.SSOError,
    )
    if isinstance(error, lacks_credentials):
        return _NO_CREDENTIALS
    if isinstance(error, boto.NoRegionError):
        return "there is no region; set AWS_REGION"
    return brief(str(error))


def _model_error(answer: Mapping[str, Any]) -> str:
    """Tell what the container answers, which AWS wraps in words of its own."""
    said = brief(answer.get("OriginalMessage") or answer["Error"].get("Message", ""))
    log = answer.get("LogStreamArn", "").partition(":log-group:")[2]
    more = f"; more in its log group, {log}" if log else ""
    return f"the model answers {answer.get('OriginalStatusCode', 'with an error')}: {said}{more}"
