"""A Kubernetes API server for tests: Services, Pods, and ports forwarded over WebSockets to a server of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

Json = dict[str, Any]


@dataclass
class FakeCluster:
    """What is in the cluster, by namespace, and which port of this machine answers for every pod."""

    services: dict[str, list[Json]] = field(default_factory=dict)
    pods: dict[str, list[Json]] = field(default_factory=dict)
    answered_by: int = 0
    forwarded: list[tuple[str, str]] = field(default_factory=list)
    refuses_forwarding: bool = False

    def add_service(self, name: str, namespace: str, ports: list[Json], *, address: str | None = None) -> None:
        """Add a Service, with the address of a load balancer if it has one."""
        ingress = [] if address is None else [{"hostname": address}]
        self.services.setdefault(namespace, []).append(
            {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"ports": ports, "selector": {"app": name}},
                "status": {"loadBalancer": {"ingress": ingress}},
            }
        )

    def add_pod(self, name: str, namespace: str, *, ready: bool = True) -> None:
        """Add a pod with a port of the name `http`."""
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        container = {"name": "server", "ports": [{"name": "http", "containerPort": 8080}]}
        self.pods.setdefault(namespace, []).append(
            {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"containers": [container]},
                "status": {"phase": "Running" if ready else "Pending", "conditions": [condition]},
            }
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as an ASGI application."""
        if scope["type"] == "http":
            status, document = self._answer(scope["path"])
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps(document).encode()})
        elif scope["type"] == "websocket":
            await self._forward(scope, receive, send)

    def _answer(self, path: str) -> tuple[int, Json]:
        match path.strip("/").split("/"):
            case ["api", "v1", "services"]:
                return 200, {"items": [each for some in self.services.values() for each in some]}
            case ["api", "v1", "namespaces", namespace, "services"]:
                return 200, {"items": self.services.get(namespace, [])}
            case ["api", "v1", "namespaces", namespace, "pods"]:
                return 200, {"items": self.pods.get(namespace, [])}
        return 404, {"kind": "Status", "code": 404}

    async def _forward(self, scope: Any, receive: Any, send: Any) -> None:
        """Carry bytes between channel 0 and the server that answers for the pods; channel 1 is for errors."""
        port = int(scope["query_string"].decode().removeprefix("ports="))
        self.forwarded.append((scope["path"], str(port)))
        await receive()
        if self.refuses_forwarding:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "subprotocol": "v4.channel.k8s.io"})
        for channel in (b"\0", b"\1"):
            await send({"type": "websocket.send", "bytes": channel + port.to_bytes(2, "little")})
        reader, writer = await asyncio.open_connection("127.0.0.1", self.answered_by)

        async def back() -> None:
            while data := await reader.read(65536):
                await send({"type": "websocket.send", "bytes": b"\0" + data})
            with suppress(Exception):  # the caller may have gone first
                await send({"type": "websocket.close"})

        task = asyncio.create_task(back())
        while (event := await receive())["type"] == "websocket.receive":
            writer.write(event["bytes"][1:])
            await writer.drain()
        writer.close()
        await task


def write_kubeconfig(file: Path, address: str) -> None:
    """Write a kubeconfig that leads to an API server."""
    content = {
        "clusters": [{"name": "fake", "cluster": {"server": f"http://{address}"}}],
        "users": [{"name": "somebody", "user": {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "somebody"}}],
        "current-context": "fake",
    }
    file.write_text(json.dumps(content), encoding="utf-8")


@contextmanager
def running(cluster: FakeCluster, kubeconfig: Path) -> Iterator[None]:
    """Serve a cluster on a free port, and write the kubeconfig that leads to it."""
    config = Config()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config.bind = [f"fd://{os.dup(listener.fileno())}"]
    config.graceful_timeout = 0
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(serve(cluster, config, shutdown_trigger=stop.wait)), daemon=True
    )
    thread.start()
    write_kubeconfig(kubeconfig, f"127.0.0.1:{port}")
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
