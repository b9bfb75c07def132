"""AWS Neuron's device plugin, and on request its scheduler, which gives a pod devices that are neighbours.

EKS Auto Mode brings the plugin; no image does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from constructs_lib.eks.manifests import (
    SYSTEM_NAMESPACE,
    Manifest,
    cluster_role,
    cluster_role_binding,
    daemon_set,
    deployment,
    metadata,
    rule,
    service_account,
)
from constructs_lib.serving.node_group import NEURON_RESOURCE, NodeGroup

# aws-neuron/neuron-helm-charts: device-plugin and scheduler (what they are allowed to, mount, and listen on);
# the version: the one that AWS's Neuron operator 2.29 installs.
VERSION = "2.29.16.0"
PLUGIN_IMAGE = f"public.ecr.aws/neuron/neuron-device-plugin:{VERSION}"
EXTENSION_IMAGE = f"public.ecr.aws/neuron/neuron-scheduler:{VERSION}"
SCHEDULER_NAME = "neuron-scheduler"
"""What a pod names as its ``schedulerName`` to get neighbouring devices."""

_PLUGIN = "neuron-device-plugin"
_EXTENSION = "neuron-scheduler-extension"
_EXTENSION_PORT = 12345
_CORES = "aws.amazon.com/neuroncore"
_READ = ("get", "list", "watch")


def neuron_device_plugin(groups: Sequence[NodeGroup]) -> Iterator[Manifest]:
    """Give the plugin for those groups that have Neuron devices; nothing when none has."""
    neuron = [group for group in groups if group.accelerator_resource == NEURON_RESOURCE]
    if not neuron:
        return
    yield service_account(_PLUGIN)
    yield from cluster_role(
        _PLUGIN,
        [
            rule("", ["nodes"], _READ),
            rule("", ["events"], ["create", "patch"]),
            rule("", ["pods"], ["update", "patch", *_READ]),
            rule("", ["nodes/status"], ["patch", "update"]),
            rule("", ["nodes/proxy"], ["get", "list"]),
        ],
    )
    mounts = {"device-plugins": "/var/lib/kubelet/device-plugins", "run": "/run", "aws": "/opt/aws"}
    container = {
        "image": PLUGIN_IMAGE,
        "env": [
            {"name": "KUBECONFIG", "value": "/etc/kubernetes/kubelet.conf"},
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [
            {"name": name, "mountPath": path} | ({"readOnly": True} if name == "aws" else {})
            for name, path in mounts.items()
        ],
    }
    volumes = [{"name": name, "hostPath": {"path": path}} for name, path in mounts.items()]
    yield daemon_set(_PLUGIN, neuron, container, annotations={}, serviceAccountName=_PLUGIN, volumes=volumes)


def neuron_scheduler(version: str) -> Iterator[Manifest]:
    """Give the scheduler for Neuron pods: a second kube-scheduler, which asks Neuron's extension which devices to give.

    EKS's own scheduler cannot be given an extension.

    Parameters
    ----------
    version
        Kubernetes version of the cluster.
    """
    yield from _extension()
    yield service_account(SCHEDULER_NAME)
    yield from cluster_role(
        SCHEDULER_NAME,
        [
            rule("", ["configmaps"], _READ),
            rule("coordination.k8s.io", ["leases"], ["create"]),
            rule("coordination.k8s.io", ["leases"], ["get", "update"], [SCHEDULER_NAME]),
        ],
    )
    for own in ("kube-scheduler", "volume-scheduler"):
        yield cluster_role_binding(f"{SCHEDULER_NAME}-as-{own}", role=f"system:{own}", account=SCHEDULER_NAME)
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(SCHEDULER_NAME),
        "data": {"config.json": _CONFIG},
    }
    healthy = {"httpGet": {"path": "/healthz", "port": 10259, "scheme": "HTTPS"}}
    container = {
        "image": f"registry.k8s.io/kube-scheduler:v{version}.0",
        "command": ["/usr/local/bin/kube-scheduler", "--config=/config/config.json", "--v=2"],
        "livenessProbe": {**healthy, "initialDelaySeconds": 15},
        "readinessProbe": healthy,
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "config", "mountPath": "/config"}],
    }
    volumes = [{"name": "config", "configMap": {"name": SCHEDULER_NAME}}]
    yield deployment(SCHEDULER_NAME, container, volumes=volumes)


def _extension() -> Iterator[Manifest]:
    yield service_account(_EXTENSION)
    yield from cluster_role(
        _EXTENSION,
        [
            rule("", ["nodes"], _READ),
            rule("", ["nodes/status"], ["patch", "update", *_READ]),
            rule("", ["events"], ["create", "patch"]),
            rule("", ["pods"], ["update", "patch", *_READ]),
            rule("", ["bindings", "pods/binding"], ["create"]),
        ],
    )
    container = {
        "image": EXTENSION_IMAGE,
        "env": [{"name": "PORT", "value": str(_EXTENSION_PORT)}],
        "ports": [{"name": "http", "containerPort": _EXTENSION_PORT}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    yield deployment(_EXTENSION, container)
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(_EXTENSION),
        "spec": {
            "selector": {"app.kubernetes.io/name": _EXTENSION},
            "ports": [{"name": "http", "port": _EXTENSION_PORT, "targetPort": "http"}],
        },
    }


_CONFIG = json.dumps(
    {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "profiles": [{"schedulerName": SCHEDULER_NAME}],
        "extenders": [
            {
                "urlPrefix": f"http://{_EXTENSION}.{SYSTEM_NAMESPACE}.svc.cluster.local:{_EXTENSION_PORT}",
                "filterVerb": "filter",
                "bindVerb": "bind",
                "enableHTTPS": False,
                "nodeCacheCapable": False,
                "ignorable": False,
                "managedResources": [{"name": name, "ignoredByScheduler": False} for name in (NEURON_RESOURCE, _CORES)],
            }
        ],
        "leaderElection": {
            "leaderElect": True,
            "resourceNamespace": SYSTEM_NAMESPACE,
            "resourceName": SCHEDULER_NAME,
        },
    }
)
