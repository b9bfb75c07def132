"""The models that can be served, each kind a value object.

A model says *what* is served: framework, version, weights, handler. Where it runs is the renderer's business.

>>> OnnxModel(artifact="examples/digits/model", entry_point="inference.py").framework
'onnx'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from constructs_lib.serving import model_checks as check
from constructs_lib.serving.compilation import Compilation
from constructs_lib.serving.compile_rules import compile_problems
from constructs_lib.serving.model import Model
from constructs_lib.serving.model_packages import package_problems
from constructs_lib.serving.network import PrivateRegistry
from constructs_lib.serving.problems import Problem

__all__ = [
    "AnyModel",
    "ContainerModel",
    "FrameworkModel",
    "HuggingFaceModel",
    "LargeLanguageModel",
    "Model",
    "ModelPackageModel",
    "OnnxModel",
    "PyTorchModel",
    "TensorFlowModel",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkModel(Model):
    """A model that one of AWS's framework containers serves, with or without your own handler.

    Attributes
    ----------
    version
        Framework version that has an inference image, such as ``"2.6"``. None: the newest one.
    py_version
        Python of the image, such as ``"py312"``. None: the newest that the version comes with.
    entry_point
        File name of the handler (``model_fn``, ``input_fn``, ``predict_fn``, ``output_fn``, ``transform_fn``) inside
        ``source_dir``, or inside the artifact's own ``code/``. None: the container's own default handler.
    source_dir
        Local directory whose content becomes ``code/`` in the archive. None: the artifact brings its own ``code/``.
    compile
        How SageMaker Neo compiles the model before it is served. None: not at all.
    compiled_for
        Target device for which Neo has compiled the artifact already, such as ``ml_c5``, so that it is served on such
        instances only; ``image`` is then the one that Neo named. None: it is not compiled.
    """

    version: str | None = None
    py_version: str | None = None
    entry_point: str | None = None
    source_dir: str | None = None
    compile: Compilation | None = None
    compiled_for: str | None = None

    def _problems(self) -> list[Problem]:
        return [
            *check.required("artifact", self.artifact, "the weights: a local directory, a .tar.gz or an s3:// address"),
            *Model._problems(self),
            *check.version(self.version, self.py_version),
            *check.handler(self.artifact, self.entry_point, self.source_dir),
            *compile_problems(self, version=self.version, py_version=self.py_version),
        ]

    def relative_to(self, directory: Path) -> Self:
        """Read relative local paths as seen from ``directory`` instead of from the current one."""
        moved = Model.relative_to(self, directory)
        return moved if self.source_dir is None else replace(moved, source_dir=str(directory / self.source_dir))


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowModel(FrameworkModel):
    """A TensorFlow SavedModel, served by TensorFlow Serving.

    The artifact holds ``<version>/saved_model.pb`` (``<version>`` all digits) and, optionally, ``code/inference.py``:
    the container finds its handler by that name only.
    """

    framework: Literal["tensorflow"] = "tensorflow"

    def _problems(self) -> list[Problem]:
        return [*FrameworkModel._problems(self), *check.tensorflow_entry_point(self.entry_point)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PyTorchModel(FrameworkModel):
    """A PyTorch model: one TorchScript file, or weights with a handler whose ``model_fn`` loads them.

    Attributes
    ----------
    server
        ``"pytorch"``: AWS's PyTorch container. ``"triton"``: NVIDIA Triton, without a handler, of which ``version``
        is the version; the artifact holds ``model.pt`` (TorchScript) and ``config.pbtxt`` side by side, or a model
        repository (``<name>/config.pbtxt`` and ``<name>/1/model.pt``).
    """

    server: Literal["pytorch", "triton"] = "pytorch"
    framework: Literal["pytorch"] = "pytorch"

    def _problems(self) -> list[Problem]:
        return [*FrameworkModel._problems(self), *_on_triton(self)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxModel(FrameworkModel):
    """An ONNX model, run by ``onnxruntime`` in the PyTorch container, or by NVIDIA Triton.

    AWS has no ONNX image. ``version`` and ``py_version`` are those of the PyTorch image. A local directory with one
    ``.onnx`` file and no ``code/`` is served by a handler of the library's, which reads and writes JSON, CSV and NPY;
    otherwise the handler loads the model, and ``code/requirements.txt`` names ``onnxruntime``.

    Attributes
    ----------
    server
        ``"pytorch"``: the PyTorch container. ``"triton"``: Triton, without a handler, of which ``version`` is the
        version; a local directory with one ``.onnx`` file becomes a model repository, whose ``config.pbtxt`` is made
        from the file unless it lies there already; an artifact that is a model repository is served as it is.
    max_batch_size
        Most rows of requests that Triton joins, 0 to 2147483647, written into the ``config.pbtxt`` that is made; 0: it
        joins none. None: 4, as Triton itself does, if the first dimension of every input and output is free, else 0.
    """

    server: Literal["pytorch", "triton"] = "pytorch"
    max_batch_size: int | None = None
    framework: Literal["onnx"] = "onnx"

    def _problems(self) -> list[Problem]:
        return [
            *FrameworkModel._problems(self),
            *_on_triton(self),
            *check.max_batch_size(self.max_batch_size, self.server),
        ]


def _on_triton(model: PyTorchModel | OnnxModel) -> Iterator[Problem]:
    return check.on_triton(
        model.server, entry_point=model.entry_point, source_dir=model.source_dir, py_version=model.py_version
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HuggingFaceModel(Model):
    """A Hugging Face model, from the hub or from an artifact.

    Attributes
    ----------
    model_id
        Name on the hub, such as ``"distilbert/distilbert-base-uncased"``. None: the artifact holds the model.
    task
        Pipeline task, such as ``"text-classification"``. None: read from the model's own configuration.
    version
        Version of Transformers in the image, such as ``"4.49"``. None: the newest one.
    base
        Framework below Transformers, such as ``"pytorch2.6"``, where a version comes with several. None: the newest.
    """

    model_id: str | None = None
    task: str | None = None
    version: str | None = None
    base: str | None = None
    framework: Literal["huggingface"] = "huggingface"

    def _problems(self) -> list[Problem]:
        return [
            *Model._problems(self),
            *check.version(self.version, None),
            *check.one_source(self.model_id, self.artifact),
            *check.hub_name(self.model_id),
            *check.reaches_hub(self.model_id, isolated=self.network_isolation),
            *check.base(self.base),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeLanguageModel(Model):
    """A large language model, served by vLLM or by DJL Large Model Inference.

    Attributes
    ----------
    model_id
        Name on the hub, such as ``"Qwen/Qwen3-8B"``. None: the artifact holds the model.
    server
        ``"vllm"`` or ``"djl-lmi"``.
    version
        Version of the server's image: of vLLM's images on Amazon Linux 2023, such as ``"2.6"``, or of DJL's, such as
        ``"0.38"``. None: the newest one.
    tensor_parallel_degree
        Over how many accelerators (GPUs, or NeuronCores) the model is split, at least 1 and at most as many as the
        instance has. None: over all of them, or as many as are a power of two, which attention heads divide by.
    """

    model_id: str | None = None
    server: Literal["vllm", "djl-lmi"] = "vllm"
    version: str | None = None
    tensor_parallel_degree: int | None = None
    framework: Literal["llm"] = "llm"

    def _problems(self) -> list[Problem]:
        return [
            *Model._problems(self),
            *check.version(self.version, None),
            *check.one_source(self.model_id, self.artifact),
            *check.hub_name(self.model_id),
            *check.reaches_hub(self.model_id, isolated=self.network_isolation),
            *check.at_least("tensor_parallel_degree", self.tensor_parallel_degree, 1),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerModel(Model):
    """A model in your own container: any image that follows SageMaker's container contract.

    Attributes
    ----------
    dockerfile_directory
        Local directory with a ``Dockerfile``, instead of ``image``: the deployment builds the image for the instance's
        architecture, with Docker, and pushes it. None: ``image`` is used.
    private_registry
        Set if ``image`` is in your own registry instead of ECR; the ``vpc`` must be able to reach it. None: it is in
        ECR.
    compile
        How SageMaker Neo compiles the model, and names the image, before it is served. None: it does not.
    compiled_for
        Target device for which Neo has compiled the artifact already, such as ``ml_c5``, so that it is served on such
        instances only. None: it is not compiled.
    """

    dockerfile_directory: str | None = None
    private_registry: PrivateRegistry | None = None
    compile: Compilation | None = None
    compiled_for: str | None = None
    framework: Literal["container"] = "container"

    def _problems(self) -> list[Problem]:
        return [
            *(check.one_image(self.image, self.dockerfile_directory) if self.compile is None else ()),
            *Model._problems(self),
            *compile_problems(self, dockerfile_directory=self.dockerfile_directory),
            *check.private_registry(self.image, self.private_registry, in_vpc=self.vpc is not None),
        ]

    def relative_to(self, directory: Path) -> Self:
        """Read relative local paths as seen from ``directory`` instead of from the current one."""
        moved = Model.relative_to(self, directory)
        if self.dockerfile_directory is None:
            return moved
        return replace(moved, dockerfile_directory=str(directory / self.dockerfile_directory))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPackageModel(Model):
    """A model package: a version in SageMaker's Model Registry, or a product of AWS Marketplace.

    SageMaker takes images and artifacts from the package; ``environment`` is added to the package's own variables
    (aws/sagemaker-python-sdk, pull request 3581).

    Attributes
    ----------
    model_package_arn
        ARN of the package: ``arn:aws:sagemaker:REGION:ACCOUNT:model-package/NAME/VERSION``, in the endpoint's region.
    package_images
        URIs of the images that the package names, so that the role may pull them. Empty: it may not, as is right for a
        product of AWS Marketplace.
    package_artifacts
        S3 addresses of the artifacts that it names, so that the role may read them. Empty: as for images.
    marketplace
        Whether the package is a product of AWS Marketplace, which needs ``network_isolation``. Default: it is not.
    """

    model_package_arn: str
    package_images: tuple[str, ...] = ()
    package_artifacts: tuple[str, ...] = ()
    marketplace: bool = False
    framework: Literal["model-package"] = "model-package"
    # The package names them.
    artifact: None = field(init=False, default=None)
    image: None = field(init=False, default=None)
    additional_model_data_sources: Mapping[str, str] = field(init=False, default_factory=dict)

    def _problems(self) -> list[Problem]:
        return [*check.environment(self.environment), *package_problems(self)]


AnyModel = (
    TensorFlowModel
    | PyTorchModel
    | OnnxModel
    | HuggingFaceModel
    | LargeLanguageModel
    | ContainerModel
    | ModelPackageModel
)
