"""The model servers, one a file, and the one list of them."""

from __future__ import annotations

from cdk8s_charts.servers.multi_model_server import MultiModelServer
from cdk8s_charts.servers.sagemaker_container import SageMakerContainer
from cdk8s_charts.servers.server import Server
from cdk8s_charts.servers.tensorflow_serving import TensorFlowServing
from cdk8s_charts.servers.torchserve import TorchServe
from cdk8s_charts.servers.triton import Triton
from cdk8s_charts.servers.vllm import Vllm
from constructs_lib.serving.models import AnyModel, LargeLanguageModel, OnnxModel, PyTorchModel, TensorFlowModel

__all__ = ["AnyServer", "Server", "default_server"]

AnyServer = TensorFlowServing | TorchServe | MultiModelServer | Triton | Vllm | SageMakerContainer

_BY_MODEL: dict[type, type[AnyServer]] = {TensorFlowModel: TensorFlowServing, PyTorchModel: TorchServe}


def default_server(model: AnyModel) -> AnyServer:
    """Choose the server of a model for which none is given.

    TensorFlow Serving, TorchServe and vLLM serve what they are made for, Triton what names it; other models run in the
    container that SageMaker would serve them with.
    """
    if isinstance(model, LargeLanguageModel) and model.server == "vllm":
        return Vllm()
    if isinstance(model, OnnxModel | PyTorchModel) and model.server == "triton":
        return Triton()
    return _BY_MODEL.get(type(model), SageMakerContainer)()
