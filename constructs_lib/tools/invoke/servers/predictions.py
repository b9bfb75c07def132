"""TorchServe and Multi Model Server, whose inference APIs are alike.

Sources: pytorch/serve, docs/inference_api.md; awslabs/multi-model-server, docs/inference_api.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from constructs_lib.tools.invoke import http
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import Payload
from constructs_lib.tools.invoke.servers import ModelServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions(ModelServer):
    """A server that hands the body to the model's handler as it is."""

    def call(self, payload: Payload) -> Answer:
        """Ask for a prediction."""
        return http.request(
            "POST", self._url(), body=payload.body, headers=self._headers(payload), timeout=self.timeout
        )

    def stream(self, payload: Payload) -> Iterator[bytes]:
        """Ask for a prediction, and give its parts as the handler makes them."""
        yield from http.stream(
            "POST", self._url(), body=payload.body, headers=self._headers(payload), timeout=self.timeout
        )

    def _url(self) -> str:
        version = "" if self.version is None else f"/{self.version}"
        return self.path(f"/predictions/{self.named_model()}{version}")

    def _headers(self, payload: Payload) -> dict[str, str]:
        return {**self.headers, "content-type": payload.content_type}
