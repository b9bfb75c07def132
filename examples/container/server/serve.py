"""A model server of one's own: what SageMaker asks of any container, in Python's standard library alone.

SageMaker runs the image with the argument `serve`, waits for `GET /ping`, and posts each request to `/invocations`.
The model is in `/opt/ml/model`, and its `code/inference.py` says how to load it and how to answer.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT = 8080
MODEL_DIR = Path("/opt/ml/model")


class Requests(BaseHTTPRequestHandler):
    """Answers what SageMaker asks."""

    protocol_version = "HTTP/1.1"
    server: ModelServer

    def do_GET(self) -> None:
        """Tell that the model is loaded."""
        self._answer(200 if self.path == "/ping" else 404)

    def do_POST(self) -> None:
        """Answer a request; one that the handler cannot read is the caller's error."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/invocations":
            self._answer(404)
            return
        asked = self.headers.get("Content-Type", ""), self.headers.get("Accept", "*/*")
        try:
            self._answer(200, self.server.answer(body, *asked), "application/json")
        except (ValueError, KeyError) as error:
            self._answer(400, f"{type(error).__name__}: {error}".encode(), "text/plain")

    def _answer(self, status: int, body: bytes = b"", content_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ModelServer(ThreadingHTTPServer):
    """Loads the model, and listens."""

    request_queue_size = 128  # connections that wait; with the default of five, a burst of requests loses some

    def __init__(self, model_dir: Path, address: tuple[str, int]) -> None:
        sys.path.insert(0, str(model_dir / "code"))
        self._handler = importlib.import_module("inference")
        self._model = self._handler.model_fn(str(model_dir))
        super().__init__(address, Requests)

    def answer(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Ask the model."""
        text: str = self._handler.transform_fn(self._model, body, content_type, accept)
        return text.encode()


def main(argv: Sequence[str]) -> None:
    """Serve until SageMaker says to stop."""
    if list(argv) != ["serve"]:
        sys.exit("usage: serve.py serve")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ModelServer(MODEL_DIR, ("", PORT)).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
