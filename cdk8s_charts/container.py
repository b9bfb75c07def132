"""What a server says of its container; the charts write it as Kubernetes wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Form(StrEnum):
    """In which form the files of a model lie in S3."""

    PREFIX = "a prefix of files"
    ARCHIVE = "a .tar.gz archive"
    MAR = "a .mar archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port that a container listens on.

    Attributes
    ----------
    name
        ``http``, ``grpc`` or ``metrics``: at most 15 lower-case letters, digits and hyphens.
    number
        The port.
    public
        Whether it belongs on the Service; metrics are fetched from each pod.
    """

    name: str
    number: int
    public: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerContainer:
    """The container of one server, serving one model.

    Attributes
    ----------
    image
        URI of its image.
    command, args
        What is run instead of the image's own entry point; no command: the entry point, with ``args``.
    environment
        Environment variables.
    ports
        What it listens on; the first is the one for HTTP.
    ready_path, live_path
        Paths on the first port that answer 200 when the model can be called, and while the server works. No
        ``live_path``: the server works as long as ``live_port`` takes connections.
    live_port
        Name of the port for liveness.
    model_directory
        Where the files of the model are put; None: it needs none.
    config
        Files by name, in `CONFIG_DIRECTORY`.
    metrics_path
        Path of Prometheus metrics on the port ``metrics``, or else on the first one. None: it has none.
    user
        User id that it runs as, with a read-only file system and no capability. None: the image's own user.
    capabilities
        Linux capabilities that it needs beyond those.
    memory, shared_memory
        What it commonly needs, as quantities. No ``shared_memory``: the runtime's 64 MiB will do.
    start_up_seconds
        How long it may take until it answers, fetching the model not counted.
    """

    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ports: tuple[Port, ...]
    ready_path: str
    live_path: str | None = None
    live_port: str = "http"
    model_directory: str | None = None
    config: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    metrics_path: str | None = None
    user: int | None = None
    capabilities: tuple[str, ...] = ()
    memory: str
    shared_memory: str | None = None
    start_up_seconds: int = 600

    @property
    def http(self) -> Port:
        """The port for HTTP."""
        return self.ports[0]

    @property
    def metrics_port(self) -> Port:
        """The port that metrics are fetched from."""
        return next((port for port in self.ports if port.name == "metrics"), self.http)


CONFIG_DIRECTORY = "/etc/model-server"
MODELS = "/models"
# A user that neither an image nor a node has: none of its files are theirs.
USER = 10_001
