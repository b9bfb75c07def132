"""The life of a host process: listen, load the model, serve, and end with its parent or on SIGTERM."""

import importlib
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import NoReturn

from .failures import describe
from .multi_model import ModelProcesses
from .web import HostServer
from .workers import Create, Workers

_DRAIN = 29.0  # just less than the contract's 30 s between SIGTERM and SIGKILL


def main(module: str, status_file: str, parent: str) -> int:
    """Serve the model in SAGEMAKER_BASE_DIR with ``module``'s stand-in of the image; return the exit code."""
    _end_with(int(parent))
    # As TorchServe sets up its workers' logging, but for the level, which the Model may give.
    level = os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", "")
    logging.basicConfig(
        stream=sys.stdout,
        format="%(levelname)s %(name)s - %(message)s",
        level=int(level) if level.isdecimal() else level.upper() or logging.INFO,
    )
    model_dir = Path(os.environ["SAGEMAKER_BASE_DIR"], "model")
    server = HostServer()
    os.environ["SAGEMAKER_BIND_TO_PORT"] = str(server.port)
    status = Path(status_file)
    _report(status, {"port": server.port})
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="server", daemon=True).start()
    try:
        if os.environ.pop("SAGEMAKER_MULTI_MODEL", "") == "true":
            models, workers = ModelProcesses(module, model_dir.parent), None
        else:
            models, workers = None, _load(module, model_dir)
    except BaseException as e:  # whatever a handler raises, SystemExit as well, is why the model does not serve
        traceback.print_exc()
        _report(status, {"error": describe(e, model_dir)})
        _exit(1)
    signals = _signals()
    server.models, server.workers = models, workers
    while os.read(signals, 1)[0] != signal.SIGTERM:
        continue  # one that the model itself listens to
    server.drain(_DRAIN)
    if models is not None:
        models.close()
    _exit(0)


def _load(module: str, model_dir: Path) -> Workers:
    # TorchServe puts a model's directory before PYTHONPATH, to which the toolkit adds its code directory.
    sys.path[:0] = [str(model_dir), str(model_dir / "code")]
    create: Create = importlib.import_module(f".{module}", __package__).create
    # SAGEMAKER_MODEL_SERVER_WORKERS is a number of processes there; here each is a thread with a model of its own.
    count = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1)
    return Workers([create(model_dir) for _ in range(max(count, 1))])


def _signals() -> int:
    """Return a pipe into which the number of each signal goes, SIGTERM among them, which ends the process no more.

    A handler that raises would not do: a signal that comes just before the process goes to sleep would not wake it.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    return reader


def _report(status: Path, report: dict[str, str | int]) -> None:
    unfinished = status.with_suffix(".part")
    unfinished.write_text(json.dumps(report), encoding="utf-8")
    unfinished.replace(status)


def _exit(code: int) -> NoReturn:
    """End now: a handler's threads that are not daemons would keep the process for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with(parent: int) -> None:
    """End this process and its children when the parent ends: its end of the stdin pipe closes, however it dies."""
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch_pipe() -> None:
        while os.read(pipe, 1):
            continue
        _end_group()

    def watch_parent() -> None:
        # A process forked from the parent may hold the pipe open; being adopted tells it as well (not on Windows).
        while os.getppid() == parent or sys.platform == "win32":
            time.sleep(1)
        _end_group()

    for target in (watch_pipe, watch_parent):
        threading.Thread(target=target, name=target.__name__, daemon=True).start()


def _end_group() -> NoReturn:
    if sys.platform != "win32":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)
