"""An HTTP proxy in front of local AWS that breaks the connections that it is told to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from patience import PATIENCE

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Request:
    """What a rule decides on."""

    method: str
    path: str
    query: dict[str, list[str]]
    number: int  # of the same method and address, from 1

    @property
    def part(self) -> int | None:
        """Which part it uploads."""
        number = self.query.get("partNumber")
        return int(number[0]) if self.method == "PUT" and number else None


Rule = Callable[[Request], bool]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class BreakingProxy:
    """Passes requests on, and breaks the connection before, or after, those that a rule picks.

    Attributes
    ----------
    before
        Requests that never arrive.
    after
        Requests that arrive, and whose answer is lost.
    passed
        The requests that were answered.
    """

    def __init__(self, target: str) -> None:
        self.before: Rule = lambda _: False
        self.after: Rule = lambda _: False
        self.passed: list[Request] = []
        self._target = urlsplit(target).netloc
        self._seen: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def parts(self) -> list[int]:
        """The parts that were uploaded through it."""
        return sorted(request.part for request in self.passed if request.part is not None)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request, or break the connection."""
        request = self._note(handler)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        handler.close_connection = True
        if self.before(request):
            return
        connection = http.client.HTTPConnection(self._target, timeout=PATIENCE)
        try:
            connection.request(request.method, handler.path, body, dict(handler.headers.items()))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if self.after(request):
            return
        self.passed.append(request)
        handler.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP:
                handler.send_header(name, value)
        handler.send_header("Content-Length", response.getheader("Content-Length") or str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)

    def _note(self, handler: BaseHTTPRequestHandler) -> Request:
        address = urlsplit(handler.path)
        key = (handler.command, handler.path)
        with self._lock:
            self._seen[key] = self._seen.get(key, 0) + 1
            query = parse_qs(address.query, keep_blank_values=True)
            return Request(handler.command, address.path, query, self._seen[key])


def _handler(proxy: BreakingProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            proxy.answer(self)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    return Handler
