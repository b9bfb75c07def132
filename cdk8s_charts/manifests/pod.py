"""The pods of a workload: the server, what fetches its model, and where they run."""

from __future__ import annotations

import hashlib
import json

from cdk8s_charts.container import CONFIG_DIRECTORY
from cdk8s_charts.k8s import int_or_string, quantity
from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.manifests import model_files
from cdk8s_charts.manifests.context import Context
from cdk8s_charts.manifests.scheduling import node_affinity, tolerations
from constructs_lib.serving.artifacts import S3Artifact
from constructs_lib.serving.images import image_at

SERVER = "server"
_PROBE_SECONDS = 10
# Once the drain is over, this is what the server has to close files and connections.
_STOP_SECONDS = 30


def pod_template(context: Context) -> k8s.PodTemplateSpec:
    """Describe the pods."""
    workload, container, placement = context.workload, context.container, context.placement
    artifact = workload.model.location
    steps: list[k8s.Container] = []
    if isinstance(artifact, S3Artifact) and container.model_directory and workload.artifact_access == "download":
        steps = model_files.fetch(artifact, container.model_directory, region=placement.region)
    seccomp = k8s.SeccompProfile(type="RuntimeDefault")
    return k8s.PodTemplateSpec(
        metadata=k8s.ObjectMeta(labels=context.labels, annotations=_annotations(context)),
        spec=k8s.PodSpec(
            service_account_name=workload.account,
            automount_service_account_token=False,
            enable_service_links=False,
            # The first process of a container ignores the signal to end unless it handles it, which not all servers do.
            share_process_namespace=True,
            termination_grace_period_seconds=workload.drain + _STOP_SECONDS,
            scheduler_name=workload.scheduler,
            security_context=k8s.PodSecurityContext(seccomp_profile=seccomp, fs_group=container.user),
            affinity=node_affinity(workload.node_group, _architecture(context)),
            tolerations=tolerations(placement),
            topology_spread_constraints=[
                _spread(context, "topology.kubernetes.io/zone"),
                _spread(context, "kubernetes.io/hostname"),
            ],
            init_containers=steps or None,
            containers=[_server(context)],
            volumes=_volumes(context),
        ),
    )


def _architecture(context: Context) -> str | None:
    """Tell what the image is built for; None: an image of the user's own, which may be built for any."""
    known = image_at(context.container.image)
    if known:
        return known.architecture
    return None if context.workload.model.image else context.placement.architecture


def _annotations(context: Context) -> dict[str, str] | None:
    container, workload = context.container, context.workload
    annotations = {"kubectl.kubernetes.io/default-container": SERVER}
    if container.config:
        # Pods read their configuration at start: a change of it has to start new ones.
        digest = hashlib.sha256(json.dumps(dict(container.config), sort_keys=True).encode()).hexdigest()
        annotations["inference/config"] = digest[:16]
    if workload.metrics and container.metrics_path:
        annotations["prometheus.io/scrape"] = "true"
        annotations["prometheus.io/port"] = str(container.metrics_port.number)
        annotations["prometheus.io/path"] = container.metrics_path
    return {**annotations, **workload.pod_annotations}


