"""The HTTP side of the container contract, on a free port of 127.0.0.1.

GET /ping answers 200 as soon as the model is loaded, whatever the workers are doing; POST /invocations waits for one.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from .multi_model import ModelProcesses
from .workers import Answer, Send, Workers


class HostServer(ThreadingHTTPServer):
    """Serves ``workers`` once they are there, or ``models`` when the container is one of a multi-model endpoint."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self.workers: Workers | None = None
        self.models: ModelProcesses | None = None
        self._active = 0
        self._idle = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind, without HTTPServer's reverse look-up of the host name, which takes seconds on some networks."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = "127.0.0.1"
        self.server_port = self.port

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self.socket.getsockname()[1])

    @contextmanager
    def active(self) -> Iterator[None]:
        """Count a request as under way, for `drain`."""
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def drain(self, timeout: float) -> None:
        """Accept no more connections and wait for the requests under way."""
        self.shutdown()
        self.server_close()
        with self._idle:
            self._idle.wait_for(lambda: self._active == 0, timeout)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line that a client went away; the traceback would only hide the handler's own lines."""
        print(f"a request from {client_address} was not finished", flush=True)


class _BadRequestError(Exception):
    """A body that does not follow HTTP."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "local-aws-host"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one segment

    @property
    def _host(self) -> HostServer:
        return cast("HostServer", self.server)

    def _route(self) -> None:
        self._in_parts = False
        with self._host.active():
            try:
                body = self._body()
            except (_BadRequestError, ValueError) as e:
                self.close_connection = True
                self._send(_plain(HTTPStatus.BAD_REQUEST, str(e)))
                return
            path, headers = self.path.partition("?")[0], dict(self.headers.items())
            if self._host.models is not None and path.startswith("/models"):
                self._send(self._host.models.answer(self.command, path, headers, body))
                return
            route = _ROUTES.get((self.command, path))
            self._send(route(self._host, headers, body, self._send_part) if route else _plain(HTTPStatus.NOT_FOUND))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _route  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = int(self.headers.get("Content-Length") or 0)
        return self._exactly(length)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            yield self._exactly(size)
            self.rfile.readline(1024)
        while self.rfile.readline(65536).strip():  # trailers
            continue

    def _exactly(self, length: int) -> bytes:
        if length < 0:
            raise _BadRequestError("negative length")
        data = self.rfile.read(length)
        if len(data) != length:
            raise _BadRequestError(f"the body ended after {len(data)} of {length} bytes")
        return data

    def _send(self, answer: Answer) -> None:
        if self._in_parts:
            self._send_part(answer)
            self.wfile.write(b"0\r\n\r\n")
        else:
            self._send_head(answer, ("Content-Length", str(len(answer.body))))
            if self.command != "HEAD":
                self.wfile.write(answer.body)
        self.wfile.flush()

    def _send_part(self, answer: Answer) -> None:
        if not self._in_parts:
            self._in_parts = True
            self._send_head(answer, ("Transfer-Encoding", "chunked"))
        if answer.body:  # an empty chunk would be the end
            self.wfile.write(b"%x\r\n%b\r\n" % (len(answer.body), answer.body))
        self.wfile.flush()

    def _send_head(self, answer: Answer, framing: tuple[str, str]) -> None:
        # A phrase is one Latin-1 line; a handler's message may be anything.
        phrase = " ".join(answer.phrase.split())[:200].encode("latin-1", "replace").decode("latin-1")
        self.send_response_only(answer.status, phrase or None)
        for name, value in answer.headers.items():
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, " ".join(str(value).split()))
        self.send_header(*framing)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def handle_expect_100(self) -> bool:
        """Let the client send its body now; the answer must not wait in the buffer."""
        answered = super().handle_expect_100()
        self.wfile.flush()
        return answered

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Stay silent: `_invocations` logs what a container would."""


def _plain(status: HTTPStatus, text: str = "") -> Answer:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return Answer(status=status, phrase=status.phrase, headers=headers, body=(text or status.phrase).encode())


def _ping(server: HostServer, _headers: Mapping[str, str], _body: bytes, _send: Send) -> Answer:
    is_up = server.workers is not None or server.models is not None
    return _plain(HTTPStatus.OK if is_up else HTTPStatus.SERVICE_UNAVAILABLE)


def _invocations(server: HostServer, headers: Mapping[str, str], body: bytes, send: Send) -> Answer:
    if server.workers is None:
        return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "the model is not loaded yet")
    begun = time.perf_counter()
    answer = server.workers.invoke(headers, body, send)
    milliseconds = (time.perf_counter() - begun) * 1000
    print(f'ACCESS_LOG - "POST /invocations HTTP/1.1" {answer.status} {milliseconds:.0f}', flush=True)
    return answer


_ROUTES = {("GET", "/ping"): _ping, ("POST", "/invocations"): _invocations}
