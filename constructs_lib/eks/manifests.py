"""Kubernetes objects as plain dicts: what those of this package have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from constructs_lib.serving.node_group import NODE_GROUP_LABEL, NodeGroup

Manifest = dict[str, Any]

SYSTEM_NAMESPACE = "kube-system"
_RBAC = "rbac.authorization.k8s.io"


def metadata(name: str, *, namespaced: bool = True) -> Manifest:
    """Give the metadata of an object of the cluster's own, with the label that all of its kind carry."""
    found: Manifest = {"name": name, "labels": {"app.kubernetes.io/name": name}}
    return found | ({"namespace": SYSTEM_NAMESPACE} if namespaced else {})


def service_account(name: str) -> Manifest:
    """Give a service account."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name)}


def rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Manifest:
    """Give one rule of a role; with names, it holds for these objects alone."""
    found: Manifest = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return found | ({"resourceNames": list(names)} if names else {})


def cluster_role(name: str, rules: Iterable[Manifest]) -> list[Manifest]:
    """Give a ClusterRole, and the binding that gives it to the service account of the same name."""
    role = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": metadata(name, namespaced=False),
        "rules": list(rules),
    }
    return [role, cluster_role_binding(name, role=name, account=name)]


def cluster_role_binding(name: str, *, role: str, account: str) -> Manifest:
    """Give the binding of a ClusterRole to a service account."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata(name, namespaced=False),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM_NAMESPACE}],
    }


def role(name: str, rules: Iterable[Manifest]) -> list[Manifest]:
    """Give a Role in the system's namespace, and its binding to the service account of the same name."""
    return [
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata(name), "rules": list(rules)},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata(name),
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": SYSTEM_NAMESPACE}],
        },
    ]


def daemon_set(
    name: str, groups: Sequence[NodeGroup], container: Manifest, *, annotations: Mapping[str, str], **pod: Any
) -> Manifest:
    """Give a DaemonSet that runs on the nodes of some groups, and on no other.

    Parameters
    ----------
    name
        Its name, and that of its only container.
    groups
        Their nodes are selected by name, and their taints tolerated.
    container
        The container, but for its name.
    annotations
        Those of its pods: a changed one rolls them.
    pod
        More of the pods' spec.
    """
    labels = {"app.kubernetes.io/name": name}
    spec = {
        "priorityClassName": "system-node-critical",
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [on_nodes_of(groups)]}
        ]}}},
        "tolerations": tolerations(groups),
        "containers": [{"name": name, **container}],
        **pod,
    }  # fmt: skip
    template: Manifest = {"metadata": {"labels": labels}, "spec": spec}
    if annotations:
        template["metadata"]["annotations"] = dict(annotations)
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata(name),
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": template,
        },
    }


def deployment(name: str, container: Manifest, **pod: Any) -> Manifest:
    """Give a Deployment of one pod that runs under the service account of the same name.

    Parameters
    ----------
    name
        Its name, that of its service account, and of its only container.
    container
        The container, but for its name.
    pod
        More of the pod's spec.
    """
    labels = {"app.kubernetes.io/name": name}
    spec = {
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": name,
        "containers": [{"name": name, **container}],
        **pod,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def on_nodes_of(groups: Sequence[NodeGroup]) -> Manifest:
    """Give the expression that selects the nodes of some groups."""
    return {"key": NODE_GROUP_LABEL, "operator": "In", "values": [group.name for group in groups]}


def tolerations(groups: Sequence[NodeGroup]) -> list[Manifest]:
    """Give what a pod tolerates that runs on every node of some groups: each of their taints, once."""
    taints = dict.fromkeys(taint for group in groups for taint in group.node_taints)
    return [{"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect} for taint in taints]
