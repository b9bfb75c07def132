"""Writes on from a prompt, each word one that follows the last somewhere in `text.txt`, and sends it at once."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response  # of TorchServe, the image's server


def model_fn(model_dir: str) -> dict[str, list[str]]:
    """Find out which words follow each word."""
    words = Path(model_dir, "text.txt").read_text(encoding="utf-8").split()
    followers: dict[str, list[str]] = {}
    for word, following in zip(words, [*words[1:], words[0]], strict=True):
        followers.setdefault(word, []).append(following)
    return followers


def input_fn(body: str | bytes, content_type: str) -> dict[str, Any]:
    """Read ``{"prompt": "A model", "words": 20, "seed": 1}``."""
    request: dict[str, Any] = json.loads(body)
    return request


def predict_fn(request: dict[str, Any], followers: dict[str, list[str]], context: Any) -> None:
    """Send word after word, each as an event of ``text/event-stream``."""
    context.set_response_content_type(0, "text/event-stream")  # goes with the first part
    chance = random.Random(request.get("seed"))  # noqa: S311  words, not secrets
    word = request["prompt"].split()[-1]
    for _ in range(request.get("words", 20)):
        word = chance.choice(followers.get(word) or list(followers))
        send_intermediate_predict_response([event(word)], context.request_ids, "OK", 200, context)


def output_fn(_: None, accept: str) -> tuple[str, str]:
    """Give the last part."""
    return event("[DONE]"), accept


def event(text: str) -> str:
    """Make one event."""
    return f"data: {text}\n\n"
