"""The client of a model's container: what happens when a kept connection breaks."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest
from model_server import Asked, Reply, serving

from local_aws.services.sagemaker.http_client import HttpClient

PATIENCE = 60.0


def post(client: HttpClient, body: bytes) -> bytes:
    return client.post("/invocations", body, {}, timeout=PATIENCE).body


def test_a_request_that_may_have_been_read_is_not_sent_again() -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(asked.body, breaks=asked.body == b"2")

    with serving(answer) as server:
        client = HttpClient(lambda: server.url)
        assert post(client, b"1") == b"1"
        with pytest.raises(http.client.RemoteDisconnected):
            post(client, b"2")
        assert post(client, b"3") == b"3"
        client.close()

    assert [asked.body for asked in server.asked] == [b"1", b"2", b"3"]


def test_a_connection_that_the_container_has_closed_between_two_requests_is_replaced() -> None:
    answered: list[bytes] = []
    closed = threading.Event()

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                answered.append(connection.recv(65_536).splitlines()[0])
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny")
            closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        client = HttpClient(lambda: f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert post(client, b"") == b"y"
        assert closed.wait(PATIENCE)
        assert post(client, b"") == b"y"
        thread.join()
        client.close()

    assert answered == [b"POST /invocations HTTP/1.1"] * 2
