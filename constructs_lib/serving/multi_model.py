"""Many models in one container, of which each request names one: a multi-model endpoint's model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from constructs_lib.serving import model_checks as check
from constructs_lib.serving.artifacts import ARCHIVE_SUFFIX, LocalArtifact, S3Artifact, parse_artifact
from constructs_lib.serving.images import Device
from constructs_lib.serving.instances import InstanceType
from constructs_lib.serving.models import FrameworkModel, Model, OnnxModel, PyTorchModel, TensorFlowModel
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem
from constructs_lib.serving.ranges import choice_problems

ModelServer = Literal["pytorch", "tensorflow", "onnx", "triton", "container"]
ModelCacheSetting = Literal["Enabled", "Disabled"]

_FRAMEWORKS: Mapping[str, type[FrameworkModel]] = {
    "pytorch": PyTorchModel,
    "tensorflow": TensorFlowModel,
    "onnx": OnnxModel,
}
# botocore sagemaker-runtime TargetModelHeader: at most 1024 characters; these need no escaping in any client.
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_TARGET_MAX = 1024
# SageMaker developer guide, "Multi-model endpoints", supported algorithms, frameworks, and instances: one GPU each.
_GPU_SIZES = {
    "p2": ("xlarge",),
    "p3": ("2xlarge",),
    "g4dn": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"),
    "g5": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiModel(Model):
    """Many models of one kind that share the instances of an endpoint: the first request that names a model loads it.

    A request names its model as ``TargetModel``: a name of ``models``, or the rest of an object's key after
    ``artifact``.

    Attributes
    ----------
    artifact
        ``s3://BUCKET/PREFIX/`` under which you keep the models, each a ``.tar.gz``; one that you put there is served
        without a deployment. None: ``models`` are uploaded by the deployment.
    server
        What serves them: the container of ``pytorch``, ``tensorflow`` or ``triton``, or with an ``image``, ``onnx`` or
        ``container``.
    models
        Local directories and ``.tar.gz`` files by the name that requests call them, such as ``fraud.tar.gz``. Adding or
        removing one keeps the instances; a changed one moves the endpoint to new instances, because SageMaker keeps
        serving what it has loaded. For Triton, a directory with one ``.onnx`` or ``.pt`` file becomes a model
        repository. Empty: ``artifact`` says where they are.
    version
        Version of the server that has an inference image, such as ``"2.6"``. None: the newest one.
    py_version
        Python of the image, such as ``"py312"``. None: the newest that the version comes with.
    entry_point
        File name of the handler in each model's ``code/``. None: the container's own default handler.
    source_dir
        Local directory whose content becomes ``code/`` of every one of the ``models``. None: each brings its own.
    model_cache_setting
        ``Disabled`` unloads a model after each request, for many rarely called models. Default: ``Enabled``.
    container_hostname
        Name of the container, 1 to 63 letters, digits and inner hyphens. None: it has none.
    """

    server: ModelServer
    models: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    py_version: str | None = None
    entry_point: str | None = None
    source_dir: str | None = None
    model_cache_setting: ModelCacheSetting = "Enabled"
    container_hostname: str | None = None
    framework: Literal["multi-model"] = "multi-model"

    def _problems(self) -> list[Problem]:
        return [
            *choice_problems("server", self.server, ModelServer),
            *choice_problems("model_cache_setting", self.model_cache_setting, ModelCacheSetting),
            *Model._problems(self),
            *check.version(self.version, self.py_version),
            *check.handler(None, self.entry_point, self.source_dir),
            *self._handler_problems(),
            *self._place_problems(),
            *self._additional_problems(),
            *self._image_problems(),
            *self._hostname_problems(),
            *(problem for name in self.models for problem in self._named_problems(name)),
        ]

    def _handler_problems(self) -> Iterator[Problem]:
        if self.server == "triton":
            yield from check.on_triton(
                self.server, entry_point=self.entry_point, source_dir=self.source_dir, py_version=self.py_version
            )

    def _place_problems(self) -> Iterator[Problem]:
        if not self.models and self.artifact is None:
            yield Problem("models", "are missing; give local models by name, or an 'artifact': s3://BUCKET/PREFIX/")
        if self.models and self.artifact is not None:
            yield Problem("models", "are given as well as 'artifact'; put them there yourself, or leave it out")
        if self.artifact is not None:
            try:
                location = parse_artifact(self.artifact)
            except InvalidValueError:
                return  # told already
            if not isinstance(location, S3Artifact) or location.is_archive:
                why = "must be a prefix under which the models are, 's3://BUCKET/PREFIX/'"
                yield Problem("artifact", f"{why}, got '{self.artifact}'; local models are 'models'")
            if self.server == "tensorflow":
                yield from check.tensorflow_entry_point(self.entry_point)
            if self.source_dir is not None:
                yield Problem("source_dir", "is for local 'models'; those under a prefix bring their own code/")

    def _additional_problems(self) -> Iterator[Problem]:
        # botocore sagemaker ContainerDefinition: ModelDataSource, to which they come in addition, is not for these.
        if self.additional_model_data_sources:
            why = "do not work with a multi-model container; put their files into each model"
            yield Problem("additional_model_data_sources", why)

    def _image_problems(self) -> Iterator[Problem]:
        if self.server in ("onnx", "container") and self.image is None:
            why = (
                "has no onnxruntime in AWS's image, and a multi-model container installs no requirements.txt; "
                if self.server == "onnx"
                else "is one of yours; "
            )
            label = "com.amazonaws.sagemaker.capabilities.multi-models=true"
            yield Problem("image", f"is missing: 'server: {self.server}' {why}give an image with the label {label}")

    def _hostname_problems(self) -> Iterator[Problem]:
        if self.container_hostname is not None and (wrong := name_problem(self.container_hostname)):
            yield Problem("container_hostname", wrong)

    def _named_problems(self, name: str) -> Iterator[Problem]:
        if not _TARGET.fullmatch(name) or not name.endswith(ARCHIVE_SUFFIX) or len(name) > _TARGET_MAX:
            allowed = "letters, digits, '.', '_', '-' and inner '/', ending with '.tar.gz'"
            yield Problem("models", f"must be named with at most {_TARGET_MAX} {allowed}, got '{name}'")
        path = f"models.{name}"
        try:
            location = parse_artifact(self.models[name])
            if not isinstance(location, LocalArtifact):
                where = f"is '{self.models[name]}'; give a local directory or .tar.gz file"
                yield Problem(path, f"{where}, or keep all models under one 'artifact' prefix")
                return
            self.member(name)
        except InvalidValueError as error:
            yield from (Problem(path, problem.message) for problem in error.problems)

    def member(self, name: str) -> Model:
        """Give one of the ``models`` as a model of its own, which is packaged and checked as such."""
        kind = _FRAMEWORKS.get(self.server)
        if self.server == "triton":
            return self._on_triton(self.models[name])
        if kind is None:
            return Model(artifact=self.models[name], image=self.image)
        return kind(
            artifact=self.models[name],
            image=self.image,
            version=self.version,
            py_version=self.py_version,
            entry_point=self.entry_point,
            source_dir=self.source_dir,
        )

    def _on_triton(self, location: str) -> Model:
        """Give a bare model file as what it is, of which a repository is made; a repository may be of any kind."""
        files: list[Path] = []
        with suppress(OSError):  # told when it is packaged
            files = [each for each in Path(location).iterdir() if each.is_file()]
        if any(file.suffix == ".onnx" for file in files):
            return OnnxModel(artifact=location, image=self.image, version=self.version, server="triton")
        if any(file.suffix == ".pt" for file in files):
            return PyTorchModel(artifact=location, image=self.image, version=self.version, server="triton")
        return Model(artifact=location, image=self.image)

    def relative_to(self, directory: Path) -> Self:
        """Read relative local paths as seen from ``directory`` instead of from the current one."""
        models = {name: str(directory / path) for name, path in self.models.items()}
        source = None if self.source_dir is None else str(directory / self.source_dir)
        return replace(self, models=models, source_dir=source)


def multi_model_instance_problems(model: MultiModel, instance: InstanceType) -> Iterator[Problem]:
    """Check that SageMaker has multi-model endpoints of this server on this instance type.

    Source: SageMaker developer guide, "Multi-model endpoints", "Supported algorithms, frameworks, and instances".

    Yields
    ------
    Problem
        About ``instance_type`` or ``model.server``.
    """
    if instance.device is Device.CPU:
        return
    family, _, size = instance.name.removeprefix("ml.").partition(".")
    if instance.device is not Device.GPU or size not in _GPU_SIZES.get(family, ()):
        known = "; ".join(f"{name}: {', '.join(sizes)}" for name, sizes in _GPU_SIZES.items())
        yield Problem(
            "instance_type",
            f"'{instance.name}' has no multi-model endpoints; choose a CPU instance such as 'ml.c6i.large', or one of "
            f"the GPU types that have ({known})",
        )
    elif model.server != "triton":
        yield Problem(
            "model.server",
            f"is '{model.server}', but on a GPU ('{instance.name}') multi-model endpoints work with 'triton' alone; "
            "choose it, or a CPU instance such as 'ml.c6i.large'",
        )
