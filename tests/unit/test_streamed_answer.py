"""An answer that is sent while it is made: how it ends, and what becomes of its parts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local_aws.streaming import streamed


class Parts:
    """Parts without an end, or with a failure for one, that tell on which thread they were closed."""

    def __init__(self, *first: bytes, failure: Exception | None = None) -> None:
        self.closed_on = ""
        self._first, self._failure = first, failure

    def come(self) -> Generator[bytes, None, None]:
        try:
            yield from self._first
            if self._failure is not None:
                raise self._failure
            while True:
                yield b"more"
        finally:
            self.closed_on = threading.current_thread().name


def send(parts: Parts, *, goes_after: int = 1000) -> list[bytes]:
    """Send an answer to a client that goes away after some parts; return what it got, and "end" if it was told of one."""
    got: list[bytes] = []

    async def run() -> None:
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def take(message: dict[str, Any]) -> None:
            got.append(message["body"] if message["more_body"] else b"end")
            if len(got) == goes_after:
                gone.set()
                await asyncio.sleep(0)

        _, _, body = streamed((200, {}, parts.come()), pool)
        await body.runner(take, receive)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pool") as pool:
        asyncio.run(run())
    return got


def test_parts_are_closed_off_the_event_loop_when_the_client_has_gone() -> None:
    parts = Parts()

    assert send(parts, goes_after=2)[:2] == [b"more", b"more"]

    assert parts.closed_on.startswith("pool")


def test_a_failure_is_an_answer_without_an_end() -> None:
    assert send(Parts(b"one", failure=ConnectionResetError())) == [b"one"]


def test_what_fails_otherwise_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        send(Parts(b"one", failure=ZeroDivisionError()))
