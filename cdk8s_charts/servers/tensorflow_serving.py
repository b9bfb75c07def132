"""TensorFlow Serving, on CPUs, GPUs, and in its Neuron builds.

Sources: tensorflow/serving, model_servers/main.cc (flags), model_servers/server_core.cc (nothing listens before the
first load is done), serving_config.md; aws/deep-learning-containers, tensorflow/inference/docker (entry points, ports).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cdk8s_charts.container import CONFIG_DIRECTORY, MODELS, USER, Form, Port, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.servers.server import Server
from constructs_lib.serving.images import Device
from constructs_lib.serving.models import AnyModel, ContainerModel, FrameworkModel, TensorFlowModel
from constructs_lib.serving.notices import TENSORFLOW_NEURON_RETIRED, Notice
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import range_problems

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_METRICS_PATH = "/monitoring/prometheus/metrics"
_NEURON = (Device.NEURON, Device.NEURONX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How TensorFlow Serving gathers requests into batches on the server.

    Attributes
    ----------
    max_batch_size
        Most examples in one batch, at least 1.
    batch_timeout_micros
        Microseconds that a batch waits for more requests, at least 0. Default: 0.
    num_batch_threads
        Batches that are worked on at one time. None: as many as there are CPUs.
    max_enqueued_batches
        Batches that may wait before requests are refused. Default: 100.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    max_batch_size: int
    batch_timeout_micros: int = 0
    num_batch_threads: int | None = None
    max_enqueued_batches: int = 100

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        for name, least in (
            ("max_batch_size", 1),
            ("batch_timeout_micros", 0),
            ("num_batch_threads", 1),
            ("max_enqueued_batches", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                problems.add(name, f"must be at least {least}, got {value}")
        problems.raise_any()

    def text(self) -> str:
        """Write it as the text of a ``BatchingParameters`` message."""
        fields = ("max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches")
        given = ((name, getattr(self, name)) for name in fields)
        return "".join(f"{name} {{ value: {value} }}\n" for name, value in given if value is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPolicy:
    """Which versions of the model, numbered directories, are served. Give one of the three.

    Attributes
    ----------
    latest
        The so many newest, at least 1. None: another field says.
    specific
        These, whatever else there is. Default: another field says.
    all
        Every one. Default: another field says.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    latest: int | None = None
    specific: tuple[int, ...] = ()
    all: bool = False

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        if [self.latest is not None, bool(self.specific), self.all].count(True) != 1:
            problems.add("latest", "or 'specific' or 'all' must be given, and one of them only")
        if self.latest is not None and self.latest < 1:
            problems.add("latest", f"must be at least 1, got {self.latest}")
        problems.raise_any()

    def text(self) -> str:
        """Write it as the text of a ``ServableVersionPolicy`` message."""
        if self.specific:
            return f"specific {{ {' '.join(f'versions: {version}' for version in self.specific)} }}"
        return "all {}" if self.all else f"latest {{ num_versions: {self.latest} }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowServing(Server):
    """TensorFlow Serving.

    Attributes
    ----------
    rest_port
        Port for REST. Default: 8501, as in its images.
    grpc_port
        Port for gRPC. Default: 8500, as in its images.
    model_name
        Name in the paths of requests, ``/v1/models/NAME:predict``. None: the workload's.
    batching
        Gather requests into batches. None: each is computed separately.
    versions
        Which versions are served. None: the newest.
    warm_up
        Whether the requests in the model's ``assets.extra`` are run before the pod is ready. Default: yes.
    flags
        More flags of ``tensorflow_model_server``, such as ``--rest_api_timeout_in_ms=60000``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    label = "TensorFlow Serving"
    serves = (TensorFlowModel, ContainerModel)
    reads = (Form.PREFIX, Form.ARCHIVE)
    devices = (Device.CPU, Device.GPU, *_NEURON)

    rest_port: int = 8501
    grpc_port: int = 8500
    model_name: str | None = None
    batching: Batching | None = None
    versions: VersionPolicy | None = None
    warm_up: bool = True
    flags: tuple[str, ...] = ()
    kind: Literal["tensorflow-serving"] = "tensorflow-serving"

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> Iterator[Problem]:
        for port in ("rest_port", "grpc_port"):
            yield from range_problems(port, getattr(self, port), 1, 65_535)
        if self.rest_port == self.grpc_port:
            yield Problem("grpc_port", f"is {self.grpc_port}, as is 'rest_port'; give each a port of its own")
        if self.model_name is not None and not _NAME.fullmatch(self.model_name):
            yield Problem("model_name", f"must have letters, digits, '_', '.' and '-' only, got '{self.model_name}'")
        for index, flag in enumerate(self.flags):
            if not flag.startswith("--"):
                yield Problem(f"flags.{index}", f"must begin with '--', got '{flag}'")

    def notices(self, placement: Placement) -> Iterator[Notice]:
        """Warn of TensorFlow on Neuron, which AWS has ended."""
        if placement.device in _NEURON:
            yield Notice(
                TENSORFLOW_NEURON_RETIRED,
                "AWS ended TensorFlow on Inferentia and Trainium with Neuron 2.29: serve the model with PyTorch or "
                "vLLM there, or on a GPU",
            )

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a SavedModel."""
        served = self.model_name or name
        version, python = (model.version, model.py_version) if isinstance(model, FrameworkModel) else (None, None)
        neuron = placement.device in _NEURON
        return ServerContainer(
            image=model.image or placement.image("tensorflow", version, python=python),
            # The entry point of the Neuron images starts what the old ones need besides, and passes flags on.
            command=("/usr/local/bin/entrypoint.sh",) if neuron else ("tensorflow_model_server",),
            args=(
                *self._args(served, source=_source_flags(served, configured=self.versions is not None)),
                # Otherwise the first pod takes all of the GPU's memory.
                *((f"--per_process_gpu_memory_fraction={placement.gpu_share}",) if placement.gpu_share < 1 else ()),
                *self.flags,
            ),
            environment={"MODEL_NAME": served, "MODEL_BASE_PATH": MODELS, **model.environment},
            ports=(Port(name="http", number=self.rest_port), Port(name="grpc", number=self.grpc_port)),
            ready_path=f"/v1/models/{served}",
            live_port="grpc",
            model_directory=f"{MODELS}/{served}",
            config=self._config(served),
            metrics_path=_METRICS_PATH,
            user=None if neuron else USER,
            capabilities=("IPC_LOCK",) if neuron else (),
            memory="4Gi" if placement.accelerators else "2Gi",
        )

    def _args(self, served: str, *, source: tuple[str, ...]) -> tuple[str, ...]:
        batching = ("--enable_batching=true", f"--batching_parameters_file={CONFIG_DIRECTORY}/batching.txt")
        return (
            f"--port={self.grpc_port}",
            f"--rest_api_port={self.rest_port}",
            *source,
            f"--enable_model_warmup={str(self.warm_up).lower()}",
            f"--monitoring_config_file={CONFIG_DIRECTORY}/monitoring.txt",
            *(batching if self.batching else ()),
        )

    def _config(self, served: str) -> dict[str, str]:
        files = {"monitoring.txt": f'prometheus_config {{ enable: true path: "{_METRICS_PATH}" }}\n'}
        if self.batching:
            files["batching.txt"] = self.batching.text()
        if self.versions:
            files["models.txt"] = (
                f'model_config_list {{ config {{ name: "{served}" base_path: "{MODELS}/{served}" '
                f'model_platform: "tensorflow" model_version_policy {{ {self.versions.text()} }} }} }}\n'
            )
        return files


def _source_flags(served: str, *, configured: bool) -> tuple[str, ...]:
    if configured:
        return (f"--model_config_file={CONFIG_DIRECTORY}/models.txt",)
    return (f"--model_name={served}", f"--model_base_path={MODELS}/{served}")
