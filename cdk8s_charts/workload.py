"""What is served in a cluster, and how: the value that a `ServingChart` renders, and that settings are read into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cdk8s_charts.autoscaling import PodAutoscaling
from cdk8s_charts.clients import Clients
from cdk8s_charts.resources import Resources
from cdk8s_charts.servers import AnyServer, default_server
from cdk8s_charts.service import Ingress, Service, annotation_problems
from constructs_lib.serving import model_checks as check
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.kubernetes_names import dns_label_problem, label_problems
from constructs_lib.serving.models import AnyModel, ContainerModel, LargeLanguageModel, ModelPackageModel
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import choice_problems, range_problems

AcceleratorKind = Literal["gpu", "neuron", "neuronx"]
ArtifactAccess = Literal["download", "mountpoint"]
Rollout = Literal["surge", "in-place"]

# The pod's name is the Deployment's with 17 characters more, and is a label's value.
_NAME_MAX = 46
# What a model says of the way in which SageMaker runs it.
_OF_SAGEMAKER = (
    "additional_model_data_sources",
    "compile",
    "compiled_for",
    "network_isolation",
    "private_registry",
    "vpc",
)
# All nodes know of a pod's end within seconds. Load balancers take longer, and a Network Load Balancer sends on for two
# minutes (kubernetes-sigs/aws-load-balancer-controller, issue 2366).
_DRAIN, _DRAIN_INGRESS, _DRAIN_NETWORK_BALANCER = 15, 30, 150
# When it is told to end, vLLM breaks off the answers that it is making (vllm-project/vllm, pull request 36666), which
# take long: KServe leaves them a minute in all (kserve/kserve, pull request 5496).
_DRAIN_LANGUAGE_MODEL = 60
# Labels of the chart's own, by which Services and policies find the pods.
_OWN_LABELS = "app.kubernetes.io/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A model, served by pods of a cluster.

    Attributes
    ----------
    name
        Name of the Deployment, the Service and all else: 1 to 46 lower-case letters, digits and hyphens.
    model
        What is served. Its artifact is in S3.
    server
        What serves it. None: TensorFlow Serving, TorchServe or vLLM for the models that these are made for; for others
        the container that SageMaker would run.
    namespace
        Namespace of all objects. Default: ``default``.
    create_namespace
        Whether the chart makes the namespace. Default: it is there.
    replicas
        Pods, at least 0. None: 1, or as many as ``autoscaling`` says, which is then the only one to say.
    node_group
        Name of the node group that the pods run on: they tolerate its taints and ask for its accelerators. None: any
        node.
    accelerator
        ``gpu``, ``neuron`` (Inf1) or ``neuronx`` (Inf2, Trn1, Trn2). None: what the nodes of ``node_group`` have.
    accelerators
        Accelerators of each pod. None: 1 where there are any.
    resources
        CPU and memory of each pod. Default: 1 CPU, and the memory that the server commonly needs.
    service
        How pods of the cluster, and others, reach it. Default: a ClusterIP with the server's own ports.
    ingress
        HTTP from outside of the cluster. None: none.
    autoscaling
        How the number of pods follows the load. None: it is ``replicas``.
    clients
        Who may call. None: whoever reaches the serving ports; the server's other ports are closed to all.
    artifact_access
        ``download``: an init container copies the files to the node's disk. ``mountpoint``: they are read from S3 as
        they are needed, through the Mountpoint for Amazon S3 CSI driver. Default: ``download``.
    service_account
        Name of a ServiceAccount that may read the artifact. None: the chart makes one with the workload's name.
    environment_secrets
        Environment variables from Secrets of the namespace, as ``{"HF_TOKEN": "hugging-face/token"}``: secret, slash,
        key. Default: none.
    rollout
        ``surge``: a new pod is ready before an old one goes. ``in-place``: an old one goes first, which needs no spare
        accelerator. None: ``in-place`` with accelerators, ``surge`` without.
    start_up_seconds
        How long a pod may take until it answers, 10 to 7200, its model fetched already. None: 600, or 3600 for
        language models.
    drain_seconds
        Seconds for which a pod that is shutting down keeps answering, until all callers have learned of it, 0 to 600.
        None: 15; 30 behind an ``ingress``; 60 for language models, whose answers take long; 150 behind a
        ``LoadBalancer``, which keeps sending for some two minutes.
    metrics
        Whether pods are annotated for Prometheus, where the server has metrics. Default: they are.
    labels
        More labels of all objects and pods. Default: none.
    pod_annotations
        More annotations of the pods. Default: none.
    scheduler
        Name of the scheduler, such as ``neuron-scheduler`` for neighbouring Neuron devices. None: the cluster's own.
    region
        Region of the cluster, for images that are not in the public gallery. None: that of the chart.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: str
    model: AnyModel
    server: AnyServer | None = None
    namespace: str = "default"
    create_namespace: bool = False
    replicas: int | None = None
    node_group: str | None = None
    accelerator: AcceleratorKind | None = None
    accelerators: int | None = None
    resources: Resources = field(default_factory=Resources)
    service: Service = field(default_factory=Service)
    ingress: Ingress | None = None
    autoscaling: PodAutoscaling | None = None
    clients: Clients | None = None
    artifact_access: ArtifactAccess = "download"
    service_account: str | None = None
    environment_secrets: Mapping[str, str] = field(default_factory=dict)
    rollout: Rollout | None = None
    start_up_seconds: int | None = None
    drain_seconds: int | None = None
    metrics: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_annotations: Mapping[str, str] = field(default_factory=dict)
    scheduler: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        problems = Problems(f"{type(self).__name__} '{self.name}'")
        problems.extend(self._name_problems())
        problems.extend(self._number_problems())
        problems.extend(self._choice_problems())
        problems.extend(self._model_problems())
        problems.extend(self._way_in_problems())
        problems.raise_any()

    @property
    def served_by(self) -> AnyServer:
        """The server, given or by default."""
        return self.server or default_server(self.model)

    @property
    def account(self) -> str:
        """Name of the ServiceAccount of the pods, which reads the artifact."""
        return self.service_account or self.name

    @property
    def drain(self) -> int:
        """Seconds for which a pod that is shutting down keeps answering, given or by default."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        if self.service.type == "LoadBalancer":
            return _DRAIN_NETWORK_BALANCER
        if isinstance(self.model, LargeLanguageModel):
            return _DRAIN_LANGUAGE_MODEL
        return _DRAIN_INGRESS if self.ingress else _DRAIN

    def _name_problems(self) -> Iterator[Problem]:
        if wrong := name_problem(self.name):
            yield Problem("name", wrong)
        for name in ("namespace", "service_account", "node_group"):
            value = getattr(self, name)
            if value is not None and (wrong := dns_label_problem(value)):
                yield Problem(name, wrong)
        if self.create_namespace and self.namespace == "default":
            yield Problem("create_namespace", "is for another namespace: 'default' is in every cluster")
        yield from label_problems("labels", self.labels)
        for key in self.labels:
            if key.startswith(_OWN_LABELS):
                yield Problem(f"labels.{key}", "is the chart's own; choose another key")
        for problem in annotation_problems(self.pod_annotations):
            yield Problem(f"pod_{problem.field}", problem.message)

    def _number_problems(self) -> Iterator[Problem]:
        yield from check.at_least("replicas", self.replicas, 0)
        yield from check.at_least("accelerators", self.accelerators, 0)
        yield from range_problems("start_up_seconds", self.start_up_seconds, 10, 7200, "seconds")
        yield from range_problems("drain_seconds", self.drain_seconds, 0, 600, "seconds")
        if self.replicas is not None and self.autoscaling is not None:
            yield Problem("replicas", "is the autoscaler's to say; leave it out, or leave 'autoscaling' out")

    def _choice_problems(self) -> Iterator[Problem]:
        yield from choice_problems("accelerator", self.accelerator, AcceleratorKind)
        yield from choice_problems("artifact_access", self.artifact_access, ArtifactAccess)
        yield from choice_problems("rollout", self.rollout, Rollout)
        if self.accelerators and self.accelerator is None and self.node_group is None:
            yield Problem("accelerator", "is missing; say which 'accelerators' are meant, or name a 'node_group'")
        if self.accelerator is not None and self.accelerators == 0:
            yield Problem("accelerators", f"is 0, but 'accelerator' is {self.accelerator}; leave one of them out")
        for name, source in self.environment_secrets.items():
            secret, _, key = source.partition("/")
            if not (name.isascii() and name.isidentifier()) or not secret or not key:
                yield Problem(f"environment_secrets.{name}", f"must be 'VARIABLE: secret/key', got '{source}'")

    def _model_problems(self) -> Iterator[Problem]:
        location = self.model.location
        if location is not None and not isinstance(location, S3Artifact):
            yield Problem(
                "model.artifact", f"'{self.model.artifact}' is not in S3, which pods read; give its s3:// address"
            )
        for name in _OF_SAGEMAKER:
            if getattr(self.model, name, None):
                yield Problem(f"model.{name}", "is for SageMaker alone, and says nothing to a cluster; leave it out")
        if isinstance(self.model, ContainerModel) and self.model.dockerfile_directory is not None:
            yield Problem("model.dockerfile_directory", "is built for SageMaker alone; push the image and give 'image'")
        if isinstance(self.model, ModelPackageModel):
            why = "'model-package' is for SageMaker alone, which reads the package"
            yield Problem("model.framework", f"{why}; give the image and the artifact that it names, as a 'container'")

    def _way_in_problems(self) -> Iterator[Problem]:
        if self.ingress is not None and self.service.type == "LoadBalancer":
            yield Problem("ingress", "is a second way in beside the load balancer of 'service'; leave one of them out")
        balanced = self.service.type == "LoadBalancer" or (self.ingress and self.ingress.class_name == "alb")
        if balanced and self.clients and not self.clients.cidrs:
            wrong = "is empty, and keeps the load balancer out: give the CIDR blocks of its subnets, such as the VPC's"
            yield Problem("clients.cidrs", wrong)


def name_problem(name: str) -> str | None:
    """Say what is wrong with the name of a workload, or of a compilation; None when Kubernetes takes it everywhere."""
    if wrong := dns_label_problem(name, most=_NAME_MAX):
        return wrong
    return f"is '{name}', but the name of a Service begins with a letter" if name[0].isdigit() else None
