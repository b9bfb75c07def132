"""vLLM, and whatever else has the API of OpenAI.

Source: vllm-project/vllm, docs/serving/openai_compatible_server.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke import http
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import JSON, TEXT, Payload, json_payload
from constructs_lib.tools.invoke.servers import ModelServer

_EVENT = "data:"
_END = "[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAi(ModelServer):
    """A server with the API of OpenAI: text is one message of a chat, JSON is sent as it is, with the model's name."""

    def call(self, payload: Payload) -> Answer:
        """Ask for a completion."""
        path, body = self._request(payload, stream=False)
        return http.request("POST", self.path(path), body=body, headers=self._headers(), timeout=self.timeout)

    def stream(self, payload: Payload) -> Iterator[bytes]:
        """Ask for a completion, and give its words as they are made."""
        path, body = self._request(payload, stream=True)
        waiting = b""
        for part in http.stream("POST", self.path(path), body=body, headers=self._headers(), timeout=self.timeout):
            *lines, waiting = (waiting + part).split(b"\n")
            for line in lines:
                with self.reading():
                    text = _words(line.decode(errors="replace"))
                if text:
                    yield text.encode()

    def _headers(self) -> dict[str, str]:
        return {**self.headers, "content-type": JSON}

    def _request(self, payload: Payload, *, stream: bool) -> tuple[str, bytes]:
        document = _document(payload)
        whole = {"model": self.model or self._served(), **document, **({"stream": True} if stream else {})}
        return "/v1/completions" if "prompt" in document else "/v1/chat/completions", json_payload(whole).body

    def _served(self) -> str:
        answer = http.request("GET", self.path("/v1/models"), headers=self._headers(), timeout=self.timeout)
        with self.reading():
            return str(json.loads(answer.body)["data"][0]["id"])


def _document(payload: Payload) -> dict[str, Any]:
    if payload.kind == TEXT:
        return {"messages": [{"role": "user", "content": payload.body.decode(errors="replace")}]}
    document = payload.document()
    if isinstance(document, dict) and ("messages" in document or "prompt" in document):
        return document
    raise ToolError("the request has neither 'messages' nor 'prompt'; give one of them, or a text file")


def _words(line: str) -> str:
    """Give the words of one server-sent event."""
    if not line.startswith(_EVENT) or (data := line.removeprefix(_EVENT).strip()) == _END:
        return ""
    choices = json.loads(data)["choices"]
    if not choices:  # the last event of one who asks for `stream_options: {include_usage: true}`
        return ""
    return str(choices[0].get("text") or choices[0].get("delta", {}).get("content") or "")
