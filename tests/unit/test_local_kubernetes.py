"""Kubernetes objects of local AWS: refused as an API server refuses them, and kept in files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from local_aws.services.kubernetes.checks import InvalidManifestError, check_manifest
from local_aws.services.kubernetes.objects import KubernetesObjects

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "default"},
    "data": {"a": "b"},
}


@pytest.fixture
def objects(tmp_path: Path) -> KubernetesObjects:
    return KubernetesObjects(tmp_path / "kubernetes")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"dta": {}}, "ConfigMap 'settings': the object: Additional properties are not allowed ('dta' was unexpected) (Kubernetes 1.35)"),
        ({"data": {"a": 1}}, "ConfigMap 'settings': data.a: 1 is not of type 'string', 'null' (Kubernetes 1.35)"),
        ({"kind": "ConfigMapp"}, "ConfigMapp 'settings': no matches for kind \"ConfigMapp\" in version \"v1\" (Kubernetes 1.35)"),
        ({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}, 'no matches for kind "HorizontalPodAutoscaler" in version "autoscaling/v2beta2"'),
        ({"metadata": {}}, "ConfigMap '': resource name may not be empty"),
        ({"kind": None}, "an object has no kind: "),
    ],
)  # fmt: skip
def test_an_object_that_the_api_server_refuses_is_refused(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidManifestError) as caught:
        check_manifest({**CONFIG, **change}, "1.35")

    assert expected in str(caught.value)


def test_without_the_schemas_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes_validate", None)

    with pytest.raises(InvalidManifestError) as caught:
        check_manifest(CONFIG, "1.35")

    assert str(caught.value) == (
        "manifests are checked by kubernetes-validate, which is not installed; run: pip install "
        "'inference-constructs[local]'"
    )


def test_a_kind_that_is_not_kubernetes_own_is_taken_on_trust() -> None:
    check_manifest(
        {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "gpu"}, "spec": {}}, "1.35"
    )


def test_an_object_is_kept_where_kubectl_finds_it(objects: KubernetesObjects) -> None:
    objects.create("prod", "1.35", CONFIG)

    kept = objects.directory / "prod" / "default" / "ConfigMap-settings.json"
    assert json.loads(kept.read_text()) == CONFIG
    objects.delete("prod", CONFIG)
    objects.delete("prod", CONFIG)
    assert not kept.exists()


def test_creating_what_exists_is_refused_and_applying_it_changes_it(objects: KubernetesObjects) -> None:
    objects.create("prod", "1.35", CONFIG)
    objects.create("other", "1.35", CONFIG)

    with pytest.raises(InvalidManifestError, match=r'\(AlreadyExists\): ConfigMap "settings" already exists'):
        objects.create("prod", "1.35", CONFIG)
    objects.apply("prod", "1.35", {**CONFIG, "data": {"a": "c"}})

    assert '"c"' in (objects.directory / "prod" / "default" / "ConfigMap-settings.json").read_text()


def test_an_object_needs_its_namespace(objects: KubernetesObjects) -> None:
    elsewhere = {**CONFIG, "metadata": {"name": "settings", "namespace": "serving"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "serving"}}

    with pytest.raises(InvalidManifestError, match=r'\(NotFound\): namespaces "serving" not found'):
        objects.create("prod", "1.35", elsewhere)
    objects.create("prod", "1.35", namespace)
    objects.create("prod", "1.35", elsewhere)


def test_nothing_of_an_earlier_server_is_left(objects: KubernetesObjects) -> None:
    objects.create("prod", "1.35", CONFIG)

    KubernetesObjects(objects.directory)

    assert not objects.directory.exists()
