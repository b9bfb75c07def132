"""The multi-model side of the container contract: load, list, invoke and unload models.

Each loaded model is a process of its own, as TorchServe gives each a worker: two models may well have an inference.py
each. https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from .workers import Answer

ONE_OF_MANY = "LOCAL_AWS_ONE_OF_MANY"
"""Set in the environment of a model that a multi-model container loads."""

_MAIN = Path(__file__).with_name("__main__.py")
_LOADED_MODELS = "4"  # a laptop's memory is not an instance's; LOCAL_AWS_LOADED_MODELS says otherwise
_LOAD_TIMEOUT = 300.0
_STOP_GRACE = 5.0


class LoadError(Exception):
    """A model that does not load; the text is why."""


class ModelProcesses:
    """The models that are loaded, each in its process.

    Parameters
    ----------
    module
        The stand-in of the image.
    base
        The stand-in of ``/opt/ml``.
    """

    def __init__(self, module: str, base: Path) -> None:
        self._module = module
        self._base = base
        self._limit = int(os.environ.get("LOCAL_AWS_LOADED_MODELS") or _LOADED_MODELS)
        self._models: dict[str, _ModelProcess | None] = {}
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request of the contract."""
        parts = path.strip("/").split("/")
        match (method, parts[1:]):
            case ("POST", []):
                answer = self._load(body)
            case ("GET", []):
                answer = _json(HTTPStatus.OK, {"models": [self._about(name) for name in list(self._models)]})
            case ("GET", [name]) if name in self._models:
                answer = _json(HTTPStatus.OK, self._about(name))
            case ("DELETE", [name]) if name in self._models:
                answer = self._unload(name)
            case ("POST", [name, "invoke"]) if (model := self._models.get(name)) is not None:
                answer = model.invoke(headers, body)
            case _:
                answer = _error(
                    HTTPStatus.NOT_FOUND, f"{method} {path}: no such operation, or the model is not loaded."
                )
        return answer

    def close(self) -> None:
        """End every model's process."""
        for model in list(self._models.values()):
            if model is not None:
                model.end()

    def _about(self, name: str) -> dict[str, str]:
        return {"modelName": name, "modelUrl": str(self._base / "models" / name / "model")}

    def _load(self, body: bytes) -> Answer:
        try:
            asked = json.loads(body)
            name, directory = str(asked["model_name"]), Path(asked["url"])
        except (ValueError, KeyError, TypeError):
            return _error(HTTPStatus.BAD_REQUEST, "The body must be JSON with model_name and url.")
        with self._lock:
            if name in self._models:
                return _error(HTTPStatus.CONFLICT, f"Model {name} is already loaded.")
            if len(self._models) >= self._limit:
                return _error(HTTPStatus.INSUFFICIENT_STORAGE, f"{self._limit} models are loaded already.")
            self._models[name] = None
        if (directory / "code" / "requirements.txt").is_file():
            # The toolkits install /opt/ml/model/code/requirements.txt, which a multi-model container does not have.
            print("code/requirements.txt of a model is not installed in a multi-model container", flush=True)
        try:
            self._models[name] = _ModelProcess(self._module, directory)
        except LoadError as error:
            del self._models[name]
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return _json(HTTPStatus.OK, {"status": f"Model {name} loaded."})

    def _unload(self, name: str) -> Answer:
        with self._lock:
            model = self._models.pop(name, None)
        if model is not None:
            model.end()
        return _json(HTTPStatus.OK, {"status": f"Model {name} unloaded."})


class _ModelProcess:
    """A process that serves one model: this server once more, for that directory alone."""

    def __init__(self, module: str, directory: Path) -> None:
        self._status = directory.parent / "status.json"
        self._directory = directory
        self._environment = os.environ | {
            "SAGEMAKER_BASE_DIR": str(directory.parent),
            "SM_MODEL_DIR": str(directory),
            "SAGEMAKER_SUBMIT_DIRECTORY": str(directory / "code"),
            ONE_OF_MANY: "true",
        }
        self._command = [sys.executable, "-s", "-P", str(_MAIN), module, str(self._status), str(os.getpid())]
        self._starting = threading.Lock()
        self._start()

    def _start(self) -> None:
        self._status.unlink(missing_ok=True)
        # In our group, so that whatever ends it ends this, too; its stdin is the pipe by which it knows of our end.
        self._process = subprocess.Popen(  # noqa: S603
            self._command, cwd=self._directory, env=self._environment, stdin=subprocess.PIPE
        )
        try:
            self._port = self._await()
        except BaseException:
            self.end()
            raise

    def _await(self) -> int:
        deadline = time.monotonic() + _LOAD_TIMEOUT
        while time.monotonic() < deadline:
            report: dict[str, Any] = {}
            with contextlib.suppress(FileNotFoundError):
                report = json.loads(self._status.read_text("utf-8"))
            if "error" in report:
                raise LoadError(str(report["error"]))
            if self._process.poll() is not None:
                raise LoadError(f"The model's process ended with exit code {self._process.returncode} while it loaded.")
            if "port" in report and self._is_up(int(report["port"])):
                return int(report["port"])
            time.sleep(0.01)
        raise LoadError(f"The model was not loaded within {_LOAD_TIMEOUT:g} s.")

    @staticmethod
    def _is_up(port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def invoke(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Pass a request to the model's process, which is started again when it has ended by itself."""
        with self._starting:
            if self._process.poll() is not None:
                self.end()
                try:
                    self._start()
                except LoadError as error:
                    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", "/invocations", body, dict(headers))
            response = connection.getresponse()
            return Answer(
                status=response.status,
                phrase=response.reason,
                headers=dict(response.getheaders()),
                body=response.read(),
            )
        except (OSError, http.client.HTTPException) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_GRACE)  # connections close a moment before a process has ended
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, f"The model's process does not answer: {error}")
        finally:
            connection.close()

    def end(self) -> None:
        """SIGTERM, then SIGKILL; its stdin is closed after its end, since that would end our group with it."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _json(status: HTTPStatus, document: object) -> Answer:
    body = json.dumps(document).encode()
    return Answer(status=status, phrase=status.phrase, headers={"Content-Type": "application/json"}, body=body)


def _error(status: HTTPStatus, message: str) -> Answer:
    return _json(
        status, {"code": status.value, "type": status.phrase.replace(" ", "") + "Exception", "message": message}
    )
