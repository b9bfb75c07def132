"""Send an answer while it is being made, through MiniStack's own streaming responses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Executor
from typing import Any

from ministack.core.responses import StreamingResponse

from local_aws.api import Response, StreamedResponse

_Message = dict[str, Any]


def streamed(answer: Response | StreamedResponse, pool: Executor) -> tuple[int, dict[str, str], Any]:
    """Return an answer as MiniStack sends it: at once, or part by part.

    Parameters
    ----------
    answer
        Its parts may be waited for. An OSError of theirs breaks the answer off, as the client sees. They are closed in
        the end, or when the client has gone.
    pool
        Where they are waited for.
    """
    status, headers, body = answer
    if isinstance(body, bytes):
        return status, headers, body
    return status, headers, StreamingResponse(lambda send, receive: _send(body, pool, send, receive))


async def _send(
    parts: Generator[bytes, None, None],
    pool: Executor,
    send: Callable[[_Message], Awaitable[None]],
    receive: Callable[[], Awaitable[_Message]],
) -> None:
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(receive())  # the request has been read, so what comes is the client's end
    try:
        while (part := await loop.run_in_executor(pool, next, parts, None)) is not None and not gone.done():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except OSError:
        return  # without the last message the server breaks the answer off
    finally:
        gone.cancel()
        pool.submit(parts.close)  # which may wait, too
