"""NVIDIA Triton Inference Server.

Sources: triton-inference-server/server, docs/protocol/extension_*.md and docs/user_guide (ports, health, flags).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cdk8s_charts.container import MODELS, USER, Form, Port, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.servers.server import Server
from constructs_lib.serving.images import Device, Platform, find_image
from constructs_lib.serving.models import AnyModel, ContainerModel, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.problems import Problems

# NVIDIA's registry, which asks for no credentials; AWS's catalogue knows the versions, which are the same.
_REPOSITORY = "nvcr.io/nvidia/tritonserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Triton(Server):
    """Triton Inference Server, which serves all models of a model repository.

    Attributes
    ----------
    version
        Release of Triton, such as ``26.05``. None: the newest that AWS lists.
    strict_readiness
        Whether the pod takes requests only when all models have loaded. Default: yes.
    flags
        More flags of ``tritonserver``, such as ``--log-verbose=1``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    label = "Triton"
    serves = (OnnxModel, PyTorchModel, TensorFlowModel, ContainerModel)
    reads = (Form.PREFIX, Form.ARCHIVE)

    version: str | None = None
    strict_readiness: bool = True
    flags: tuple[str, ...] = ()
    kind: Literal["triton"] = "triton"

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        for index, flag in enumerate(self.flags):
            if not flag.startswith("--"):
                problems.add(f"flags.{index}", f"must begin with '--', got '{flag}'")
        problems.raise_any()

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a model repository."""
        return ServerContainer(
            image=model.image or self._image(placement),
            command=("tritonserver",),
            args=(
                f"--model-repository={MODELS}",
                "--http-port=8000",
                "--grpc-port=8001",
                "--metrics-port=8002",
                f"--strict-readiness={str(self.strict_readiness).lower()}",
                *self.flags,
            ),
            environment=model.environment,
            ports=(
                Port(name="http", number=8000),
                Port(name="grpc", number=8001),
                Port(name="metrics", number=8002, public=False),
            ),
            ready_path="/v2/health/ready",
            live_path="/v2/health/live",
            model_directory=MODELS,
            metrics_path="/metrics",
            user=USER,
            memory="4Gi",
            shared_memory="1Gi",  # the Python backend passes tensors through it
        )

    def _image(self, placement: Placement) -> str:
        known = find_image(
            "triton",
            self.version,
            device=Device.GPU,  # NVIDIA's image runs on CPUs as well
            architecture=placement.architecture,
            platform=Platform.SAGEMAKER,
        )
        return f"{_REPOSITORY}:{known.version}-py3"
