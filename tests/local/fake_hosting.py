"""A hosting plane that answers from its container's environment: what the API does is tested, not the hosts."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    image: str
    environment: Mapping[str, str]
    archive: Path | None
    additional: Mapping[str, Path] = field(default_factory=dict)
    hostname: str | None = None
    multi_model: bool = False


class HostFailedError(Exception):
    pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


class Host:
    """Environment: FAIL (text), START_GATE; for /invocations, STATUS and GATE. A gate is a directory.

    An answer in PARTS, which commas part, passes a PARTS_GATE after each of them, and breaks off after the last if there
    is a BREAK.
    """

    url = ""
    pid = os.getpid()  # no process of its own: the server's

    def __init__(
        self, container: Container, *, workdir: Path, log: Callable[[str], None], startup_timeout: float
    ) -> None:
        self._container = container
        self._log = log
        self._server: Server | None = None

    def start(self) -> None:
        environment = self._container.environment
        self._log("starting")
        if "START_GATE" in environment:
            Gate(environment["START_GATE"]).enter()
        if "FAIL" in environment:
            raise HostFailedError(environment["FAIL"])
        self._server = Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self, *, grace: float = 0.0) -> None:
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
                gate = container.environment.get("GATE")
                at_once = Gate(gate).enter() if gate else None
                if "PARTS" in container.environment:
                    self.send_parts(container.environment)
                    return
                size = container.archive.stat().st_size if container.archive else None
                answer = {"environment": dict(container.environment), "archive": size, "body": len(body)}
                answer["at_once"] = at_once
                answer["headers"] = {name.lower(): value for name, value in self.headers.items()}
                status = int(container.environment.get("STATUS", "200"))
                data = json.dumps(answer).encode() if status == 200 else b"ValueError: no such digit"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from-model")
                self.end_headers()
                self.wfile.write(data)

            def send_parts(self, environment: Mapping[str, str]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from-model")
                self.end_headers()
                for part in environment["PARTS"].split(","):
                    self.wfile.write(f"{len(part):x}\r\n{part}\r\n".encode())
                    if "PARTS_GATE" in environment:
                        Gate(environment["PARTS_GATE"]).enter()
                self.close_connection = "BREAK" in environment
                if not self.close_connection:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        return Handler