def _server(context: Context) -> k8s.Container:
    workload, container = context.workload, context.container
    return k8s.Container(
        name=SERVER,
        image=container.image,
        command=list(container.command) or None,
        args=list(container.args) or None,
        env=_environment(context),
        working_dir="/tmp" if container.user is not None else None,  # noqa: S108
        ports=[
            k8s.ContainerPort(name=port.name, container_port=port.number, protocol="TCP") for port in container.ports
        ],
        resources=_resources(context),
        security_context=_security(context),
        volume_mounts=_mounts(context),
        startup_probe=_probe(
            _http(container.ready_path),
            failures=-(-(workload.start_up_seconds or container.start_up_seconds) // _PROBE_SECONDS),
        ),
        readiness_probe=_probe(_http(container.ready_path), failures=3),
        liveness_probe=_liveness(context),
        lifecycle=_drain(workload.drain),
    )


def _environment(context: Context) -> list[k8s.EnvVar] | None:
    plain = dict(context.container.environment)
    if context.container.user is not None:
        # No image knows the user, which some libraries look up.
        plain = {"HOME": "/tmp", "USER": "model-server", **plain}  # noqa: S108
    secrets = context.workload.environment_secrets
    variables = [k8s.EnvVar(name=name, value=value) for name, value in plain.items() if name not in secrets]
    for name, source in secrets.items():
        secret, _, key = source.partition("/")
        reference = k8s.SecretKeySelector(name=secret, key=key)
        variables.append(k8s.EnvVar(name=name, value_from=k8s.EnvVarSource(secret_key_ref=reference)))
    return variables or None


def _resources(context: Context) -> k8s.ResourceRequirements:
    asked, placement = context.workload.resources, context.placement
    memory = asked.memory or context.container.memory
    requests = {"cpu": asked.cpu, "memory": memory, "ephemeral-storage": asked.ephemeral_storage}
    limits = {
        "cpu": asked.cpu_limit,
        "memory": asked.memory_limit or memory,
        placement.resource or "": str(placement.accelerators) if placement.resource else None,
    }
    return k8s.ResourceRequirements(requests=_quantities(requests), limits=_quantities(limits))


def _quantities(values: dict[str, str | None]) -> dict[str, k8s.Quantity]:
    return {name: quantity(value) for name, value in values.items() if value is not None}


def _security(context: Context) -> k8s.SecurityContext:
    container = context.container
    if container.user is not None:
        return model_files.locked_down(container.user)
    capabilities = k8s.Capabilities(add=list(container.capabilities) or None, drop=["NET_RAW"])
    return k8s.SecurityContext(allow_privilege_escalation=False, capabilities=capabilities)


def _mounts(context: Context) -> list[k8s.VolumeMount] | None:
    workload, container = context.workload, context.container
    mounts = []
    if container.model_directory and workload.model.location:
        mounts.append(k8s.VolumeMount(name=model_files.VOLUME, mount_path=container.model_directory, read_only=True))
    if container.config:
        mounts.append(k8s.VolumeMount(name="config", mount_path=CONFIG_DIRECTORY, read_only=True))
    if _shared_memory(context):
        mounts.append(k8s.VolumeMount(name="shared-memory", mount_path="/dev/shm"))  # noqa: S108
    if container.user is not None:
        mounts.append(model_files.TEMPORARY)
    return mounts or None


def _volumes(context: Context) -> list[k8s.Volume] | None:
    workload, container = context.workload, context.container
    location = workload.model.location
    has_model = bool(container.model_directory and location)
    volumes = [model_files.volume(context)] if has_model else []
    if container.config:
        source = k8s.ConfigMapVolumeSource(name=f"{workload.name}-config")
        volumes.append(k8s.Volume(name="config", config_map=source))
    if size := _shared_memory(context):
        memory = k8s.EmptyDirVolumeSource(medium="Memory", size_limit=quantity(size))
        volumes.append(k8s.Volume(name="shared-memory", empty_dir=memory))
    if container.user is not None or (has_model and workload.artifact_access == "download"):
        volumes.append(k8s.Volume(name="tmp", empty_dir=k8s.EmptyDirVolumeSource()))
    return volumes or None


def _shared_memory(context: Context) -> str | None:
    return context.workload.resources.shared_memory or context.container.shared_memory


def _http(path: str) -> k8s.HttpGetAction:
    return k8s.HttpGetAction(path=path, port=int_or_string("http"))


def _liveness(context: Context) -> k8s.Probe:
    container = context.container
    if container.live_path:
        return _probe(_http(container.live_path), failures=6)
    return k8s.Probe(
        tcp_socket=k8s.TcpSocketAction(port=int_or_string(container.live_port)),
        period_seconds=_PROBE_SECONDS,
        timeout_seconds=5,
        failure_threshold=6,
    )


def _probe(action: k8s.HttpGetAction, *, failures: int) -> k8s.Probe:
    return k8s.Probe(http_get=action, period_seconds=_PROBE_SECONDS, timeout_seconds=5, failure_threshold=failures)


def _drain(seconds: int) -> k8s.Lifecycle | None:
    if not seconds:
        return None
    wait = k8s.ExecAction(command=["/bin/sh", "-c", f"sleep {seconds}"])
    return k8s.Lifecycle(pre_stop=k8s.LifecycleHandler(exec=wait))


def _spread(context: Context, topology: str) -> k8s.TopologySpreadConstraint:
    return k8s.TopologySpreadConstraint(
        max_skew=1,
        topology_key=topology,
        when_unsatisfiable="ScheduleAnyway",
        label_selector=context.label_selector,
    )
