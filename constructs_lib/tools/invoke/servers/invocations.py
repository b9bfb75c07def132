"""Any container with SageMaker's contract, called without SageMaker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructs_lib.tools.invoke import http
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import Payload
from constructs_lib.tools.invoke.servers import ModelServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocations(ModelServer):
    """A container that answers ``POST /invocations``."""

    def call(self, payload: Payload) -> Answer:
        """Ask for a prediction."""
        return http.request(
            "POST", self.path("/invocations"), body=payload.body, headers=self._headers(payload), timeout=self.timeout
        )

    def stream(self, payload: Payload) -> Iterator[bytes]:
        """Ask for a prediction, and give its parts as they come."""
        yield from http.stream(
            "POST", self.path("/invocations"), body=payload.body, headers=self._headers(payload), timeout=self.timeout
        )

    def _headers(self, payload: Payload) -> dict[str, str]:
        target = {} if self.model is None else {"x-amzn-sagemaker-target-model": self.model}
        return {**self.headers, **target, "content-type": payload.content_type}
