"""TorchServe, on CPUs, GPUs, Inferentia and Trainium.

Sources: pytorch/serve, docs/configuration.md and docs/token_authorization_api.md, ts/model_server.py;
aws/deep-learning-containers, pytorch/inference/docker (the entry point goes on after a dead server, so it is not used).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cdk8s_charts.container import MODELS, USER, Form, Port, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.servers import model_archives
from cdk8s_charts.servers.server import Server
from constructs_lib.serving.images import Device
from constructs_lib.serving.models import AnyModel, ContainerModel, FrameworkModel, PyTorchModel
from constructs_lib.serving.notices import Notice
from constructs_lib.serving.problems import Problem, Problems

_NEURON = (Device.NEURON, Device.NEURONX)


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchServe(Server):
    """TorchServe, without its tokens, which would differ for every pod and block the probes.

    The management API stays inside the pod, and accepts no models.

    Attributes
    ----------
    model_name
        Name in the paths of requests, ``/predictions/NAME``. None: the workload's.
    archive
        File name of the ``.mar`` where the artifact is a prefix. None: ``model_name`` with ``.mar``.
    workers
        Processes that run the model. None: TorchServe's own number; on Neuron, one for each NeuronCore.
    batch_size
        Most requests that one call of the handler gets. Default: 1.
    max_batch_delay_ms
        Milliseconds that a batch waits for more requests. Default: 100.
    model_version
        Version that the archive was built with; what a batch size is set for. Default: ``1.0``.
    response_timeout_seconds
        After how many seconds without an answer a worker is restarted. Default: 120.
    install_requirements
        Whether the ``requirements.txt`` of the archive is installed at start, from the internet. Default: no.
    properties
        More lines of ``config.properties``; they take precedence over those that the chart writes.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    label = "TorchServe"
    serves = (PyTorchModel, ContainerModel)
    reads = (Form.MAR, Form.PREFIX)
    devices = (Device.CPU, Device.GPU, *_NEURON)

    model_name: str | None = None
    archive: str | None = None
    workers: int | None = None
    batch_size: int = 1
    max_batch_delay_ms: int = 100
    model_version: str = "1.0"
    response_timeout_seconds: int = 120
    install_requirements: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["torchserve"] = "torchserve"

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(model_archives.name_problems(self.model_name, self.archive))
        problems.extend(model_archives.property_problems(self.properties))
        for name in ("workers", "batch_size", "max_batch_delay_ms", "response_timeout_seconds"):
            if (value := getattr(self, name)) is not None and value < 1:
                problems.add(name, f"must be at least 1, got {value}")
        problems.raise_any()

    def problems(self, model: AnyModel, placement: Placement) -> Iterator[Problem]:
        """Find what keeps TorchServe from serving a model there, images aside."""
        yield from Server.problems(self, model, placement)
        yield from model_archives.archive_problems(self.archive, model)
        if self.workers and placement.cores and self.workers > placement.cores:
            yield Problem(
                "server.workers", f"is {self.workers}, but a pod has {placement.cores} NeuronCores, each for one"
            )

    def notices(self, placement: Placement) -> Iterator[Notice]:
        """Warn that the server is not looked after."""
        yield model_archives.unmaintained(self.label)

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a ``.mar`` archive."""
        served = self.model_name or name
        archive = model_archives.archive_of(self.archive, served, model)
        version, python = (model.version, model.py_version) if isinstance(model, FrameworkModel) else (None, None)
        neuron = placement.device in _NEURON
        workers = self.workers or placement.cores or None
        # Each worker is a process, and a process takes all the NeuronCores that it sees unless told otherwise.
        cores = {"NEURON_RT_NUM_CORES": str(placement.cores // workers)} if neuron and workers else {}
        return ServerContainer(
            image=model.image or placement.image("pytorch", version, python=python),
            command=("torchserve",),
            args=(*model_archives.arguments("--ts-config", served, archive), "--no-config-snapshots"),
            environment={**model_archives.ENVIRONMENT, **cores, **model.environment},
            ports=(
                Port(name="http", number=8080),
                Port(name="grpc", number=7070),
                Port(name="metrics", number=8082, public=False),
            ),
            ready_path="/ping",
            live_path="/ping",
            model_directory=MODELS,
            config={model_archives.CONFIG: model_archives.properties_text(self._properties(served, archive, workers))},
            metrics_path="/metrics",
            user=None if neuron else USER,
            capabilities=("IPC_LOCK",) if neuron else (),
            memory="4Gi",
            shared_memory="512Mi",
        )

    def _properties(self, served: str, archive: str, workers: int | None) -> dict[str, str]:
        lines = {
            "inference_address": "http://0.0.0.0:8080",
            "management_address": "http://127.0.0.1:8081",
            "metrics_address": "http://0.0.0.0:8082",
            "grpc_inference_address": "0.0.0.0",  # noqa: S104 (the pod's own network)
            "grpc_management_address": "127.0.0.1",
            "disable_token_authorization": "true",
            "enable_model_api": "false",
            "metrics_mode": "prometheus",
            "default_response_timeout": str(self.response_timeout_seconds),
            "install_py_dep_per_model": str(self.install_requirements).lower(),
        }
        if workers:
            lines["default_workers_per_model"] = str(workers)
        if self.batch_size > 1:
            model = {
                "defaultVersion": True,
                "marName": archive,
                "minWorkers": workers or 1,
                "maxWorkers": workers or 1,
                "batchSize": self.batch_size,
                "maxBatchDelay": self.max_batch_delay_ms,
                "responseTimeout": self.response_timeout_seconds,
            }
            lines["models"] = json.dumps({served: {self.model_version: model}}, separators=(",", ":"))
        return {**lines, **self.properties}
