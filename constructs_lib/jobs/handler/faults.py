"""Which errors of AWS are worth another try."""

from __future__ import annotations

import re

_TRANSIENT = re.compile(r"Throttl|TooManyRequests|RequestLimit|ServiceUnavailable|Internal|RequestTimeout|SlowDown")
_OF_RIGHTS = re.compile(r"(assume|pass).*role|role.*(assume|exist|permission)|not authorized", re.I | re.S)
_KNOWN_WITHIN = 60  # seconds until new rights hold, and new jobs are seen, everywhere
_FIRST_LOOK = 10  # seconds after a request before which nothing looks twice: the waiter's interval


def may_pass(error: Exception, waited: float) -> bool:
    """Tell whether an error may be gone the next time: throttling, a lost connection, rights not known everywhere."""
    from botocore.exceptions import ConnectionError as NotConnectedError
    from botocore.exceptions import HTTPClientError

    if isinstance(error, (HTTPClientError, NotConnectedError, OSError)):
        return True
    answer = getattr(error, "response", None)
    if answer is None:
        return False
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500 or _TRANSIENT.search(code(error)):
        return True
    denied = code(error).startswith("AccessDenied") or _OF_RIGHTS.search(str(error))
    return bool(denied) and waited <= _KNOWN_WITHIN


def may_hide_a_job(error: Exception, waited: float) -> bool:
    """Tell whether a call that failed, or one before it whose answer was lost, may have made a job all the same."""
    if may_pass(error, waited):
        return True
    if code(error) == "ResourceInUse":  # nobody else makes jobs of these names
        return True
    repeated = getattr(error, "response", {}).get("ResponseMetadata", {}).get("RetryAttempts", 0)
    return (waited >= _FIRST_LOOK or repeated > 0) and waited <= _KNOWN_WITHIN


def is_not_found(error: Exception) -> bool:
    """Tell whether SageMaker knows no job of the name."""
    unknown = code(error) == "ValidationException" and re.search("not f(ind|ound)", str(error), re.IGNORECASE)
    return bool(unknown) or code(error).startswith("ResourceNotFound")


def code(error: Exception) -> str:
    """Give AWS's code of an error, or the name of its class."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", type(error).__name__))
