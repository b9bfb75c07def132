"""A real cluster behind local AWS: it gets what was checked, by server-side apply, and loses what is deleted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_aws.services.kubernetes.checks import InvalidManifestError
from local_aws.services.kubernetes.objects import KubernetesObjects
from local_aws.services.kubernetes.real_cluster import ClusterUnreachableError, RealCluster

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "default"},
    "data": {"a": "b"},
}
POOL: dict[str, Any] = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "gpu"}}
CORE = {
    "kind": "APIResourceList",
    "groupVersion": "v1",
    "resources": [
        {
            "name": "configmaps",
            "singularName": "",
            "namespaced": True,
            "kind": "ConfigMap",
            "verbs": ["patch", "delete"],
        }
    ],
}
ANSWERS: dict[str, Any] = {
    "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": CORE,
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
}


@dataclass
class ApiServer:
    """What was asked of a fake API server, and what it refuses."""

    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    refuses: str = ""


@pytest.fixture
def api() -> ApiServer:
    return ApiServer()


@pytest.fixture
def kubeconfig(api: ApiServer, tmp_path: Path) -> Iterator[Path]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            if self.command != "GET":
                api.requests.append((self.command, self.path, body))
            found = ANSWERS.get(path) if self.command == "GET" else {"kind": "Status", "status": "Success"}
            status = 404 if found is None else 403 if api.refuses and api.refuses == self.command else 200
            text = json.dumps(found or {"kind": "Status", "message": "not found"}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    file = tmp_path / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "kind",
                "clusters": [{"name": "kind", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "contexts": [{"name": "kind", "context": {"cluster": "kind", "user": "kind"}}],
                "users": [{"name": "kind", "user": {}}],
            }
        )
    )
    yield file
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def objects(kubeconfig: Path, tmp_path: Path) -> KubernetesObjects:
    return KubernetesObjects(tmp_path / "kubernetes", RealCluster(kubeconfig))


def test_what_is_checked_is_applied_and_what_is_forgotten_is_deleted(
    objects: KubernetesObjects, api: ApiServer
) -> None:
    objects.create("prod", "1.35", CONFIG)
    objects.delete("prod", CONFIG)
    objects.delete("prod", CONFIG)

    path = "/api/v1/namespaces/default/configmaps/settings"
    (method, asked, body), deleted = api.requests
    assert (method, asked.partition("?")[0], body) == ("PATCH", path, CONFIG)
    assert "fieldManager=local-aws" in asked
    assert deleted[:2] == ("DELETE", path)


def test_what_breaks_its_schema_does_not_reach_the_cluster(objects: KubernetesObjects, api: ApiServer) -> None:
    with pytest.raises(InvalidManifestError, match="is not of type 'string'"):
        objects.create("prod", "1.35", {**CONFIG, "data": {"a": 1}})

    assert api.requests == []


def test_what_the_cluster_refuses_is_not_kept(objects: KubernetesObjects, api: ApiServer) -> None:
    api.refuses = "PATCH"

    with pytest.raises(InvalidManifestError, match=r"^ConfigMap 'settings': the cluster answers 403: "):
        objects.create("prod", "1.35", CONFIG)
    assert not objects.directory.exists()


def test_a_kind_that_the_cluster_does_not_have_is_told(objects: KubernetesObjects) -> None:
    with pytest.raises(InvalidManifestError, match=r"^NodePool 'gpu': the cluster has no such kind: "):
        objects.create("prod", "1.35", POOL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"^'.*kubeconfig' cannot be used as a kubeconfig: Invalid kube-config"),
        ("apiVersion: v1\n", r"^'.*kubeconfig' cannot be used as a kubeconfig: "),
        (
            json.dumps(
                {
                    "clusters": [{"name": "gone", "cluster": {"server": "http://127.0.0.1:1"}}],
                    "users": [{"name": "somebody", "user": {}}],
                    "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "somebody"}}],
                    "current-context": "gone",
                }
            ),
            r"^the cluster of '.*kubeconfig' does not answer: .*Connection refused",
        ),
    ],
    ids=["no file", "no cluster in it", "a cluster that is gone"],
)
def test_a_kubeconfig_that_leads_nowhere_is_told_in_one_line(text: str | None, message: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    if text is not None:
        kubeconfig.write_text(text, encoding="utf-8")

    with pytest.raises(ClusterUnreachableError, match=message) as raised:
        RealCluster(kubeconfig)
    assert "\n" not in str(raised.value)
