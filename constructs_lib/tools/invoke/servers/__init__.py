"""Model servers by name: what each listens for, and how a request for it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke.answer import Answer
from constructs_lib.tools.invoke.payload import Payload
from constructs_lib.tools.invoke.target import Target

_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """A model server at an address.

    Attributes
    ----------
    url
        Its address, such as ``http://localhost:8501``; for gRPC ``localhost:8500``.
    model
        Name of the model on it. None: the one that it serves, where it can tell.
    version
        Version of the model. None: the one that the server chooses.
    token
        Bearer token that the server asks for. None: it asks for none.
    timeout
        Seconds to wait for an answer.
    """

    url: str
    model: str | None = None
    version: str | None = None
    token: str | None = None
    timeout: float = _TIMEOUT

    def call(self, payload: Payload) -> Answer:
        """Send one request, and wait for its answer."""
        raise NotImplementedError

    def stream(self, payload: Payload) -> Iterator[bytes]:
        """Send one request, and give the answer's parts as they come."""
        del payload
        raise ToolError(f"{self.url} does not stream; leave --stream out")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Tell of an answer that such a server does not give in one line."""
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ToolError(f"{self.url} gives another kind of server's answer; is --protocol right?") from error

    @property
    def headers(self) -> dict[str, str]:
        """What every request to it says."""
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    def path(self, path: str) -> str:
        """Give the address of a path on the server."""
        scheme = "" if "://" in self.url else "http://"
        return f"{scheme}{self.url.rstrip('/')}{path}"

    def named_model(self) -> str:
        """Give the model's name.

        Raises
        ------
        ToolError
            When it was not given.
        """
        if self.model is None:
            raise ToolError("which model? Give its name on the server: --model NAME")
        return self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a kind of server is spoken to.

    Attributes
    ----------
    port_names
        Names of the port of a Kubernetes Service that speaks it, the best one first.
    port
        Its usual number, for a Service that names none of them.
    module, target
        The module of this package that has its class, and the class.
    grpc
        Whether it is gRPC, whose addresses have no ``http://``.
    """

    port_names: tuple[str, ...]
    port: int
    module: str
    target: str
    grpc: bool = False

    def at(self, url: str, *, model: str | None, version: str | None, token: str | None, timeout: float) -> Target:
        """Give the server of this kind at an address."""
        make: Callable[..., Target] = getattr(import_module(f"{__name__}.{self.module}"), self.target)
        return make(url=url, model=model, version=version, token=token, timeout=timeout)


PROTOCOLS = {
    "tensorflow-serving": Protocol(
        port_names=("rest", "http", "http-rest"),
        port=8501,
        module="tensorflow_serving",
        target="TensorFlowServing",
    ),
    "tensorflow-serving-grpc": Protocol(
        port_names=("grpc",),
        port=8500,
        module="tensorflow_grpc",
        target="TensorFlowServingGrpc",
        grpc=True,
    ),
    "torchserve": Protocol(
        port_names=("http", "inference"),
        port=8080,
        module="predictions",
        target="Predictions",
    ),
    "multi-model-server": Protocol(
        port_names=("http", "inference"),
        port=8080,
        module="predictions",
        target="Predictions",
    ),
    "triton": Protocol(port_names=("http",), port=8000, module="triton", target="Triton"),
    "vllm": Protocol(port_names=("http",), port=8000, module="openai", target="OpenAi"),
    "sagemaker": Protocol(
        port_names=("http",),
        port=8080,
        module="invocations",
        target="Invocations",
    ),
}
"""Protocols by the name of the server that speaks them; ``sagemaker`` is any container with SageMaker's contract."""
