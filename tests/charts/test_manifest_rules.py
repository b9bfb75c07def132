"""Each rule about manifests can fail: a chart that keeps them all, broken in one place at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cdk8s_charts.autoscaling import KedaTrigger, PodAutoscaling
from cdk8s_charts.service import Ingress
from tests.charts.conftest import GPUS, NODE_GROUPS, Json, manifests_of, only, tensorflow
from tests.charts.manifest_rules import broken_rules

Break = Callable[[list[Json]], Any]


@pytest.fixture(scope="module")
def sound() -> list[Json]:
    """Every kind of object: a workload on GPUs, through Mountpoint, scaled, behind an Ingress."""
    workload = tensorflow(
        node_group="gpu", artifact_access="mountpoint", autoscaling=PodAutoscaling(), ingress=Ingress()
    )
    return manifests_of(workload)


def server(manifests: list[Json]) -> Json:
    found: Json = template(manifests)["containers"][0]
    return found


def template(manifests: list[Json]) -> Json:
    spec: Json = only(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


def set_in(mapping: Json, **values: Any) -> None:
    mapping.update(values)


BROKEN: dict[str, tuple[Break, str]] = {
    "port name": (
        lambda m: set_in(server(m)["ports"][1], name="gRPC"),
        "Deployment/demo: server has a port named 'gRPC'",
    ),
    "long port name": (
        lambda m: set_in(only(m, "Service")["spec"]["ports"][0], name="http-tensorflow-serving"),
        "Service/demo: has a port named 'http-tensorflow-serving'",
    ),
    "port twice": (
        lambda m: set_in(server(m)["ports"][1], containerPort=8501),
        "Deployment/demo: server has two ports with one containerPort",
    ),
    "probe": (
        lambda m: set_in(server(m)["readinessProbe"]["httpGet"], port="rest"),
        "Deployment/demo: server's readinessProbe asks port 'rest', which it does not have",
    ),
    "volume": (
        lambda m: set_in(server(m)["volumeMounts"][0], name="models"),
        "Deployment/demo: server mounts the volume 'models', which is not there",
    ),
    "config map": (
        lambda m: m.remove(only(m, "ConfigMap")),
        "Deployment/demo: mounts ConfigMap/demo-config, which is not there",
    ),
    "claim": (
        lambda m: m.remove(only(m, "PersistentVolumeClaim")),
        "Deployment/demo: mounts PersistentVolumeClaim/demo-model-1a7053f3, which is not there",
    ),
    "volume of the claim": (
        lambda m: set_in(only(m, "PersistentVolume")["spec"]["claimRef"], namespace="other"),
        "PersistentVolumeClaim/demo-model-1a7053f3: claims a volume that is not kept for it",
    ),
    "account": (
        lambda m: set_in(template(m), serviceAccountName="other"),
        "Deployment/demo: runs as ServiceAccount/other, which is not there",
    ),
    "selector": (
        lambda m: set_in(only(m, "Deployment")["spec"]["selector"]["matchLabels"], app="demo"),
        "Deployment/demo: does not select its own pods",
    ),
    "service selector": (
        lambda m: set_in(only(m, "Service")["spec"]["selector"], app="demo"),
        "Service/demo: selects no pods",
    ),
    "service port": (
        lambda m: set_in(only(m, "Service")["spec"]["ports"][0], targetPort=8080),
        "Service/demo: sends to port '8080', which its pods do not have",
    ),
    "service port twice": (
        lambda m: set_in(only(m, "Service")["spec"]["ports"][0], port=8500),
        "Service/demo: has one port twice",
    ),
    "budget": (
        lambda m: set_in(only(m, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"], app="demo"),
        "PodDisruptionBudget/demo: selects no pods",
    ),
    "network policy": (
        lambda m: only(m, "NetworkPolicy")["spec"]["ingress"][0]["ports"].pop(),
        "NetworkPolicy/demo: opens [8501], but its pods listen on [8500, 8501]",
    ),
    "autoscaler target": (
        lambda m: set_in(only(m, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"], name="other"),
        "HorizontalPodAutoscaler/demo: scales Deployment/other, which is not there",
    ),
    "replicas": (
        lambda m: set_in(only(m, "Deployment")["spec"], replicas=1),
        "Deployment/demo: says its replicas, which its autoscaler does",
    ),
    "request of what is followed": (
        lambda m: server(m)["resources"]["requests"].pop("cpu"),
        "HorizontalPodAutoscaler/demo: follows cpu, which 'server' does not request",
    ),
    "toleration": (
        lambda m: template(m).pop("tolerations"),
        "Deployment/demo: does not tolerate 'nvidia.com/gpu=true:NoSchedule' of the node group 'gpu'",
    ),
    "accelerators": (
        lambda m: set_in(server(m)["resources"]["limits"], **{"nvidia.com/gpu": "2"}),
        "Deployment/demo: asks for more nvidia.com/gpu (2) than a node of 'gpu' has (1)",
    ),
    "memory of a node": (
        lambda m: server(m)["resources"].update(requests={"cpu": "1", "memory": "16Gi"}, limits={"memory": "16Gi"}),
        "Deployment/demo: asks for more memory (16384) than a node of 'gpu' has (13590)",
    ),
    "limit": (
        lambda m: set_in(server(m)["resources"]["limits"], memory="1Gi"),
        "Deployment/demo: server has a limit of memory below its request",
    ),
    "extended request": (
        lambda m: set_in(server(m)["resources"]["requests"], **{"nvidia.com/gpu": "2"}),
        "Deployment/demo: server requests nvidia.com/gpu without the same limit",
    ),
    "deadline": (
        lambda m: set_in(only(m, "Deployment")["spec"], progressDeadlineSeconds=600),
        "Deployment/demo: is given up before its pods may have started",
    ),
    "grace": (
        lambda m: set_in(template(m), terminationGracePeriodSeconds=15),
        "Deployment/demo: is killed while it drains",
    ),
    "rollout": (
        lambda m: set_in(only(m, "Deployment")["spec"]["strategy"]["rollingUpdate"], maxUnavailable=0),
        "Deployment/demo: can never be updated",
    ),
    "ingress": (
        lambda m: set_in(
            only(m, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"], name="other"
        ),
        "Ingress/demo: sends to Service/other port 'http', which is not there",
    ),
    "namespace": (
        lambda m: only(m, "Deployment")["metadata"].pop("namespace"),
        "Deployment/demo: must have a namespace, unless it is the cluster's",
    ),
}


def test_a_sound_chart_keeps_all_rules(sound: list[Json]) -> None:
    assert broken_rules(sound, NODE_GROUPS) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_manifest_breaks_its_rule(name: str, sound: list[Json]) -> None:
    manifests = copy.deepcopy(sound)
    change, expected = BROKEN[name]

    change(manifests)

    assert expected in broken_rules(manifests, NODE_GROUPS)


def test_a_node_group_has_to_be_there(sound: list[Json]) -> None:
    assert broken_rules(sound, [group for group in NODE_GROUPS if group is not GPUS]) == [
        "Deployment/demo: asks for the node group 'gpu', which is not there"
    ]


def test_shared_memory_is_part_of_the_memory(sound: list[Json]) -> None:
    manifests = copy.deepcopy(sound)
    template(manifests)["volumes"].append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "4Gi"}})
    server(manifests)["volumeMounts"].append({"name": "shm", "mountPath": "/dev/shm"})

    assert broken_rules(manifests, NODE_GROUPS) == [
        "Deployment/demo: server has more shared memory (4Gi) than memory (4Gi)"
    ]


def test_a_volume_is_at_one_place_in_all_containers() -> None:
    manifests = manifests_of(tensorflow())
    template(manifests)["initContainers"][0]["volumeMounts"][0]["mountPath"] = "/models"

    assert broken_rules(manifests, NODE_GROUPS) == [
        "Deployment/demo: mounts the volume 'model' at /models and at /models/demo"
    ]


def test_a_scaled_object_is_held_to_its_target() -> None:
    trigger = KedaTrigger(type="cron", metadata={"timezone": "UTC"})
    manifests = manifests_of(tensorflow(autoscaling=PodAutoscaling(engine="keda", min=0, triggers=(trigger,))))
    assert broken_rules(manifests, NODE_GROUPS) == []

    only(manifests, "ScaledObject")["spec"]["scaleTargetRef"]["name"] = "other"
    assert broken_rules(manifests, NODE_GROUPS) == ["ScaledObject/demo: scales Deployment/other, which is not there"]
