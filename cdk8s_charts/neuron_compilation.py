"""A model that is compiled for Inferentia or Trainium by a Job in the cluster.

Sources: AWS Neuron, tf.neuron.saved_model.compile and torch_neuron.trace (Inf1), tensorflow_neuronx.trace and
torch_neuronx.trace (Inf2, Trn1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cdk8s_charts.resources import Resources
from cdk8s_charts.workload import name_problem
from constructs_lib.serving import model_checks as check
from constructs_lib.serving.artifacts import S3Artifact, parse_artifact
from constructs_lib.serving.kubernetes_names import dns_label_problem
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems
from constructs_lib.serving.ranges import choice_problems, range_problems

Framework = Literal["tensorflow", "pytorch"]
Target = Literal["inf1", "inf2", "trn1", "trn2"]
DataType = Literal["float32", "float16", "bfloat16", "int32", "int64"]

# Inf1 runs one model over up to this many of its cores, as a pipeline (Neuron compiler, --neuroncore-pipeline-cores).
_PIPELINE_CORES_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of the model, for which it is compiled.

    Attributes
    ----------
    shape
        Its dimensions, the batch first, all at least 1.
    dtype
        ``float32``, ``float16``, ``bfloat16``, ``int32`` or ``int64``. Default: ``float32``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    shape: tuple[int, ...]
    dtype: DataType = "float32"

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        if not self.shape or min(self.shape) < 1:
            problems.add("shape", f"must be dimensions of at least 1, such as [1, 3, 224, 224], got {list(self.shape)}")
        problems.extend(choice_problems("dtype", self.dtype, DataType))
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronCompilation:
    """A compilation: the model comes from S3, and the compiled one goes to S3.

    Attributes
    ----------
    name
        Name of the Job: 1 to 46 lower-case letters, digits and hyphens. A Job never changes: a new compilation needs a
        new name, or the old Job deleted.
    framework
        ``tensorflow`` (a SavedModel, ``<version>/saved_model.pb`` or at the top) or ``pytorch`` (one TorchScript file).
    source
        Where the model is: ``s3://…/prefix/`` or ``s3://…/model.tar.gz``.
    destination
        Where the compiled one goes: an ``s3://…/prefix/``.
    target
        ``inf1``, ``inf2``, ``trn1`` or ``trn2``.
    inputs
        What goes in, in order; TensorFlow 1 on Inf1 needs none. Default: none.
    neuron_cores
        Over how many NeuronCores of an Inf1 the model is laid as a pipeline, 1 to 64; others take 1 and serve with
        more workers. Default: 1.
    version
        Framework version of the image. None: the newest that AWS has for the target.
    image
        URI of an image with the framework and the Neuron compiler. None: AWS's.
    compiler_args
        More arguments of the compiler, such as ``--auto-cast=none``.
    namespace
        Namespace of the Job. Default: ``default``.
    create_namespace
        Whether the chart makes the namespace. Default: it is there.
    service_account
        Name of a ServiceAccount that may read ``source`` and write ``destination``. None: the chart makes one with the
        compilation's name.
    node_group
        Name of the node group to compile on. None: any node with such an accelerator; Inf1 needs none to compile.
    resources
        CPU and memory of the compiler. Default: 3 CPUs and 8Gi.
    timeout_seconds
        After how long the Job is ended, 60 to 86400. Default: 3600.
    region
        Region of the cluster. None: that of the chart.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    framework: Framework
    source: str
    destination: str
    target: Target
    inputs: tuple[Input, ...] = ()
    neuron_cores: int = 1
    version: str | None = None
    image: str | None = None
    compiler_args: tuple[str, ...] = ()
    namespace: str = "default"
    create_namespace: bool = False
    service_account: str | None = None
    node_group: str | None = None
    resources: Resources = field(default_factory=lambda: Resources(cpu="3", memory="8Gi"))
    timeout_seconds: int = 3600
    region: str | None = None

    def __post_init__(self) -> None:
        problems = Problems(f"{type(self).__name__} '{self.name}'")
        if wrong := name_problem(self.name):
            problems.add("name", wrong)
        for name in ("namespace", "service_account", "node_group"):
            value = getattr(self, name)
            if value is not None and (wrong := dns_label_problem(value)):
                problems.add(name, wrong)
        if self.create_namespace and self.namespace == "default":
            problems.add("create_namespace", "is for another namespace: 'default' is in every cluster")
        problems.extend(choice_problems("framework", self.framework, Framework))
        problems.extend(choice_problems("target", self.target, Target))
        problems.extend(range_problems("timeout_seconds", self.timeout_seconds, 60, 86_400, "seconds"))
        problems.extend(check.image(self.image))
        problems.extend(self._place_problems())
        problems.extend(self._compiler_problems())
        problems.raise_any()

    @property
    def account(self) -> str:
        """Name of the ServiceAccount of the Job's pod."""
        return self.service_account or self.name

    @property
    def artifact(self) -> S3Artifact:
        """The address of the model, read."""
        location = parse_artifact(self.source)
        assert isinstance(location, S3Artifact)  # noqa: S101 - held by __post_init__
        return location

    @property
    def is_legacy_tensorflow(self) -> bool:
        """Whether TensorFlow 1 compiles, which knows the inputs from the SavedModel itself."""
        return self.framework == "tensorflow" and (self.version or "").startswith("1.")

    def _place_problems(self) -> Iterator[Problem]:
        for name in ("source", "destination"):
            address = getattr(self, name)
            try:
                location = parse_artifact(address)
            except InvalidValueError as error:
                yield from (Problem(name, problem.message) for problem in error.problems)
                continue
            if not isinstance(location, S3Artifact):
                yield Problem(name, f"must be an s3:// address, got '{address}'")
            elif name == "destination" and location.is_archive:
                yield Problem(name, f"must be a prefix that ends with '/', got '{address}'")
            elif location.key.endswith(".mar"):
                yield Problem(name, f"'{address}' is a .mar archive; compile the model that goes into it")

    def _compiler_problems(self) -> Iterator[Problem]:
        yield from range_problems("neuron_cores", self.neuron_cores, 1, _PIPELINE_CORES_MAX)
        if self.neuron_cores > 1 and self.target != "inf1":
            yield Problem(
                "neuron_cores",
                f"is {self.neuron_cores}, but a model for {self.target} is compiled for 1; serve it with more workers",
            )
        if not self.inputs and not self.is_legacy_tensorflow:
            yield Problem("inputs", "is empty; give the shape of each input, such as [1, 3, 224, 224]")
        if self.is_legacy_tensorflow and self.target != "inf1":
            yield Problem(
                "version", f"is {self.version}, which the compiler for {self.target} does not take; give 2.10"
            )
        for index, argument in enumerate(self.compiler_args):
            if not argument.startswith("-"):
                yield Problem(f"compiler_args.{index}", f"must begin with '-', got '{argument}'")
