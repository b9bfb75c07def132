"""A Service of a Kubernetes cluster, made reachable from here: by its own address, or through a forwarded port."""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from constructs_lib.tools.command import ToolError

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterService:
    """A Service, found through the kubeconfig.

    Attributes
    ----------
    name
        Its name.
    namespace
        Its namespace. None: the only one in which there is a Service of that name.
    context
        Context of the kubeconfig. None: the current one.
    """

    name: str
    namespace: str | None = None
    context: str | None = None

    @contextmanager
    def reach(self, port_names: Sequence[str], port: int) -> Iterator[str]:
        """Give ``HOST:PORT`` for as long as the block runs.

        A load balancer's address is used as it is; otherwise a port of this machine is forwarded to one of the
        Service's pods.

        Parameters
        ----------
        port_names
            Names of the Service's port, the best one first.
        port
            Its number, for a Service whose ports have other names.

        Raises
        ------
        ToolError
            When there is no kubeconfig, no cluster, no such Service, or none of its pods is ready.
        """
        with _explained():
            api = _api(self.context)
            service = self._find(api)
            chosen = _port(service, port_names, port)
            outside = next((each.hostname or each.ip for each in service.status.load_balancer.ingress or ()), None)
            if outside is not None:
                yield f"{outside}:{chosen.port}"
                return
            pod, target = _ready_pod(api, service, chosen)
        with _forwarded(api, service.metadata.namespace, pod, target) as local:
            yield f"127.0.0.1:{local}"

    def _find(self, api: Any) -> Any:
        where = "any namespace" if self.namespace is None else f"namespace '{self.namespace}'"
        if self.namespace is None:
            services = api.list_service_for_all_namespaces().items
        else:
            services = api.list_namespaced_service(self.namespace).items
        found = [each for each in services if each.metadata.name == self.name]
        if len(found) == 1:
            return found[0]
        if not found:
            raise ToolError(f"there is no Service '{self.name}' in {where}; see: kubectl get services -A")
        names = ", ".join(sorted(each.metadata.namespace for each in found))
        raise ToolError(f"there is a Service '{self.name}' in {names}; choose one with --namespace")


def _api(context: str | None) -> Any:
    try:
        from kubernetes import client, config
    except ImportError as error:
        raise ToolError(
            "clusters need the Kubernetes client; run: pip install 'inference-constructs[client]'"
        ) from error
    try:
        # Said again here, since the client looks at the variable when it is imported and never after.
        made = config.new_client_from_config(config_file=os.environ.get("KUBECONFIG"), context=context)  # type: ignore[no-untyped-call]
        return client.CoreV1Api(made)
    except Exception as error:  # of a file that is no kubeconfig the client raises whatever it trips over
        told = " ".join(str(error).split())
        raise ToolError(
            f"the kubeconfig cannot be used: {told}; run: aws eks update-kubeconfig --name CLUSTER"
        ) from error


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the Kubernetes client raises into one line."""
    try:
        yield
    except ToolError:
        raise
    except Exception as error:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        if isinstance(error, ApiException):
            raise ToolError(f"the cluster answers {error.status} {error.reason}") from error
        if isinstance(error, HTTPError):
            raise ToolError(f"the cluster cannot be reached: {getattr(error, 'reason', None) or error}") from error
        raise


def _port(service: Any, names: Sequence[str], number: int) -> Any:
    ports = list(service.spec.ports or ())
    for name in names:
        for each in ports:
            if each.name == name:
                return each
    for each in ports:
        if each.port == number:
            return each
    if len(ports) == 1:
        return ports[0]
    there = ", ".join(f"{each.name} ({each.port})" for each in ports) or "none"
    raise ToolError(f"Service '{service.metadata.name}' has no port {' or '.join(names)}; it has {there}")


def _ready_pod(api: Any, service: Any, port: Any) -> tuple[str, int]:
    """Give one of a Service's pods that is ready, and the number of its port there."""
    selector = ",".join(f"{key}={value}" for key, value in (service.spec.selector or {}).items())
    if not selector:
        raise ToolError(f"Service '{service.metadata.name}' selects no pods; give its address: --url")
    pods = api.list_namespaced_pod(service.metadata.namespace, label_selector=selector).items
    for pod in pods:
        ready = {each.type: each.status for each in pod.status.conditions or ()}.get("Ready")
        if ready == "True":
            return pod.metadata.name, _number(pod, port)
    states = ", ".join(f"{pod.metadata.name} ({pod.status.phase})" for pod in pods) or "none"
    raise ToolError(f"Service '{service.metadata.name}' has no ready pod; its pods: {states}")


def _number(pod: Any, port: Any) -> int:
    target = port.target_port if port.target_port is not None else port.port
    if isinstance(target, int) or str(target).isdigit():
        return int(target)
    named = {each.name: each.container_port for container in pod.spec.containers for each in container.ports or ()}
    if target not in named:
        raise ToolError(f"pod '{pod.metadata.name}' has no port '{target}'")
    return int(named[target])


@contextmanager
def _forwarded(api: Any, namespace: str, pod: str, port: int) -> Iterator[int]:
    """Listen on a free port of this machine, hand each connection on to a pod, and break them off in the end."""
    from kubernetes.stream import portforward

    connections: list[socket.socket] = []
    refusals: list[Exception] = []

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connections.append(self.request)
            try:
                forward = portforward(api.connect_get_namespaced_pod_portforward, pod, namespace, ports=str(port))
                there = forward.socket(port)
            except Exception as error:  # told where the request is made, which has no answer now
                refusals.append(error)
                return
            back = threading.Thread(target=_pump, args=(there, self.request), daemon=True)
            back.start()
            _pump(self.request, there)
            back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Connection) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield int(server.server_address[1])
        except ToolError as error:
            if refusals:
                raise ToolError(f"port {port} of pod '{pod}' cannot be forwarded: {_refusal(refusals[0])}") from error
            raise
        finally:
            server.shutdown()
            for each in connections:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def _refusal(error: Exception) -> str:
    """Give the status of the handshake that the WebSocket client tells of, without the headers and the body."""
    told = " ".join(str(getattr(error, "reason", None) or error).partition(" -+-+- ")[0].split())
    return f"{told}; you need the right to create 'pods/portforward'" if " 403" in told else told


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy what comes in until it ends; a connection that breaks has ended as well."""
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
