"""The local AWS server: one process, bound to this machine alone."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
# What `cdk bootstrap`, `deploy` and `destroy` need, and what the stacks of this library are made of.
_SERVICES = (
    "apigateway",
    "autoscaling",
    "cloudformation",
    "ec2",
    "ecr",
    "eks",
    "elasticloadbalancing",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
)
# A kubeconfig: manifests are applied to its cluster, too.
_KUBECONFIG = "LOCAL_AWS_KUBECONFIG"


class StartFailedError(Exception):
    """Local AWS cannot start; the text is one readable line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a running server says of itself in its state directory."""

    pid: int
    port: int
    started: str

    @property
    def endpoint_url(self) -> str:
        """The address for ``AWS_ENDPOINT_URL``."""
        return f"http://{HOST}:{self.port}"


def running_file(state: Path) -> Path:
    """Return where a server says that it runs."""
    return state / "local-aws.json"


def lock_file(state: Path) -> Path:
    """Return the file that a server holds a lock on for as long as it lives."""
    return state / "local-aws.lock"


def serve(*, port: int, state: Path, hosting: str, parent_pipe: int | None = None) -> None:
    """Run the server until it is told to stop.

    Parameters
    ----------
    port
        0: a free one.
    state
        The directory for whatever the server keeps on disk. One server at a time uses it.
    hosting
        The module of the hosting plane.
    parent_pipe
        A file descriptor. The server stops when it reaches its end: it does when the parent is gone, however it went.

    Raises
    ------
    StartFailedError
        When the port is taken, the state directory is in use, or MiniStack is not what we know.
    """
    state.mkdir(parents=True, exist_ok=True)
    with _hold(state), _bound(port) as listener:
        port = listener.getsockname()[1]
        # Of a server that was killed, too: nothing in them is found again.
        _clear(state)
        try:
            _configure_ministack(port, state)
            asyncio.run(_serve(listener, port, state, hosting, parent_pipe))
        finally:
            _clear(state)


@contextlib.contextmanager
def _hold(state: Path) -> Iterator[None]:
    with lock_file(state).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartFailedError(f"local AWS is already running with the state directory {state}") from None
        # What a server that was killed has left.
        running_file(state).unlink(missing_ok=True)
        try:
            yield
        finally:
            running_file(state).unlink(missing_ok=True)


@contextlib.contextmanager
def _bound(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise StartFailedError(
                f"port {port} of {HOST} cannot be used: {error.strerror}; choose another one"
            ) from error
        yield listener


def _temporary(state: Path) -> Path:
    return state / "tmp"


def _containers(state: Path) -> Path:
    """Return where each container has a directory, with a copy of its model."""
    return state / "endpoints"


def _clear(state: Path) -> None:
    for directory in (_temporary(state), _containers(state)):
        shutil.rmtree(directory, ignore_errors=True)


def _configure_ministack(port: int, state: Path) -> None:
    """Set what MiniStack reads from the environment when it is imported."""
    temporary = _temporary(state)
    temporary.mkdir()
    os.environ |= {
        # IAM is enforced for every caller; the credentials of LocalAws.environment are the account's root user's.
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "SERVICES": ",".join(_SERVICES),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "S3_DATA_DIR": str(state / "s3"),
        "STATE_DIR": str(state / "ministack"),
        # MiniStack leaves the unpacked code of Lambda functions behind.
        "TMPDIR": str(temporary),
    }
    os.environ.setdefault("LOG_LEVEL", "WARNING")


async def _serve(listener: socket.socket, port: int, state: Path, hosting: str, parent_pipe: int | None) -> None:
    # MiniStack reads the environment when it is imported, so not before it is set.
    try:
        from hypercorn.asyncio import serve as serve_app
        from hypercorn.config import Config
        from ministack.app import app

        from local_aws import extension
        from local_aws.services.kubernetes.objects import KubernetesObjects, use_objects
        from local_aws.services.kubernetes.real_cluster import ClusterUnreachableError, RealCluster
        from local_aws.services.sagemaker.instance_metrics import InstanceMetrics
        from local_aws.services.sagemaker.plane import Plane, use_plane
        from local_aws.validation import service_model
    except ImportError as error:
        raise StartFailedError(f"it needs MiniStack: install inference-constructs[local] ({error})") from error
    try:
        extension.install()
    except extension.MiniStackChangedError as error:
        raise StartFailedError(str(error)) from error
    plane = Plane(_containers(state), hosting, {"AWS_ENDPOINT_URL": f"http://{HOST}:{port}"})
    use_plane(plane)
    kubeconfig = os.environ.get(_KUBECONFIG)
    try:
        use_objects(KubernetesObjects(state / "kubernetes", RealCluster(Path(kubeconfig)) if kubeconfig else None))
    except ClusterUnreachableError as error:
        raise StartFailedError(f"{_KUBECONFIG}: {error}") from error
    InstanceMetrics().start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # The largest of the models takes 0.2 s to read: not while the first request waits.
    loop.run_in_executor(None, service_model, "sagemaker")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if parent_pipe is not None:
        _watch(parent_pipe, lambda: loop.call_soon_threadsafe(stop.set))
    config = Config()
    config.bind = [f"fd://{os.dup(listener.fileno())}"]
    # What comes while the event loop is busy waits here; a client beyond the backlog is held up for seconds, or reset.
    config.backlog = 1024
    # Hypercorn says that it has started before it listens, and nobody who is told so may be refused.
    listener.listen(config.backlog)
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.shutdown_timeout = 5
    config.loglevel = os.environ["LOG_LEVEL"]
    try:
        await serve_app(_announcing(app, port, state), config, shutdown_trigger=stop.wait)
    finally:
        await asyncio.to_thread(plane.close_all)


def _announcing(app: Any, port: int, state: Path) -> Any:
    """Return the application, which says in the state directory that it runs once it does."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def tell(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                _announce(Running(pid=os.getpid(), port=port, started=datetime.now(UTC).isoformat()), state)

        if scope["type"] == "http":
            # AWS is called over TLS, and `cdk bootstrap`'s bucket policy refuses whoever does not.
            scope = scope | {"scheme": "https"}
        await app(scope, receive, tell if scope["type"] == "lifespan" else send)

    return wrapped


def _announce(running: Running, state: Path) -> None:
    partial = running_file(state).with_suffix(".partial")
    partial.write_text(json.dumps(asdict(running)))
    partial.replace(running_file(state))


def _watch(pipe: int, then: Callable[[], object]) -> None:
    def wait() -> None:
        # Not through a file object: its lock would be held when the interpreter ends.
        while os.read(pipe, 1):
            continue
        then()

    threading.Thread(target=wait, name="watch-parent", daemon=True).start()
