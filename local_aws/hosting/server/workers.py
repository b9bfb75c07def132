"""The workers of a model server: each takes one request at a time."""

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a worker answers to a request."""

    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes


Send = Callable[[Answer], None]
"""Sends a part of an answer while the rest is being made; the first has its status and headers."""


class Worker(Protocol):
    """A loaded model that answers one request at a time."""

    def invoke(self, headers: Mapping[str, str], body: bytes, send: Send) -> Answer:
        """Answer a request; a handler's error is an answer, too.

        Whoever sends parts returns the last one.
        """
        ...


Create = Callable[[Path], Worker]
"""``create`` of a module that stands in for an image: load the model in a directory, or raise its error."""


class Workers:
    """The workers of one model; a request waits until one of them is free."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._free.put(worker)

    def invoke(self, headers: Mapping[str, str], body: bytes, send: Send) -> Answer:
        """Answer a request with the next free worker."""
        worker = self._free.get()
        try:
            return worker.invoke(headers, body, send)
        finally:
            self._free.put(worker)
