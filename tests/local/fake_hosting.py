"""A hosting plane that answers from its container's environment: what the API does is tested, not the hosts."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    image: str
    environment: Mapping[str, str]
    archive: Path | None
    hostname: str | None = None
    multi_model: bool = False


class HostFailedError(Exception):
    pass


class Host:
    """Environment: FAIL (text), START_SECONDS, SECONDS, and STATUS for /invocations."""

    url = ""
    pid = os.getpid()  # no process of its own: the server's

    def __init__(
        self, container: Container, *, workdir: Path, log: Callable[[str], None], startup_timeout: float
    ) -> None:
        self._container = container
        self._log = log
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        environment = self._container.environment
        self._log("starting")
        time.sleep(float(environment.get("START_SECONDS", "0")))
        if "FAIL" in environment:
            raise HostFailedError(environment["FAIL"])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        container, log = self._container, self._log

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                log(f"invoked with {len(body)} bytes")
                time.sleep(float(container.environment.get("SECONDS", "0")))
                size = container.archive.stat().st_size if container.archive else None
                answer = {"environment": dict(container.environment), "archive": size, "body": len(body)}
                answer["headers"] = {name.lower(): value for name, value in self.headers.items()}
                status = int(container.environment.get("STATUS", "200"))
                data = json.dumps(answer).encode() if status == 200 else b"ValueError: no such digit"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from-model")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        return Handler
