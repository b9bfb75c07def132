"""What an API server refuses: objects that break the schema of its version."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]

# Groups whose kinds are Kubernetes' own have no dot, or end so; but not each that ends so is.
_OWN_SUFFIX = ".k8s.io"
_NOT_OWN = ("gateway.networking.k8s.io", "snapshot.storage.k8s.io", "metrics.k8s.io")


class InvalidManifestError(ValueError):
    """An object that the API server of a version refuses."""


def check_manifest(manifest: Manifest, version: str) -> None:
    """Check that an object keeps to the schema of a Kubernetes version, with no field that it does not know.

    Objects of kinds that are not Kubernetes' own are checked for their kind and name alone.

    Raises
    ------
    InvalidManifestError
        With the object, the field and what is wrong.
    """
    try:
        import kubernetes_validate  # takes a tenth of a second, for who has a cluster
    except ImportError as error:
        needed = "manifests are checked by kubernetes-validate, which is not installed"
        raise InvalidManifestError(f"{needed}; run: pip install 'inference-constructs[local]'") from error

    what = _label(manifest)
    if not manifest.get("metadata", {}).get("name"):
        raise InvalidManifestError(f"{what}: resource name may not be empty")
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        if _is_own(manifest["apiVersion"]):
            message = f'no matches for kind "{manifest["kind"]}" in version "{manifest["apiVersion"]}"'
            raise InvalidManifestError(f"{what}: {message} (Kubernetes {version})") from None
    except kubernetes_validate.ValidationError as error:
        where = ".".join(map(str, error.absolute_path)) or "the object"
        raise InvalidManifestError(f"{what}: {where}: {error.message} (Kubernetes {version})") from None


def _is_own(api_version: str) -> bool:
    group = api_version.rpartition("/")[0]
    return "." not in group or (group.endswith(_OWN_SUFFIX) and group not in _NOT_OWN)


def _label(manifest: Manifest) -> str:
    for required in ("apiVersion", "kind"):
        if not manifest.get(required):
            raise InvalidManifestError(f"an object has no {required}: {manifest}")
    return f"{manifest['kind']} '{manifest.get('metadata', {}).get('name', '')}'"
