"""The objects of each cluster, in files that `kubectl apply -f` takes: ``CLUSTER/[NAMESPACE/]KIND-NAME.json``."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.services.kubernetes.checks import InvalidManifestError, Manifest, check_manifest
from local_aws.services.kubernetes.real_cluster import RealCluster

_EVERY_CLUSTER_HAS = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})


@dataclass(slots=True)
class KubernetesObjects:
    """The objects of all clusters; safe on any thread.

    Parameters
    ----------
    directory
        Where the files are. Emptied: clusters do not outlive the server.
    real
        A real cluster that gets all of it, whichever cluster it is for. None: there is none.
    """

    directory: Path
    real: RealCluster | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def create(self, cluster: str, version: str, manifest: Manifest) -> None:
        """Keep an object that is not there yet, as ``kubectl create`` does.

        Raises
        ------
        InvalidManifestError
            When it breaks its schema, exists, or its namespace does not.
        """
        with self._lock:
            path = self._checked(cluster, version, manifest)
            if path.exists():
                kind, name = manifest["kind"], manifest["metadata"]["name"]
                raise InvalidManifestError(f'Error from server (AlreadyExists): {kind} "{name}" already exists')
            self._keep(path, manifest)

    def apply(self, cluster: str, version: str, manifest: Manifest) -> None:
        """Keep an object, there already or not, as ``kubectl apply`` does.

        Raises
        ------
        InvalidManifestError
            When it breaks its schema, or its namespace does not exist.
        """
        with self._lock:
            self._keep(self._checked(cluster, version, manifest), manifest)

    def delete(self, cluster: str, manifest: Manifest) -> None:
        """Forget an object; one that is gone already is no error."""
        with self._lock:
            path = self._path(cluster, manifest)
            if self.real and path.exists():
                self.real.delete(manifest)
            path.unlink(missing_ok=True)

    def _checked(self, cluster: str, version: str, manifest: Manifest) -> Path:
        check_manifest(manifest, version)
        namespace = manifest["metadata"].get("namespace", "default")
        known = self.directory / cluster / f"Namespace-{namespace}.json"
        if namespace not in _EVERY_CLUSTER_HAS and not known.exists():
            raise InvalidManifestError(f'Error from server (NotFound): namespaces "{namespace}" not found')
        return self._path(cluster, manifest)

    def _path(self, cluster: str, manifest: Manifest) -> Path:
        metadata = manifest["metadata"]
        directory = self.directory / cluster / str(metadata.get("namespace", ""))
        # A name may have colons, as those of ClusterRoles do, but no slash.
        return directory / f"{manifest['kind']}-{metadata['name']}.json"

    def _keep(self, path: Path, manifest: Manifest) -> None:
        if self.real:
            self.real.apply(manifest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


_kept: KubernetesObjects | None = None


def use_objects(objects: KubernetesObjects) -> None:
    """Let this process keep objects there."""
    global _kept  # noqa: PLW0603 - one for the process, as the plane is
    _kept = objects


def kubernetes_objects() -> KubernetesObjects:
    """Return where this process keeps objects."""
    if _kept is None:
        raise RuntimeError("local AWS has no place for Kubernetes objects yet")
    return _kept
