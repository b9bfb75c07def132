"""The seam between SageMaker's API and the hosting plane that runs models.

The API decides which containers run and with whose rights; the plane keeps the container contract. It is named by its
module, so that tests put a fake in its place.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

_LAST_GRACE = 1.0


class Stoppable(Protocol):
    """Whatever runs until it is stopped."""

    def stop(self, *, grace: float = ...) -> None:
        """Stop; what is under way has so many seconds to end. Once more is harmless."""


class TrainingHost(Stoppable, Protocol):
    """A training script, as :mod:`local_aws.hosting` runs it."""

    @property
    def submit_directory(self) -> str:
        """Where the script is: an archive in S3, or a directory of the container."""

    def path(self, path: str) -> Path:
        """Return where a path of the container is."""

    def run(self, source: Path | None, *, pause: Callable[[], None]) -> None:
        """Run the script to its end; raise ``HostFailedError`` when it fails, or whatever ``pause`` raises."""

    def end(self, *, grace: float) -> None:
        """SIGTERM, and after ``grace`` seconds SIGKILL."""


class Host(Stoppable, Protocol):
    """A running container, as :mod:`local_aws.hosting` gives it; one that ends by itself is started again."""

    @property
    def url(self) -> str:
        """Its address, while it serves; raises OSError while it does not."""

    @property
    def pid(self) -> int | None:
        """Its process, once there is one: another one when it has been started again."""

    def start(self) -> None:
        """Start, and return when ``/ping`` answers 200; raise ``HostFailedError`` otherwise."""

    def add_model(self, name: str, archive: Path) -> str:
        """Extract a model for a multi-model container, and return its directory, for ``POST /models``."""

    def remove_model(self, name: str) -> None:
        """Delete a model that was extracted; once more is harmless."""


@dataclass(slots=True)
class Plane:
    """Where models run.

    Parameters
    ----------
    directory
        Under it, each container gets a directory of its own.
    module
        Has ``Container``, ``Host`` and ``HostFailedError``, and ``TrainingContainer`` and ``TrainingHost``.
    environment
        What every container gets beside its own environment: the address of local AWS.
    """

    directory: Path
    module: str = "local_aws.hosting"
    environment: Mapping[str, str] = field(default_factory=dict)
    _hosts: set[Stoppable] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def failure(self) -> type[Exception]:
        """What a host raises when it cannot start."""
        failure: type[Exception] = importlib.import_module(self.module).HostFailedError
        return failure

    def open(
        self, container: Mapping[str, Any], *, workdir: Path, log: Callable[[str], None], startup_timeout: float
    ) -> Host:
        """Start a container.

        Raises
        ------
        Exception
            The module's ``HostFailedError``, whose text is the endpoint's failure reason.
        """
        module = importlib.import_module(self.module)
        environment = {**self.environment, **container["environment"]}
        spec = module.Container(**{**container, "environment": environment})
        host: Host = module.Host(spec, workdir=workdir, log=log, startup_timeout=startup_timeout)
        with self._lock:
            self._hosts.add(host)
        try:
            host.start()
        except BaseException:
            self.close(host)
            raise
        return host

    def train(self, container: Mapping[str, Any], *, workdir: Path, log: Callable[[str], None]) -> TrainingHost:
        """Return a host for a training job, which the plane stops when it stops itself."""
        module = importlib.import_module(self.module)
        environment = {**self.environment, **container["environment"]}
        spec = module.TrainingContainer(**{**container, "environment": environment})
        host: TrainingHost = module.TrainingHost(spec, workdir=workdir, log=log)
        with self._lock:
            self._hosts.add(host)
        return host

    def close(self, host: Stoppable) -> None:
        """Stop a container."""
        with self._lock:
            self._hosts.discard(host)
        host.stop()

    def close_all(self) -> None:
        """Stop every container without patience: local AWS itself ends, so nobody waits for an answer any more."""
        with self._lock:
            hosts, self._hosts = self._hosts, set()
        if hosts:
            with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
                list(pool.map(lambda host: host.stop(grace=_LAST_GRACE), hosts))


_plane: list[Plane] = []


def use_plane(plane: Plane) -> None:
    """Set the hosting plane of this process."""
    _plane[:] = [plane]


def plane() -> Plane:
    """Return the hosting plane of this process."""
    return _plane[0]
