"""A small HTTP client with kept connections, for the calls from the runtime to a model's container."""

from __future__ import annotations

import http.client
import queue
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Reply:
    """A container's answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Calls one container; any number of threads may use it.

    Parameters
    ----------
    url
        ``http://127.0.0.1:PORT``.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """Send a POST request, as :meth:`request` does."""
        return self.request("POST", path, body, headers, timeout=timeout)

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """Send a request.

        Raises
        ------
        TimeoutError
            When no answer came in time.
        OSError
            When the container cannot be reached.
        http.client.HTTPException
            When the container closed the connection without an answer.
        """
        message = (method, path, body, dict(headers))
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            return self._exchange(self._connect(), message, timeout)
        try:
            return self._exchange(connection, message, timeout)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # A container may close a kept connection between two requests: that one was never read.
            return self._exchange(self._connect(), message, timeout)

    def close(self) -> None:
        """Close the kept connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self._address)

    def _exchange(
        self, connection: http.client.HTTPConnection, message: tuple[str, str, bytes, dict[str, str]], timeout: float
    ) -> Reply:
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request(*message)
            response = connection.getresponse()
            reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.put(connection)
        return reply
