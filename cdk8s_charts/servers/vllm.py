"""vLLM, on GPUs, and on Inferentia2 and Trainium through its Neuron plugin.

Sources: aws/deep-learning-containers, docs/vllm/deployment/eks.md; aws-neuron/aws-neuron-sdk,
deploy/environments/quickstart-deploy-dlc.rst.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cdk8s_charts.container import MODELS, Form, Port, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.servers.server import Server
from constructs_lib.serving.images import Device
from constructs_lib.serving.language_models import parallel_degree
from constructs_lib.serving.models import AnyModel, ContainerModel, LargeLanguageModel
from constructs_lib.serving.problems import Problem, Problems

_PORT = 8000
# From Neuron 2.32 on, the image is for Trainium2 and later; the one before it serves Inferentia2 and Trainium.
_NEWEST_NEURON = ("trn2", "trn3")
_OLDER_NEURON = "0.16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vllm(Server):
    """vLLM's server with the API of OpenAI.

    Attributes
    ----------
    served_model_name
        Name of the model in requests. None: its name on the hub, or the workload's.
    arguments
        More arguments of ``vllm serve``, such as ``--max-model-len=16384``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    label = "vLLM"
    serves = (LargeLanguageModel, ContainerModel)
    reads = (Form.PREFIX, Form.ARCHIVE)
    devices = (Device.GPU, Device.NEURONX)

    served_model_name: str | None = None
    arguments: tuple[str, ...] = ()
    kind: Literal["vllm"] = "vllm"

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        for index, argument in enumerate(self.arguments):
            if not argument.startswith("--"):
                problems.add(
                    f"arguments.{index}", f"must begin with '--', such as '--max-model-len=16384', got '{argument}'"
                )
        problems.raise_any()

    def problems(self, model: AnyModel, placement: Placement) -> Iterator[Problem]:
        """Find what keeps vLLM from serving a model there, images aside."""
        yield from Server.problems(self, model, placement)
        units = placement.cores or placement.accelerators
        degree = model.tensor_parallel_degree if isinstance(model, LargeLanguageModel) else None
        if degree is not None and degree > units:
            kind = "NeuronCores" if placement.cores else "GPUs"
            yield Problem(
                "model.tensor_parallel_degree", f"is {degree}, but a pod has {units} {kind}; raise 'accelerators'"
            )

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a language model."""
        hub = model.model_id if isinstance(model, LargeLanguageModel) else None
        source = hub or f"{MODELS}/{name}"
        neuron = placement.device is Device.NEURONX
        return ServerContainer(
            image=model.image or self._image(model, placement),
            # The GPU image's own entry point prepares CUDA and passes arguments on; the Neuron image's starts a shell.
            command=("vllm", "serve", source) if neuron else (),
            args=(
                *(() if neuron else (f"--model={source}",)),
                f"--served-model-name={self.served_model_name or hub or name}",
                "--host=0.0.0.0",
                f"--port={_PORT}",
                f"--tensor-parallel-size={self._degree(model, placement)}",
                # vLLM takes nine tenths of the GPU unless told otherwise, and does not start if others have them.
                *((f"--gpu-memory-utilization={placement.gpu_share}",) if placement.gpu_share < 1 else ()),
                *self.arguments,
            ),
            environment=model.environment,
            ports=(Port(name="http", number=_PORT),),
            ready_path="/health",
            live_path="/health",
            model_directory=None if hub else source,
            metrics_path="/metrics",
            capabilities=("IPC_LOCK",) if neuron else (),
            memory=placement.language_model_memory,
            shared_memory="2Gi",  # processes of tensor parallelism speak through it
            start_up_seconds=3600,
        )

    def _degree(self, model: AnyModel, placement: Placement) -> int:
        given = model.tensor_parallel_degree if isinstance(model, LargeLanguageModel) else None
        return given or parallel_degree(placement.cores or placement.accelerators)

    def _image(self, model: AnyModel, placement: Placement) -> str:
        version = model.version if isinstance(model, LargeLanguageModel) else None
        if placement.device is Device.NEURONX:
            newest = placement.group is not None and placement.group.instances[0].family.startswith(_NEWEST_NEURON)
            return placement.image("vllm-neuronx", version or (None if newest else _OLDER_NEURON))
        # A version such as 0.31 is vLLM's own, of AWS's older line of images; the newer one counts for itself.
        return placement.image("vllm" if version and version.startswith("0.") else "vllm-server", version)
