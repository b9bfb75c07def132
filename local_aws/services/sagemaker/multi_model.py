"""The models of a multi-model container: loaded on the first call, the least recently used unloaded for a new one.

SageMaker's side of the container contract for multi-model endpoints; ``hosting/server/multi_model.py`` is the
container's. https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local_aws.errors import ServiceError
from local_aws.services.sagemaker.containers import RunningContainer
from local_aws.services.sagemaker.http_client import Reply
from local_aws.services.sagemaker.metrics import publish_model
from local_aws.services.sagemaker.model_data import ModelData
from local_aws.services.sagemaker.plane import plane

# "SageMaker AI returns a response for a call to invoke_endpoint within 60 seconds" ("Invoke a Multi-Model Endpoint").
_PATIENCE = 60.0
_ALREADY_LOADED, _NOT_ENOUGH_MEMORY = 409, 507


@dataclass(slots=True)
class _Loaded:
    """A model that is loaded by a process of the container, or is about to be by its present one."""

    name: str
    process: int | None = None
    users: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether it has been loaded."""
        return self.process is not None


class LoadFailedError(Exception):
    """The container answered that it cannot load a model."""

    def __init__(self, reply: Reply | str) -> None:
        super().__init__(reply)
        self.reply = reply


class TargetModels:
    """The models that one container has loaded, by their key below the container's S3 prefix."""

    def __init__(self, container: RunningContainer, endpoint_name: str, variant_name: str) -> None:
        data = ModelData.of_container(container.definition)
        assert data is not None  # noqa: S101  CreateModel asks for it
        self._data = data
        self._container = container
        self._where = (endpoint_name, variant_name)
        self._caches = container.definition.get("MultiModelConfig", {}).get("ModelCacheSetting") != "Disabled"
        self._models: collections.OrderedDict[str, _Loaded] = collections.OrderedDict()
        self._changed = threading.Condition()

    def ask(self, target: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply | str:
        """Return a model's answer, or the container's refusal to load it.

        Raises
        ------
        ServiceError
            When there is no such model, the role may not read it, or no room comes free in time.
        """
        try:
            with self._held(target) as name:
                return self._container.ask(body, headers, timeout=timeout, path=f"/models/{name}/invoke")
        except LoadFailedError as failure:
            return failure.reply

    @contextlib.contextmanager
    def _held(self, target: str) -> Iterator[str]:
        """Hold a loaded model, which is not unloaded meanwhile."""
        begun = time.perf_counter()
        model, is_new = self._enter(target)
        self._publish("ModelCacheHit", float(not is_new), unit="None")
        try:
            if is_new:
                self._load(target, model)
            self._publish("ModelLoadingWaitTime", _microseconds(begun))
            yield model.name
        finally:
            self._leave(target, model)

    def _enter(self, target: str) -> tuple[_Loaded, bool]:
        with self._changed:
            deadline = time.monotonic() + _PATIENCE
            while True:
                model = self._models.get(target)
                is_current = model is not None and model.process == self._container.host.pid
                if model is not None and model.is_ready and not is_current and not model.users:
                    del self._models[target]  # gone with the process that had it
                    model = None
                if model is None:
                    # SageMaker's own name for it, which is safe in a path whatever the key is.
                    model = self._models[target] = _Loaded(hashlib.sha256(target.encode()).hexdigest()[:32], users=1)
                    return model, True
                if is_current:
                    model.users += 1
                    self._models.move_to_end(target)
                    return model, False
                if not self._changed.wait(deadline - time.monotonic()):
                    raise _not_ready(target)

    def _leave(self, target: str, model: _Loaded) -> None:
        with self._changed:
            model.users -= 1
            is_last = model.users == 0
            if not model.is_ready:
                del self._models[target]
            self._changed.notify_all()
        if is_last and model.is_ready and not self._caches:
            self._unload_one(target)

    def _load(self, target: str, model: _Loaded) -> None:
        begun, process = time.perf_counter(), self._container.host.pid
        path = self._download(target, model.name)
        self._publish("ModelDownloadingTime", _microseconds(begun))
        begun, deadline = time.perf_counter(), time.monotonic() + _PATIENCE
        body = json.dumps({"model_name": model.name, "url": path}).encode()
        headers = {"Content-Type": "application/json"}
        while True:
            reply = self._container.ask(body, headers, timeout=_PATIENCE, path="/models")
            if not isinstance(reply, Reply) or reply.status != _NOT_ENOUGH_MEMORY:
                break
            if not self._unload_one():
                if time.monotonic() > deadline:
                    raise _not_ready(target)
                with self._changed:
                    self._changed.wait(0.1)
        if not isinstance(reply, Reply) or (reply.status >= 300 and reply.status != _ALREADY_LOADED):
            self._container.host.remove_model(model.name)
            raise LoadFailedError(reply)
        with self._changed:
            model.process = process
            count = sum(loaded.process == process for loaded in self._models.values())
            self._changed.notify_all()
        self._publish("ModelLoadingTime", _microseconds(begun))
        self._publish("LoadedModelCount", float(count), unit="None")

    def _download(self, target: str, name: str) -> str:
        data = self._data.target(target)
        directory = self._container.workdir / "download" / name
        directory.mkdir(parents=True, exist_ok=True)
        try:
            return self._container.host.add_model(name, data.fetch(self._container.role, directory))
        except ServiceError as error:
            raise ServiceError(
                "ValidationError",
                f"Failed to download model data(bucket: {data.bucket}, key: {data.key}). Please ensure that there is "
                "an object located at the URL and that the role passed to CreateModel has permissions to download the "
                f"model. ({error.message})",
            ) from error
        except plane().failure as error:
            raise ServiceError("ValidationError", f"Failed to extract model data: {data.url}: {error}") from error

    def _unload_one(self, only: str | None = None) -> bool:
        """Unload the least recently used of the models that nobody uses, or just one; False when there is none."""
        with self._changed:
            idle = [key for key, model in self._models.items() if model.is_ready and model.users == 0]
            if only is not None:
                idle = [key for key in idle if key == only]
            if not idle:
                return False
            # Kept under its key until it is gone, so that a request for it waits and then loads it anew.
            model = self._models[idle[0]]
            model.process = None
        begun = time.perf_counter()
        try:
            with contextlib.suppress(
                OSError, http.client.HTTPException
            ):  # a container that is gone has unloaded it, too
                self._container.client.request("DELETE", f"/models/{model.name}", b"", {}, timeout=_PATIENCE)
            self._container.host.remove_model(model.name)
        finally:
            with self._changed:
                del self._models[idle[0]]
                self._changed.notify_all()
        self._publish("ModelUnloadingTime", _microseconds(begun))
        return True

    def _publish(self, name: str, value: float, *, unit: str = "Microseconds") -> None:
        publish_model(self._container.role.scope, self._where, name, value, unit=unit)


def _microseconds(begun: float) -> float:
    return (time.perf_counter() - begun) * 1e6


def _not_ready(target: str) -> ServiceError:
    return ServiceError(
        "ModelNotReadyException",
        f"Model {target} is still being downloaded or loaded. Wait and try your request again.",
        status=429,
    )
