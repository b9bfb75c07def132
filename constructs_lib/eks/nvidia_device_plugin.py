"""NVIDIA's device plugin, which tells Kubernetes of a node's GPUs.

Only nodes that lack it get one: Bottlerocket's image for GPUs and EKS Auto Mode bring their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from constructs_lib.eks.manifests import Manifest, daemon_set, metadata
from constructs_lib.serving.node_group import GPU_RESOURCE, NodeGroup

# NVIDIA/k8s-device-plugin v0.20.0 of 2026-08-19: deployments/static/nvidia-device-plugin.yml, and "Configuring the
# NVIDIA device plugin binary" and "Shared Access to GPUs" of its README.
IMAGE = "nvcr.io/nvidia/k8s-device-plugin:v0.20.0"
_NAME = "nvidia-device-plugin"
_SOCKETS = "/var/lib/kubelet/device-plugins"


def nvidia_device_plugin(groups: Sequence[NodeGroup]) -> Iterator[Manifest]:
    """Give the plugin for those groups that have GPUs and no plugin: one DaemonSet for each way of sharing them."""
    by_slicing: dict[int | None, list[NodeGroup]] = {}
    for group in groups:
        if group.accelerator_resource == GPU_RESOURCE and not group.brings_device_plugin:
            sharing = group.gpu_sharing
            by_slicing.setdefault(sharing.time_slicing if sharing else None, []).append(group)
    for replicas, alike in by_slicing.items():
        yield from _shared(replicas, alike) if replicas else [_plugin(_NAME, alike)]


def _shared(replicas: int, groups: Sequence[NodeGroup]) -> Iterator[Manifest]:
    name = f"{_NAME}-time-slicing-{replicas}"
    # A pod that asked for two would get two turns on one GPU, not two GPUs: better that it fails.
    sharing = {"failRequestsGreaterThanOne": True, "resources": [{"name": GPU_RESOURCE, "replicas": replicas}]}
    config = json.dumps({"version": "v1", "sharing": {"timeSlicing": sharing}})
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name), "data": {"config.json": config}}
    yield _plugin(name, groups, config=config)


def _plugin(name: str, groups: Sequence[NodeGroup], *, config: str | None = None) -> Manifest:
    mounts = [{"name": "device-plugins", "mountPath": _SOCKETS}]
    volumes: list[Manifest] = [{"name": "device-plugins", "hostPath": {"path": _SOCKETS, "type": "Directory"}}]
    environment: list[Manifest] = []
    annotations = {}
    if config is not None:
        mounts.append({"name": "config", "mountPath": "/config"})
        volumes.append({"name": "config", "configMap": {"name": name}})
        environment.append({"name": "CONFIG_FILE", "value": "/config/config.json"})
        annotations["checksum/config"] = hashlib.sha256(config.encode()).hexdigest()[:16]
    container = {
        "image": IMAGE,
        "env": environment,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": mounts,
    }
    return daemon_set(
        name, groups, container, annotations=annotations, volumes=volumes, automountServiceAccountToken=False
    )
