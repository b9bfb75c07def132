"""A small HTTP client with kept connections, for the calls from the runtime to a model's container."""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

_LARGEST_PART = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """A container's answer.

    Parameters
    ----------
    status, headers, body
        Of the response; the headers' names are in lower case.
    parts
        The body as it comes, when it was asked for so; `body` is empty then. Iterating raises TimeoutError when it has
        not ended in time, and OSError or http.client.HTTPException when it breaks off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    parts: Iterable[bytes] = ()


class HttpClient:
    """Calls one container; any number of threads may use it.

    Parameters
    ----------
    url
        Says where it is, ``http://127.0.0.1:PORT``: elsewhere when it has been started again. May raise OSError.
    """

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float, in_parts: bool = False
    ) -> Reply:
        """Send a POST request, as :meth:`request` does."""
        return self.request("POST", path, body, headers, timeout=timeout, in_parts=in_parts)

    def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        in_parts: bool = False,
    ) -> Reply:
        """Send a request.

        Parameters
        ----------
        method, path, body, headers
            Of the request.
        timeout
            Seconds until the answer has ended, or nothing has come of it.
        in_parts
            Whether to return as soon as a good answer begins, and give its body as it comes.

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
        return self._exchange(self._connection(), message, timeout, in_parts)

    def close(self) -> None:
        """Close the kept connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _connection(self) -> http.client.HTTPConnection:
        """Take a kept connection that the container has not closed meanwhile, or make one.

        Before the request is sent: when a connection breaks afterwards, the container may have done what it was asked,
        and must not do it twice.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                kept = self._idle.get_nowait()
                if _is_open(kept):
                    return kept
                kept.close()
        return http.client.HTTPConnection(urlsplit(self._url()).netloc)

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        message: tuple[str, str, bytes, dict[str, str]],
        timeout: float,
        in_parts: bool,
    ) -> Reply:
        deadline = time.monotonic() + timeout
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request(*message)
            channel = connection.sock  # which the connection forgets when it is to be closed
            response = connection.getresponse()
            headers = {k.lower(): v for k, v in response.getheaders()}
            if in_parts and 200 <= response.status < 300:
                return Reply(response.status, headers, b"", self._parts(connection, response, channel, deadline))
            reply = Reply(response.status, headers, response.read())
        except BaseException:
            connection.close()
            raise
        self._keep(connection, response)
        return reply

    def _parts(
        self,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        channel: socket.socket,
        deadline: float,
    ) -> Iterator[bytes]:
        try:
            while True:
                channel.settimeout(max(deadline - time.monotonic(), 0.001))
                part = response.read1(_LARGEST_PART)
                if not part:
                    break
                yield part
            if response.length:  # read1 takes an early end for the end
                raise http.client.IncompleteRead(b"", response.length)
            response.close()  # read1 leaves it open at its full length, and the connection takes no other one then
        except BaseException:
            response.close()
            connection.close()
            raise
        self._keep(connection, response)

    def _keep(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if response.will_close:
            connection.close()
        else:
            self._idle.put(connection)


def _is_open(connection: http.client.HTTPConnection) -> bool:
    if connection.sock is None:
        return False
    connection.sock.setblocking(False)
    try:
        connection.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False  # at its end, or with something that nobody asked for
