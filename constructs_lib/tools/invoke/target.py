"""Who is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import Payload


class Target(Protocol):
    """Something that answers: an endpoint, a server."""

    def call(self, payload: Payload) -> Answer:
        """Send one request, and wait for its answer.

        Raises
        ------
        ToolError
            When there is no answer, or it says what went wrong.
        """
        ...

    def stream(self, payload: Payload) -> Iterator[bytes]:
        """Send one request, and give the answer's parts as they come.

        Raises
        ------
        ToolError
            When there is no answer, or it says what went wrong, or the target does not stream.
        """
        ...
