"""The parts of a container's answer: read as they come, until they end, break off, or take too long."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from local_aws.services.sagemaker import http_client
from local_aws.services.sagemaker.http_client import HttpClient

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE, END = b"3\r\none\r\n", b"0\r\n\r\n"


@contextmanager
def answering(*answers: bytes, hangs: bool = False) -> Iterator[HttpClient]:
    """Serve one connection: each request with the next answer; then close it, or hang until the test has ended."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for answer in answers:
                    asked = b""
                    while not asked.endswith(b"\r\n\r\nx"):
                        asked += connection.recv(65_536)
                    connection.sendall(answer)
                if hangs:
                    done.wait()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = HttpClient(lambda: f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield client
        finally:
            done.set()
            client.close()
            thread.join()


def parts(client: HttpClient) -> Iterator[bytes]:
    return iter(client.post("/invocations", b"x", {}, timeout=60, in_parts=True).parts)


def test_an_answer_of_known_length_is_read_to_its_end() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole") as client:
        assert b"".join(parts(client)) == b"whole"


@pytest.mark.parametrize("first", [HEAD + ONE + END, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"])
def test_the_connection_of_an_answer_that_has_ended_is_used_again(first: bytes) -> None:
    with answering(first, HEAD + END) as client:
        assert list(parts(client)) == [b"one"]
        assert list(parts(client)) == []


def test_an_answer_that_the_container_refuses_comes_whole() -> None:
    with answering(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nsorry") as client:
        reply = client.post("/invocations", b"x", {}, timeout=60, in_parts=True)

    assert (reply.status, reply.body, list(reply.parts)) == (500, b"sorry", [])


@pytest.mark.parametrize(
    "answer",
    [HEAD + ONE, HEAD + ONE + b"9\r\nha", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none"],
    ids=["between parts", "in a part", "before its length"],
)
def test_an_answer_that_ends_early_has_broken_off(answer: bytes) -> None:
    with answering(answer) as client:
        coming = parts(client)

        assert next(coming) == b"one"
        with pytest.raises((http.client.HTTPException, OSError)):
            list(coming)


def test_an_answer_that_does_not_end_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(HEAD + ONE, hangs=True) as client:
        coming = parts(client)
        assert next(coming) == b"one"
        late = time.monotonic() + 60
        monkeypatch.setattr(http_client, "time", SimpleNamespace(monotonic=lambda: late))

        with pytest.raises(TimeoutError):
            next(coming)
