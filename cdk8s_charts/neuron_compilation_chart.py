"""A compilation for Neuron as a cdk8s chart: a Job that fetches, compiles and uploads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cdk8s
from constructs import Construct

from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.k8s import quantity
from cdk8s_charts.manifests.model_files import TEMPORARY, VOLUME, aws_cli, fetch
from cdk8s_charts.manifests.namespace import namespace
from cdk8s_charts.manifests.scheduling import node_affinity, tolerations
from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.neuron_compilation_rules import compilation_image, compilation_placement, compilation_problems
from cdk8s_charts.placement import Placement
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problems

_PROGRAM = Path(__file__).with_name("programs") / "compile_for_neuron.py"
# An hour's work would begin anew: the node stays while the pod runs.
_UNDISTURBED = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
_SOURCE, _RESULT, _PROGRAMS = "/models/source", "/models/compiled", "/etc/programs"


class NeuronCompilationChart(cdk8s.Chart):
    """The Job that compiles a model for Inferentia or Trainium.

    Parameters
    ----------
    scope, id
        Where the chart belongs, and its name there.
    compilation
        What is compiled, and for what.
    node_groups
        The node groups of the cluster. Default: they are not known.
    region
        Region of the cluster. None: that of the compilation, if it has one.

    Raises
    ------
    InvalidValueError
        When it does not run there; it names all problems.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        compilation: NeuronCompilation,
        node_groups: Sequence[NodeGroup] = (),
        region: str | None = None,
    ) -> None:
        problems = Problems(f"NeuronCompilation '{compilation.name}'")
        problems.extend(compilation_problems(compilation, node_groups, region=region))
        problems.raise_any()
        super().__init__(scope, id, disable_resource_name_hashes=True)
        self._compilation = compilation
        self._placement = compilation_placement(compilation, node_groups, region=region)
        self._define()

    def _define(self) -> None:
        asked = self._compilation
        labels = {"app.kubernetes.io/name": asked.name, "app.kubernetes.io/component": "neuron-compilation"}
        if asked.create_namespace:
            namespace(self, asked.namespace)
        metadata = k8s.ObjectMeta(name=asked.name, namespace=asked.namespace, labels=labels)
        if asked.service_account is None:
            k8s.KubeServiceAccount(self, "ServiceAccount", metadata=metadata, automount_service_account_token=False)
        program = {_PROGRAM.name: _PROGRAM.read_text(encoding="utf-8")}
        k8s.KubeConfigMap(self, "Program", metadata=metadata, data=program)
        k8s.KubeJob(
            self,
            "Job",
            metadata=metadata,
            spec=k8s.JobSpec(
                backoff_limit=1,
                active_deadline_seconds=asked.timeout_seconds,
                template=k8s.PodTemplateSpec(
                    metadata=k8s.ObjectMeta(labels=labels, annotations=_UNDISTURBED), spec=_pod(asked, self._placement)
                ),
            ),
        )
        nobody = k8s.NetworkPolicySpec(pod_selector=k8s.LabelSelector(match_labels=labels), policy_types=["Ingress"])
        k8s.KubeNetworkPolicy(self, "NetworkPolicy", metadata=metadata, spec=nobody)


def _pod(asked: NeuronCompilation, placement: Placement) -> k8s.PodSpec:
    compiled = k8s.VolumeMount(name="compiled", mount_path=_RESULT)
    # Not `sync`, which lists what is there: the pod may write to the destination, and not read it.
    upload = ["s3", "cp", "--recursive", _RESULT, asked.destination]
    program = k8s.ConfigMapVolumeSource(name=asked.name)
    return k8s.PodSpec(
        restart_policy="Never",
        service_account_name=asked.account,
        automount_service_account_token=False,
        enable_service_links=False,
        security_context=k8s.PodSecurityContext(seccomp_profile=k8s.SeccompProfile(type="RuntimeDefault")),
        affinity=node_affinity(asked.node_group, placement.architecture),
        tolerations=tolerations(placement),
        init_containers=[
            *fetch(asked.artifact, _SOURCE, region=placement.region),
            _compiler(asked, placement, compiled),
        ],
        containers=[aws_cli("upload-model", upload, compiled, region=placement.region)],
        volumes=[
            *(k8s.Volume(name=name, empty_dir=k8s.EmptyDirVolumeSource()) for name in (VOLUME, "compiled", "tmp")),
            k8s.Volume(name="program", config_map=program),
        ],
    )


def _compiler(asked: NeuronCompilation, placement: Placement, compiled: k8s.VolumeMount) -> k8s.Container:
    inputs = [{"shape": each.shape, "dtype": each.dtype} for each in asked.inputs]
    pipeline = ["--neuroncore-pipeline-cores", str(asked.neuron_cores)] if asked.neuron_cores > 1 else []
    variables = {
        "FRAMEWORK": asked.framework,
        "SOURCE": _SOURCE,
        "DESTINATION": _RESULT,
        "TARGET": asked.target,
        "INPUTS": json.dumps(inputs),
        "COMPILER_ARGS": json.dumps([*pipeline, *asked.compiler_args]),
    }
    device = {placement.resource: "1"} if placement.resource and placement.accelerators else {}
    requests = {"cpu": asked.resources.cpu, "memory": asked.resources.memory or "8Gi"}
    limits = {"memory": asked.resources.memory_limit or requests["memory"], **device}
    return k8s.Container(
        name="compile-model",
        image=compilation_image(asked, placement),
        command=["python", f"{_PROGRAMS}/{_PROGRAM.name}"],
        env=[k8s.EnvVar(name=name, value=value) for name, value in variables.items()],
        volume_mounts=[
            k8s.VolumeMount(name=VOLUME, mount_path=_SOURCE, read_only=True),
            k8s.VolumeMount(name="program", mount_path=_PROGRAMS, read_only=True),
            compiled,
            TEMPORARY,
        ],
        resources=k8s.ResourceRequirements(
            requests={name: quantity(value) for name, value in requests.items()},
            limits={name: quantity(value) for name, value in limits.items()},
        ),
        security_context=k8s.SecurityContext(
            allow_privilege_escalation=False, capabilities=k8s.Capabilities(add=["IPC_LOCK"], drop=["NET_RAW"])
        ),
    )
