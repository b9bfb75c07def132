"""Any container that keeps SageMaker's contract, run on Kubernetes: one model value, the same image in both places.

Source: SageMaker Developer Guide, "Custom Inference Code with Hosting Services": ``serve``, port 8080, ``/ping``,
``/invocations``, the model in ``/opt/ml/model``, as root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cdk8s_charts.container import Form, Port, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.servers.server import Server
from constructs_lib.serving.images import Device, Image
from constructs_lib.serving.models import (
    AnyModel,
    ContainerModel,
    HuggingFaceModel,
    LargeLanguageModel,
    OnnxModel,
    PyTorchModel,
    TensorFlowModel,
)
from constructs_lib.serving.servers import sagemaker_environment, sagemaker_image

_MODEL = "/opt/ml/model"


@dataclass(frozen=True, slots=True, kw_only=True)
class SageMakerContainer(Server):
    """A container that follows SageMaker's container contract: callers ``POST /invocations``.

    It serves every kind of model with the image, environment and handler that SageMaker would serve it with.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    label = "a SageMaker container"
    serves = (TensorFlowModel, PyTorchModel, OnnxModel, HuggingFaceModel, LargeLanguageModel, ContainerModel)
    reads = (Form.PREFIX, Form.ARCHIVE)
    runs_handlers = True
    devices = (Device.CPU, Device.GPU, Device.NEURON, Device.NEURONX)

    kind: Literal["sagemaker"] = "sagemaker"

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a model as SageMaker would."""
        found = sagemaker_image(model, placement.instance)
        neuron = placement.device in (Device.NEURON, Device.NEURONX)
        return ServerContainer(
            image=placement.uri(found) if isinstance(found, Image) else found,
            args=("serve",),
            environment=sagemaker_environment(model, placement.instance),
            ports=(Port(name="http", number=8080),),
            ready_path="/ping",
            live_path="/ping",
            model_directory=_MODEL if model.artifact else None,
            capabilities=("IPC_LOCK",) if neuron else (),
            memory=placement.language_model_memory if isinstance(model, LargeLanguageModel) else "4Gi",
            shared_memory="2Gi" if isinstance(model, LargeLanguageModel) else "512Mi",
            start_up_seconds=3600 if isinstance(model, LargeLanguageModel) else 600,
        )
