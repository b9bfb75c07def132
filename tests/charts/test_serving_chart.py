"""What the pods of every chart have, whatever the server: nodes, rollout, security, resources, the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cdk8s
import pytest

from cdk8s_charts.resources import Resources
from cdk8s_charts.service import Ingress, Service
from cdk8s_charts.serving_chart import ServingChart
from cdk8s_charts.workload import Workload
from constructs_lib.serving.models import LargeLanguageModel, TensorFlowModel
from constructs_lib.serving.problems import InvalidValueError
from tests.charts.conftest import ECR, NODE_GROUPS, Json, manifests_of, only, pod_of, server_of, tensorflow


def architectures_of(pod: Json) -> Any:
    if "affinity" not in pod:
        return None
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (there,) = term["matchExpressions"]
    assert (there["key"], there["operator"]) == ("kubernetes.io/arch", "In")
    return there["values"]


def test_pods_go_where_their_node_group_is_and_tolerate_its_taints() -> None:
    pod = pod_of(manifests_of(tensorflow(node_group="gpu")))

    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "inference/node-group", "operator": "In", "values": ["gpu"]}]
    assert pod["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
    ]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in pod["containers"][0]["resources"]["requests"]


def test_pods_without_an_accelerator_still_tolerate_the_taints_of_their_group() -> None:
    pod = pod_of(manifests_of(tensorflow(node_group="gpu", accelerators=0)))

    assert [each["key"] for each in pod["tolerations"]] == ["nvidia.com/gpu"]


@pytest.mark.parametrize(
    ("image", "architectures"),
    [
        (None, ["amd64"]),
        (f"{ECR}/tensorflow-inference-arm64:2.18.0-cpu-py310-ubuntu20.04-ec2", ["arm64"]),
        ("registry.example.com/for-any:1", None),
    ],
)
def test_a_workload_on_any_node_asks_for_the_architecture_of_its_image_alone(
    image: str | None, architectures: list[str] | None
) -> None:
    model = TensorFlowModel(artifact="s3://mybucket/models/", image=image)
    pod = pod_of(manifests_of(tensorflow(model=model)))

    assert architectures_of(pod) == architectures
    assert "tolerations" not in pod


def test_on_nodes_that_are_not_known_any_taint_that_is_named_for_the_accelerator_is_tolerated() -> None:
    chart = ServingChart(cdk8s.App(), "demo", workload=tensorflow(accelerator="gpu"), region="us-east-1")

    assert pod_of(chart.to_json())["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize(
    ("options", "surge", "unavailable"),
    [
        ({"node_group": "gpu"}, 0, 1),
        ({"node_group": "gpu", "rollout": "surge"}, 1, 0),
        ({}, 1, 0),
        ({"rollout": "in-place"}, 0, 1),
    ],
)
def test_a_rollout_needs_no_spare_accelerator(options: dict[str, Any], surge: int, unavailable: int) -> None:
    strategy = only(manifests_of(tensorflow(**options)), "Deployment")["spec"]["strategy"]

    assert strategy["rollingUpdate"] == {"maxSurge": surge, "maxUnavailable": unavailable}


def test_pods_run_with_no_more_rights_than_they_need() -> None:
    manifests = manifests_of(tensorflow())
    pod, server = pod_of(manifests), server_of(manifests)

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {"fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    for container in (server, *pod["initContainers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsGroup": 10001,
            "runAsNonRoot": True,
            "runAsUser": 10001,
        }


def test_a_pod_drains_before_it_ends() -> None:
    pod = pod_of(manifests_of(tensorflow(drain_seconds=20)))

    assert pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["/bin/sh", "-c", "sleep 20"]
    assert pod["terminationGracePeriodSeconds"] == 50
    assert pod["shareProcessNamespace"] is True
    assert "lifecycle" not in server_of(manifests_of(tensorflow(drain_seconds=0)))


@pytest.mark.parametrize(
    ("options", "seconds"),
    [({}, 15), ({"ingress": Ingress()}, 30), ({"service": Service(type="LoadBalancer")}, 150)],
)
def test_a_pod_drains_until_those_who_call_it_know(options: dict[str, Any], seconds: int) -> None:
    assert tensorflow(**options).drain == seconds


def test_a_language_model_has_time_to_end_its_answers() -> None:
    chat = Workload(name="chat", model=LargeLanguageModel(model_id="Qwen/Qwen3-8B"), accelerator="gpu")

    assert replace(chat, ingress=Ingress()).drain == chat.drain == 60
    assert replace(chat, service=Service(type="LoadBalancer")).drain == 150


def test_pods_are_spread_and_drained_one_by_one() -> None:
    manifests = manifests_of(tensorflow(replicas=3))

    spread = [each["topologyKey"] for each in pod_of(manifests)["topologySpreadConstraints"]]
    assert spread == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert only(manifests, "Deployment")["spec"]["replicas"] == 3
    assert only(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_a_change_of_the_configuration_starts_new_pods() -> None:
    def digest(**options: Any) -> str:
        template = only(manifests_of(tensorflow(**options)), "Deployment")["spec"]["template"]
        found: str = template["metadata"]["annotations"]["inference/config"]
        return found

    from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing

    assert digest() == digest(replicas=2)
    assert digest() != digest(server=TensorFlowServing(batching=Batching(max_batch_size=2)))


def test_prometheus_finds_the_metrics_unless_it_should_not() -> None:
    template = only(manifests_of(tensorflow()), "Deployment")["spec"]["template"]["metadata"]
    silent = only(manifests_of(tensorflow(metrics=False)), "Deployment")["spec"]["template"]["metadata"]

    assert (
        template["annotations"].items()
        >= {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "8501",
            "prometheus.io/path": "/monitoring/prometheus/metrics",
        }.items()
    )
    assert not [key for key in silent["annotations"] if key.startswith("prometheus.io/")]


def test_resources_are_as_asked() -> None:
    asked = Resources(
        cpu="2", memory="6Gi", cpu_limit="4", memory_limit="8Gi", shared_memory="1Gi", ephemeral_storage="20Gi"
    )
    manifests = manifests_of(tensorflow(resources=asked, node_group="gpu"))

    assert server_of(manifests)["resources"] == {
        "requests": {"cpu": "2", "memory": "6Gi", "ephemeral-storage": "20Gi"},
        "limits": {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": "1"},
    }
    assert {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}} in pod_of(manifests)[
        "volumes"
    ]


def test_the_model_is_mounted_from_s3_with_the_rights_of_the_pod() -> None:
    manifests = manifests_of(tensorflow(artifact_access="mountpoint", namespace="ml"))
    volume = only(manifests, "PersistentVolume")

    assert "initContainers" not in pod_of(manifests)
    assert volume["metadata"]["name"] == volume["spec"]["csi"]["volumeHandle"] == "ml-demo-model-1a7053f3"
    assert volume["spec"]["mountOptions"] == ["read-only", "allow-other", "prefix models/", "region us-east-1"]
    assert volume["spec"]["csi"]["volumeAttributes"] == {"bucketName": "mybucket", "authenticationSource": "pod"}
    assert only(manifests, "PersistentVolumeClaim")["spec"]["storageClassName"] == ""


def test_another_model_is_another_volume_so_that_pods_start_anew() -> None:
    def mounted(artifact: str) -> tuple[str, str]:
        manifests = manifests_of(tensorflow(model=TensorFlowModel(artifact=artifact), artifact_access="mountpoint"))
        (claim,) = [each["persistentVolumeClaim"] for each in pod_of(manifests)["volumes"] if each["name"] == "model"]
        assert claim["claimName"] == only(manifests, "PersistentVolumeClaim")["metadata"]["name"]
        return claim["claimName"], only(manifests, "PersistentVolume")["metadata"]["name"]

    old, new = mounted("s3://mybucket/one/"), mounted("s3://mybucket/two/")

    assert not set(old) & set(new)


def test_an_account_of_the_users_is_not_made_again() -> None:
    manifests = manifests_of(tensorflow(service_account="readers"))

    assert [each for each in manifests if each["kind"] == "ServiceAccount"] == []
    assert pod_of(manifests)["serviceAccountName"] == "readers"


def test_neighbouring_devices_are_chosen_by_their_scheduler() -> None:
    workload = tensorflow(node_group="inferentia2-large", accelerators=2, scheduler="neuron-scheduler")

    assert pod_of(manifests_of(workload))["schedulerName"] == "neuron-scheduler"


def test_a_chart_that_cannot_run_leaves_nothing_in_the_tree() -> None:
    app = cdk8s.App()
    workload = tensorflow(node_group="cpu", accelerator="gpu", model=TensorFlowModel(artifact="s3://mybucket/a.mar"))

    with pytest.raises(InvalidValueError) as caught:
        ServingChart(app, "demo", workload=workload, node_groups=NODE_GROUPS, region="us-east-1")

    assert str(caught.value).splitlines() == [
        "Workload 'demo': 'node_group' 'cpu' has nodes without GPUs; set 'node_group' to 'gpu' or 'many-gpus'",
        "Workload 'demo': 'model.artifact' 's3://mybucket/a.mar' is a .mar archive, which TensorFlow Serving does not "
        "read; give a prefix of files or a .tar.gz archive",
    ]
    assert list(app.node.children) == []


def test_a_chart_works_without_a_cluster_of_ours() -> None:
    workload = tensorflow(accelerator="gpu", accelerators=2, region="eu-west-1")
    manifests = manifests_of(workload, (), None)

    assert server_of(manifests)["image"].startswith("763104351884.dkr.ecr.eu-west-1.amazonaws.com/")
    assert pod_of(manifests)["tolerations"][0]["key"] == "nvidia.com/gpu"
