"""HTTP to a model server: connections are kept, broken ones are tried again, failures are one line."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from http.client import IncompleteRead
from typing import Any

from constructs_lib.tools.brief import brief
from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.answer import Answer

_TRIES = 4
_BUSY = (502, 503, 504)  # what a server that is starting, or full, answers


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float,
) -> Answer:
    """Send one request, and give the answer.

    A connection that breaks is made again, up to three times: asking a model twice changes nothing. One that is slow
    is not asked again.

    Parameters
    ----------
    method, url, body, headers
        As HTTP has them.
    timeout
        Seconds to wait for the answer.

    Raises
    ------
    ToolError
        When there is no answer, or its status is not 2xx.
    """
    response = _send(method, url, body=body, headers=headers, timeout=timeout, preload_content=True)
    return Answer(body=response.data, content_type=response.headers.get("content-type", "application/octet-stream"))


def stream(method: str, url: str, *, body: bytes, headers: Mapping[str, str], timeout: float) -> Iterator[bytes]:
    """Send one request, and give the lines of the answer as they come.

    Raises
    ------
    ToolError
        As `request`; when the answer breaks off as well.
    """
    import urllib3

    response = _send(method, url, body=body, headers=headers, timeout=timeout, preload_content=False)
    try:
        yield from response
    except urllib3.exceptions.HTTPError as error:
        raise ToolError(f"{url} broke off: {_reason(error)}") from error
    finally:
        response.release_conn()


def _send(
    method: str,
    url: str,
    *,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    timeout: float,
    preload_content: bool,
) -> Any:
    import urllib3

    try:
        response = _pool().request(
            method, url, body=body, headers=dict(headers or {}), timeout=timeout, preload_content=preload_content
        )
        if 200 <= response.status < 300:
            return response
        refusal = response.data
    except urllib3.exceptions.LocationValueError as error:
        raise ToolError(f"'{url}' is no address; give one such as http://localhost:8501") from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise ToolError(f"{url} has not answered within {timeout:g} seconds; give it more: --timeout") from error
    except urllib3.exceptions.HTTPError as error:
        broken = isinstance(_cause(error), (IncompleteRead, zlib.error))
        raise ToolError(f"{url} {'broke off' if broken else 'cannot be reached'}: {_reason(error)}") from error
    except ValueError as error:  # not told, since it has the token
        raise ToolError("a header cannot be sent; give --token and --content-type as one line of plain text") from error
    moved = response.get_redirect_location()
    said = f"it has moved to {moved}; give the address there" if moved else _said(refusal)
    raise ToolError(f"{url} answers {response.status} {response.reason or ''}: {said}".replace(" :", ":"))


@cache
def _pool() -> Any:
    import urllib3

    class Retry(urllib3.Retry):
        def increment(self, *arguments: Any, **named: Any) -> urllib3.Retry:  # type: ignore[override]
            if isinstance(named.get("error"), urllib3.exceptions.ReadTimeoutError):
                raise named["error"]
            return super().increment(*arguments, **named)

    retries = Retry(
        total=_TRIES - 1,
        backoff_factor=0.2,
        status_forcelist=_BUSY,
        allowed_methods=None,
        raise_on_status=False,
        redirect=False,
    )
    return urllib3.PoolManager(maxsize=64, retries=retries)


def _said(body: bytes) -> str:
    """Give the message of an error, which servers put under one of few names."""
    text = body.decode(errors="replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return brief(text) or "nothing more"
    found = document
    for name in ("error", "message", "detail"):
        if isinstance(found, Mapping) and name in found:
            found = found[name]
    return brief(found if isinstance(found, str) else text)


def _reason(error: Exception) -> str:
    cause = _cause(error)
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    """Give the innermost cause: urllib3 wraps it in several."""
    inner = (getattr(error, "reason", None), error.__cause__, *error.args)
    found = next((each for each in inner if isinstance(each, Exception)), None)
    return error if found is None else _cause(found)
