"""The CDK's custom resources for what is in a cluster, carried out here: on AWS, a function runs kubectl and helm.

Manifests are checked and kept; of a Helm chart, what was asked for is kept, since charts are fetched from elsewhere.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from local_aws.cloudformation.properties import Properties
from local_aws.cloudformation.resource import Resource, ResourceType, handler_failure
from local_aws.eks_backend import cluster_version
from local_aws.errors import ServiceError
from local_aws.services.kubernetes.checks import InvalidManifestError, Manifest
from local_aws.services.kubernetes.objects import kubernetes_objects


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (InvalidManifestError, ServiceError) as error:
        message = f"Received response status [FAILED] from custom resource. Message returned: {error}"
        raise handler_failure(message, "GeneralServiceException") from error


def _manifests(properties: Properties) -> list[Manifest]:
    found: list[Manifest] = json.loads(properties["Manifest"])
    return found


def _create(logical_id: str, properties: Properties) -> Resource:
    objects, cluster = kubernetes_objects(), properties["ClusterName"]
    keep = objects.apply if str(properties.get("Overwrite", "")).lower() == "true" else objects.create
    with _reported():
        version = cluster_version(cluster)
        for manifest in _manifests(properties):
            keep(cluster, version, manifest)
    return f"{logical_id}-{secrets.token_hex(6)}", {}


def _update(_: str, physical_id: str, old: Properties, new: Properties) -> Resource:
    objects, cluster = kubernetes_objects(), new["ClusterName"]
    wanted = _manifests(new)
    with _reported():
        version = cluster_version(cluster)
        for manifest in wanted:
            objects.apply(cluster, version, manifest)
    if new.get("PruneLabel"):
        kept = [_identity(manifest) for manifest in wanted]
        for manifest in _manifests(old):
            if _identity(manifest) not in kept:
                objects.delete(cluster, manifest)
    return physical_id, {}


def _delete(_: str, properties: Properties) -> None:
    for manifest in _manifests(properties):
        kubernetes_objects().delete(properties["ClusterName"], manifest)


def _identity(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def _release(properties: Properties) -> Manifest:
    asked = ("Chart", "Repository", "Version", "Values")
    return {
        "apiVersion": "helm.sh/v3",
        "kind": "HelmRelease",
        "metadata": {"name": properties["Release"], "namespace": properties.get("Namespace", "default")},
        "spec": {name.lower(): properties[name] for name in asked if name in properties},
    }


def _install(logical_id: str, properties: Properties) -> Resource:
    with _reported():
        version = cluster_version(properties["ClusterName"])
        kubernetes_objects().apply(properties["ClusterName"], version, _release(properties))
    return f"{logical_id}-{secrets.token_hex(6)}", {}


def _upgrade(logical_id: str, physical_id: str, _: Properties, new: Properties) -> Resource:
    _install(logical_id, new)
    return physical_id, {}


def _uninstall(_: str, properties: Properties) -> None:
    kubernetes_objects().delete(properties["ClusterName"], _release(properties))


KUBERNETES_RESOURCE = ResourceType(
    name="Custom::AWSCDK-EKS-KubernetesResource",
    create=_create,
    update=_update,
    delete=_delete,
    create_only=("ClusterName",),
    tags=None,
)
HELM_CHART = ResourceType(
    name="Custom::AWSCDK-EKS-HelmChart",
    create=_install,
    update=_upgrade,
    delete=_uninstall,
    create_only=("ClusterName", "Release", "Namespace"),
    tags=None,
)
