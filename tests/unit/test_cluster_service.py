"""Services of a cluster: found by name, and reached by their own address or through a forwarded port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_cluster import FakeCluster, running, write_kubeconfig
from model_server import Reply, nobody, serving

from constructs_lib.tools.command import ToolError
from constructs_lib.tools.invoke import http
from constructs_lib.tools.invoke.cluster_service import ClusterService

HTTP = {"name": "http", "port": 80, "targetPort": "http"}


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return tmp_path / "kubeconfig"


@pytest.fixture
def cluster(kubeconfig: Path) -> Iterator[FakeCluster]:
    made = FakeCluster()
    with running(made, kubeconfig):
        yield made


def test_requests_reach_a_ready_pod_through_a_forwarded_port(cluster: FakeCluster) -> None:
    cluster.add_service("demo", "tf-inference", [{"name": "grpc", "port": 9000}, HTTP])
    cluster.add_pod("demo-0", "tf-inference", ready=False)
    cluster.add_pod("demo-1", "tf-inference")
    with serving(lambda asked: Reply(asked.body)) as server:
        cluster.answered_by = int(server.url.rpartition(":")[2])
        with ClusterService(name="demo").reach(["http"], 8501) as address:
            answers = [
                http.request("POST", f"http://{address}/{number}", body=b"x" * number, timeout=60).body
                for number in (1, 200_000)
            ]

    assert [len(answer) for answer in answers] == [1, 200_000]
    assert [asked.path for asked in server.asked] == ["/1", "/200000"]
    assert {path for path, _ in cluster.forwarded} == {"/api/v1/namespaces/tf-inference/pods/demo-1/portforward"}
    assert {port for _, port in cluster.forwarded} == {"8080"}


def test_a_load_balancers_address_is_used_as_it_is(cluster: FakeCluster) -> None:
    cluster.add_service("demo", "models", [{"name": "rest", "port": 8500}], address="demo.elb.amazonaws.com")

    with ClusterService(name="demo", namespace="models").reach(["rest", "http"], 8501) as address:
        assert address == "demo.elb.amazonaws.com:8500"
    assert cluster.forwarded == []


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([{"name": "metrics", "port": 8082}, {"name": "rest", "port": 8500}], 8500),
        ([{"name": "metrics", "port": 8082}, {"name": "serving", "port": 8501}], 8501),
        ([{"name": "only", "port": 1234}], 1234),
    ],
    ids=["by name", "by number", "the only one"],
)
def test_the_port_is_found(ports: list[dict[str, object]], expected: int, cluster: FakeCluster) -> None:
    cluster.add_service("demo", "models", ports, address="demo.example")

    with ClusterService(name="demo").reach(["rest"], 8501) as address:
        assert address == f"demo.example:{expected}"


class TestRefusals:
    def refusal(self, **choices: str) -> str:
        with pytest.raises(ToolError) as raised, ClusterService(**{"name": "demo", **choices}).reach(["http"], 8080):
            pass
        return str(raised.value)

    def test_a_service_that_is_nowhere(self, cluster: FakeCluster) -> None:
        assert self.refusal() == "there is no Service 'demo' in any namespace; see: kubectl get services -A"

    def test_a_service_that_is_not_in_the_namespace(self, cluster: FakeCluster) -> None:
        cluster.add_service("demo", "others", [HTTP])

        told = self.refusal(namespace="models")

        assert told == "there is no Service 'demo' in namespace 'models'; see: kubectl get services -A"

    def test_a_service_in_two_namespaces(self, cluster: FakeCluster) -> None:
        for namespace in ("blue", "green"):
            cluster.add_service("demo", namespace, [HTTP])

        assert self.refusal() == "there is a Service 'demo' in blue, green; choose one with --namespace"

    def test_a_service_without_a_ready_pod(self, cluster: FakeCluster) -> None:
        cluster.add_service("demo", "models", [HTTP])
        cluster.add_pod("demo-0", "models", ready=False)

        assert self.refusal() == "Service 'demo' has no ready pod; its pods: demo-0 (Pending)"

    def test_a_service_with_other_ports(self, cluster: FakeCluster) -> None:
        cluster.add_service("demo", "models", [{"name": "grpc", "port": 9000}, {"name": "metrics", "port": 8082}])

        assert self.refusal() == "Service 'demo' has no port http; it has grpc (9000), metrics (8082)"

    def test_whoever_may_not_forward_ports(self, cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
        cluster.add_service("demo", "models", [HTTP])
        cluster.add_pod("demo-0", "models")
        cluster.refuses_forwarding = True

        with pytest.raises(ToolError) as raised, ClusterService(name="demo").reach(["http"], 8080) as address:
            http.request("POST", f"http://{address}/", timeout=60)

        assert str(raised.value).startswith("port 8080 of pod 'demo-0' cannot be forwarded: Handshake status 403")
        assert str(raised.value).endswith("; you need the right to create 'pods/portforward'")
        assert "Exception occurred" not in capfd.readouterr().err  # as socketserver begins its traceback

    def test_no_kubeconfig(self, kubeconfig: Path) -> None:
        assert self.refusal().startswith("the kubeconfig cannot be used: ")

    @pytest.mark.parametrize("content", ["", "a: [", "- a", "clusters: 1", "\0"])
    def test_a_file_that_is_no_kubeconfig(self, content: str, kubeconfig: Path) -> None:
        kubeconfig.write_text(content, encoding="utf-8")

        told = self.refusal()

        assert told.startswith("the kubeconfig cannot be used: ")
        assert "\n" not in told
        assert self.refusal().endswith("; run: aws eks update-kubeconfig --name CLUSTER")

    def test_a_context_that_the_kubeconfig_has_not(self, cluster: FakeCluster) -> None:
        assert "Expected object with name staging" in self.refusal(context="staging")

    def test_a_cluster_that_does_not_answer(self, kubeconfig: Path) -> None:
        with nobody() as address:
            write_kubeconfig(kubeconfig, address)

            assert self.refusal().startswith("the cluster cannot be reached: ")
