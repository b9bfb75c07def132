"""TensorFlow Serving's REST API.

Source: tensorflow/serving, docs/api_rest.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from constructs_lib.tools.invoke import http
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import JSON, Payload, json_payload
from constructs_lib.tools.invoke.servers import ModelServer

_OWN_KEYS = {"instances", "inputs", "signature_name", "examples", "context"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowServing(ModelServer):
    """TensorFlow Serving over REST.

    A JSON object with ``instances`` or ``inputs`` is sent as it is; a JSON list, the rows of a CSV, an array or an
    image become ``instances``.
    """

    def call(self, payload: Payload) -> Answer:
        """Ask for predictions."""
        version = "" if self.version is None else f"/versions/{self.version}"
        return http.request(
            "POST",
            self.path(f"/v1/models/{self.named_model()}{version}:predict"),
            body=_predict_request(payload).body,
            headers={**self.headers, "content-type": JSON},
            timeout=self.timeout,
        )


def _predict_request(payload: Payload) -> Payload:
    if payload.kind == JSON:
        document = payload.document()
        if isinstance(document, dict) and _OWN_KEYS & set(document):
            return payload
    return json_payload({"instances": payload.instances()})
