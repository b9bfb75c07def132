"""A real cluster behind those of local AWS: what has been checked is applied to it too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_aws.services.kubernetes.checks import InvalidManifestError, Manifest

_MANAGER = "local-aws"


class ClusterUnreachableError(Exception):
    """The cluster of a kubeconfig cannot be reached; the text says why, and what to do."""


class RealCluster:
    """The cluster of a kubeconfig's current context.

    Parameters
    ----------
    kubeconfig
        The file.

    Raises
    ------
    ClusterUnreachableError
        When the Kubernetes client is not installed, the file is no kubeconfig, or its cluster does not answer.
    """

    def __init__(self, kubeconfig: Path) -> None:
        try:
            from kubernetes import client, config, dynamic  # for who has a cluster
            from urllib3.exceptions import HTTPError
        except ImportError as error:
            needed = "is not installed; run: pip install 'inference-constructs[client]'"
            raise ClusterUnreachableError(f"the Kubernetes client, which applies objects, {needed}") from error
        try:
            made = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
            self._client = dynamic.DynamicClient(made)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            told = " ".join(str(error).split())
            raise ClusterUnreachableError(f"'{kubeconfig}' cannot be used as a kubeconfig: {told}") from error
        except (HTTPError, client.ApiException) as error:
            told = " ".join(str(getattr(error, "reason", None) or error).split())
            raise ClusterUnreachableError(f"the cluster of '{kubeconfig}' does not answer: {told}") from error

    def apply(self, manifest: Manifest) -> None:
        """Apply an object, there already or not.

        Raises
        ------
        InvalidManifestError
            When the cluster refuses it.
        """
        with _refusals(manifest):
            kind, where = self._resource(manifest)
            kind.server_side_apply(body=manifest, field_manager=_MANAGER, force_conflicts=True, **where)

    def delete(self, manifest: Manifest) -> None:
        """Delete an object; one that is gone already is no error.

        Raises
        ------
        InvalidManifestError
            When the cluster refuses it.
        """
        from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError

        with _refusals(manifest):
            try:
                kind, where = self._resource(manifest)
                kind.delete(**where)
            except (NotFoundError, ResourceNotFoundError):
                return

    def _resource(self, manifest: Manifest) -> tuple[Any, dict[str, str]]:
        kind = self._client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        where = {"name": manifest["metadata"]["name"]}
        if kind.namespaced:
            where["namespace"] = manifest["metadata"].get("namespace", "default")
        return kind, where


@contextmanager
def _refusals(manifest: Manifest) -> Iterator[None]:
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import ResourceNotFoundError

    what = f"{manifest['kind']} '{manifest['metadata']['name']}'"
    try:
        yield
    except ResourceNotFoundError as error:
        raise InvalidManifestError(f"{what}: the cluster has no such kind: {error}") from error
    except ApiException as error:
        raise InvalidManifestError(
            f"{what}: the cluster answers {error.status}: {error.body or error.reason}"
        ) from error
