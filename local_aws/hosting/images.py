"""From an image URI to the server that stands in for the image: the one table of the hosting plane.

A later image family is one entry here and one module in ``server/`` with a ``create`` function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_aws.hosting.container import Container, HostFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How local AWS serves an image family.

    Parameters
    ----------
    title
        The family's name in messages.
    module
        The module of ``server/`` that does what the image does; None while local AWS has none.
    packages
        Directory whose ``requirements.txt`` names what the image comes with, in place of the archive's own, which it
        does not install. None: the archive's ``code/``.
    """

    title: str
    module: str | None = None
    packages: Path | None = None


_PYTORCH = Server(title="PyTorch", module="pytorch")
_TENSORFLOW = Server(title="TensorFlow", module="tensorflow")
_HUGGING_FACE = Server(title="Hugging Face")
_TRITON = Server(title="Triton", module="triton", packages=Path(__file__).with_name("triton"))
_MXNET = Server(title="MXNet")
_LANGUAGE_MODEL = Server(title="large language model")
_NEO = Server(title="Neo-compiled model")
_NEO_PYTORCH = Server(title="Neo-compiled PyTorch model", module="pytorch")
_NEO_TENSORFLOW = Server(title="Neo-compiled TensorFlow model", module="tensorflow")
_NEO_ONNX = Server(title="Neo-compiled ONNX model", module="toolkit")

OWN_CONTAINER = Server(title="own container", module="toolkit")
"""Any other image: it is opaque, but an archive with a handler is served by sagemaker-inference alone."""

SERVERS: Mapping[str, Server] = {
    "pytorch-inference": _PYTORCH,
    "pytorch-inference-arm64": _PYTORCH,
    "pytorch-inference-eia": _PYTORCH,
    "pytorch-inference-graviton": _PYTORCH,
    "pytorch-inference-neuron": _PYTORCH,
    "pytorch-inference-neuronx": _PYTORCH,
    "tensorflow-inference": _TENSORFLOW,
    "tensorflow-inference-arm64": _TENSORFLOW,
    "tensorflow-inference-eia": _TENSORFLOW,
    "tensorflow-inference-graviton": _TENSORFLOW,
    "tensorflow-inference-neuron": _TENSORFLOW,
    "tensorflow-inference-neuronx": _TENSORFLOW,
    "huggingface-pytorch-inference": _HUGGING_FACE,
    "huggingface-pytorch-inference-neuron": _HUGGING_FACE,
    "huggingface-pytorch-inference-neuronx": _HUGGING_FACE,
    "huggingface-tensorflow-inference": _HUGGING_FACE,
    "mxnet-inference": _MXNET,
    "mxnet-inference-eia": _MXNET,
    "mxnet-inference-neuron": _MXNET,
    "djl-inference": _LANGUAGE_MODEL,
    "huggingface-pytorch-tgi-inference": _LANGUAGE_MODEL,
    "huggingface-vllm-inference-neuronx": _LANGUAGE_MODEL,
    "sglang": _LANGUAGE_MODEL,
    "vllm": _LANGUAGE_MODEL,
    "vllm-arm64": _LANGUAGE_MODEL,
    "sagemaker-tritonserver": _TRITON,
    "sagemaker-inference-mxnet": _NEO,
    "sagemaker-inference-pytorch": _NEO_PYTORCH,
    "sagemaker-inference-tensorflow": _NEO_TENSORFLOW,
    "sagemaker-neo-keras": _NEO,
    "sagemaker-neo-mxnet": _NEO,
    "sagemaker-neo-onnx": _NEO_ONNX,
    "sagemaker-neo-pytorch": _NEO_PYTORCH,
    "sagemaker-neo-tensorflow": _NEO_TENSORFLOW,
    "xgboost-neo": _NEO,
}
"""Repository names of the AWS Deep Learning Containers and of Neo's, whose models are not compiled here."""


def repository(image: str) -> str:
    """Return the last part of an image's repository name, without registry, tag and digest.

    The registry does not count: an image that a team derived from a Deep Learning Container keeps its name, not its
    account.
    """
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[0]


def server_of(container: Container) -> Server:
    """Return the server for a container's image.

    Raises
    ------
    HostFailedError
        When local AWS knows the image and cannot serve it yet.
    """
    server = SERVERS.get(repository(container.image), OWN_CONTAINER)
    if server.module is None:
        raise HostFailedError(
            f"{server.title} hosting is not in local AWS yet: image {container.image} was not started. "
            "Deploy this endpoint to AWS, or serve the model with a pytorch-inference image and an inference.py."
        )
    return server
