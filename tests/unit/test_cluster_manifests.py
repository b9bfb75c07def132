"""What runs in a cluster before any workload: valid for every version of EKS, and only on the nodes that need it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest

from constructs_lib.eks.bottlerocket import gpu_sharing_settings
from constructs_lib.eks.cluster_autoscaler import cluster_autoscaler, cluster_autoscaler_policy, scale_from_zero_tags
from constructs_lib.eks.kubernetes_versions import RELEASES
from constructs_lib.eks.neuron_device_plugin import neuron_device_plugin, neuron_scheduler
from constructs_lib.eks.node_pools import NodePlace, auto_mode_node_pool, karpenter_node_pool
from constructs_lib.eks.nvidia_device_plugin import nvidia_device_plugin
from constructs_lib.serving.gpu_sharing import GpuSharing
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.taint import Taint

Manifest = dict[str, Any]

CPU = NodeGroup(name="cpu", instance_types=("m7i.large", "m7i.xlarge"), max_size=3)
GPU = NodeGroup(name="gpu", instance_types=("g5.xlarge", "g6.xlarge"), max_size=4, capacity_type="SPOT")
LARGE = NodeGroup(name="large", instance_types=("p5.48xlarge",), max_size=2, taints=(Taint(key="large"),))
SHARED = NodeGroup(name="shared", instance_types=("g4dn.xlarge",), max_size=2, gpu_sharing=GpuSharing(time_slicing=4))
ROCKET = NodeGroup(name="rocket", instance_types=("g5.xlarge",), max_size=2, ami="Bottlerocket")
NEURON = NodeGroup(name="neuron", instance_types=("inf2.24xlarge",), max_size=2)
NEURON_ROCKET = NodeGroup(name="neuron-rocket", instance_types=("trn1.2xlarge",), max_size=2, ami="Bottlerocket")
EVERY = (CPU, GPU, LARGE, SHARED, ROCKET, NEURON, NEURON_ROCKET)
PLACE = NodePlace(subnet_ids=("subnet-1", "subnet-2"), security_group_id="sg-1", identity="nodes")


def of_kind(manifests: Iterable[Manifest], kind: str) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def nodes_of(daemon_set: Manifest) -> list[str]:
    """Give the node groups that a DaemonSet runs on."""
    pod = daemon_set["spec"]["template"]["spec"]
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (expression,) = term["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("inference/node-group", "In")
    return list(expression["values"])


@pytest.mark.parametrize("version", RELEASES)
def test_every_object_keeps_to_the_schema_of_every_version(version: str) -> None:
    objects = [
        *nvidia_device_plugin(EVERY),
        *neuron_device_plugin(EVERY),
        *neuron_scheduler(version),
        *cluster_autoscaler(version, cluster_name="prod", region="eu-west-1"),
    ]

    for manifest in objects:
        assert kubernetes_validate.validate(manifest, version, strict=True) == version
    identities = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(set(identities)) == len(identities)


def test_the_nvidia_plugin_runs_where_there_are_gpus_and_no_plugin_and_nowhere_twice() -> None:
    plugins = of_kind(nvidia_device_plugin(EVERY), "DaemonSet")

    assert {name: nodes_of(plugin) for name, plugin in plugins.items()} == {
        "nvidia-device-plugin": ["gpu", "large"],
        "nvidia-device-plugin-time-slicing-4": ["shared"],
    }
    assert list(nvidia_device_plugin((CPU, ROCKET, NEURON))) == []


def test_a_plugin_tolerates_the_taints_of_its_own_nodes() -> None:
    plugin = of_kind(nvidia_device_plugin(EVERY), "DaemonSet")["nvidia-device-plugin"]

    assert plugin["spec"]["template"]["spec"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
        {"key": "large", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
    ]


def test_images_are_pinned() -> None:
    manifests = [*nvidia_device_plugin(EVERY), *neuron_device_plugin(EVERY), *neuron_scheduler("1.35")]
    pods = [each["spec"]["template"]["spec"] for each in manifests if each["kind"] in ("DaemonSet", "Deployment")]

    assert sorted({container["image"] for pod in pods for container in pod["containers"]}) == [
        "nvcr.io/nvidia/k8s-device-plugin:v0.20.0",
        "public.ecr.aws/neuron/neuron-device-plugin:2.29.16.0",
        "public.ecr.aws/neuron/neuron-scheduler:2.29.16.0",
        "registry.k8s.io/kube-scheduler:v1.35.0",
    ]


def test_a_changed_way_of_sharing_rolls_the_plugin() -> None:
    def plugin(replicas: int) -> Manifest:
        sharing = GpuSharing(time_slicing=replicas)
        group = NodeGroup(name="shared", instance_types=("g5.xlarge",), max_size=2, gpu_sharing=sharing)
        objects = list(nvidia_device_plugin((group,)))
        (config,) = of_kind(objects, "ConfigMap").values()
        assert json.loads(config["data"]["config.json"])["sharing"]["timeSlicing"] == {
            "failRequestsGreaterThanOne": True,
            "resources": [{"name": "nvidia.com/gpu", "replicas": replicas}],
        }
        (found,) = of_kind(objects, "DaemonSet").values()
        return found

    assert plugin(2)["spec"]["template"]["metadata"] != plugin(3)["spec"]["template"]["metadata"]


def test_the_neuron_plugin_runs_on_neuron_nodes_of_either_image_with_the_rights_that_it_needs() -> None:
    objects = list(neuron_device_plugin(EVERY))

    (plugin,) = of_kind(objects, "DaemonSet").values()
    assert nodes_of(plugin) == ["neuron", "neuron-rocket"]
    account = plugin["spec"]["template"]["spec"]["serviceAccountName"]
    (binding,) = of_kind(objects, "ClusterRoleBinding").values()
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]
    assert list(neuron_device_plugin((CPU, GPU))) == []


def test_the_neuron_scheduler_asks_its_extension_at_the_service_that_there_is() -> None:
    objects = list(neuron_scheduler("1.35"))

    config = json.loads(of_kind(objects, "ConfigMap")["neuron-scheduler"]["data"]["config.json"])
    (extender,) = config["extenders"]
    host, _, port = extender["urlPrefix"].removeprefix("http://").partition(":")
    service = of_kind(objects, "Service")[host.split(".")[0]]
    assert service["metadata"]["namespace"] == host.split(".")[1]
    assert [entry["port"] for entry in service["spec"]["ports"]] == [int(port)]
    extension = of_kind(objects, "Deployment")[service["spec"]["selector"]["app.kubernetes.io/name"]]
    assert extension["spec"]["template"]["metadata"]["labels"] == service["spec"]["selector"]
    assert [each["name"] for each in extender["managedResources"]] == [
        "aws.amazon.com/neuron",
        "aws.amazon.com/neuroncore",
    ]
    assert config["profiles"] == [{"schedulerName": "neuron-scheduler"}]


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (CPU, {"ephemeral-storage": "50Gi"}),
        (GPU, {"ephemeral-storage": "200Gi", "nvidia.com/gpu": "1"}),
        (SHARED, {"ephemeral-storage": "200Gi", "nvidia.com/gpu": "4"}),
        (
            NEURON,
            {"ephemeral-storage": "200Gi", "aws.amazon.com/neuron": "6", "aws.amazon.com/neuroncore": "12"},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, NodeGroup) else "",
)
def test_the_autoscaler_knows_what_a_node_would_offer_that_is_not_there_yet(
    group: NodeGroup, expected: dict[str, str]
) -> None:
    prefix = "k8s.io/cluster-autoscaler/node-template/resources/"

    assert scale_from_zero_tags(group) == {prefix + name: value for name, value in expected.items()}


def test_the_autoscaler_may_change_the_groups_of_its_own_cluster_alone() -> None:
    statements = cluster_autoscaler_policy(cluster_name="prod", partition="aws", node_group_arns="arn:groups/*")

    changing = [
        each for each in statements if any("Set" in action or "Terminate" in action for action in each["Action"])
    ]
    assert [each["Condition"] for each in changing] == [{"StringEquals": {"aws:ResourceTag/eks:cluster-name": "prod"}}]


def test_a_node_pool_carries_what_the_group_says() -> None:
    node_class, pool = karpenter_node_pool(GPU, PLACE)

    assert node_class["spec"]["instanceProfile"] == "nodes"
    assert node_class["spec"]["amiSelectorTerms"] == [{"alias": "al2023@latest"}]
    assert node_class["spec"]["metadataOptions"] == {"httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert pool["spec"]["limits"] == {"nvidia.com/gpu": "4"}
    template = pool["spec"]["template"]
    assert template["metadata"]["labels"]["inference/node-group"] == "gpu"
    assert template["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}]
    assert {each["key"]: each["values"] for each in template["spec"]["requirements"]} == {
        "node.kubernetes.io/instance-type": ["g5.xlarge", "g6.xlarge"],
        "kubernetes.io/arch": ["amd64"],
        "karpenter.sh/capacity-type": ["spot"],
    }
    reference = template["spec"]["nodeClassRef"]
    assert reference["kind"] == node_class["kind"]
    assert reference["group"] == node_class["apiVersion"].partition("/")[0]
    assert reference["name"] == node_class["metadata"]["name"]


def test_a_pool_of_cpus_is_limited_to_as_many_cpus_as_its_smallest_nodes_have() -> None:
    _, pool = karpenter_node_pool(CPU, PLACE)

    assert pool["spec"]["limits"] == {"cpu": "6"}
    assert pool["spec"]["disruption"]["consolidationPolicy"] == "WhenEmptyOrUnderutilized"


@pytest.mark.parametrize(
    ("capacity", "types"), [("ON_DEMAND", ["reserved", "on-demand"]), ("CAPACITY_BLOCK", ["reserved"])]
)
def test_a_reservation_is_used_before_anything_else(capacity: Any, types: list[str]) -> None:
    reservation = "cr-0123456789abcdef0"
    group = NodeGroup(
        name="h100",
        instance_types=("p5.48xlarge",),
        max_size=2,
        capacity_type=capacity,
        capacity_reservation_id=reservation,
    )

    node_class, pool = karpenter_node_pool(group, PLACE)

    assert node_class["spec"]["capacityReservationSelectorTerms"] == [{"id": reservation}]
    requirements = {each["key"]: each["values"] for each in pool["spec"]["template"]["spec"]["requirements"]}
    assert requirements["karpenter.sh/capacity-type"] == types


@pytest.mark.parametrize("render", [karpenter_node_pool, auto_mode_node_pool])
def test_a_node_pool_keeps_to_the_zones_of_its_group(render: Callable[..., list[Manifest]]) -> None:
    _, pool = render(replace(GPU, availability_zones=("us-east-1c",)), PLACE)

    assert {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-east-1c"]} in (
        pool["spec"]["template"]["spec"]["requirements"]
    )


def test_auto_mode_has_classes_of_its_own() -> None:
    node_class, pool = auto_mode_node_pool(NEURON, PLACE)

    assert node_class["apiVersion"] == "eks.amazonaws.com/v1"
    assert node_class["spec"] == {
        "role": "nodes",
        "subnetSelectorTerms": [{"id": "subnet-1"}, {"id": "subnet-2"}],
        "securityGroupSelectorTerms": [{"id": "sg-1"}],
        "ephemeralStorage": {"size": "200Gi"},
        "networkPolicy": "DefaultAllow",
    }
    assert pool["spec"]["limits"] == {"aws.amazon.com/neuron": "12"}
    assert pool["spec"]["template"]["spec"]["nodeClassRef"]["group"] == "eks.amazonaws.com"


def test_bottlerocket_shares_gpus_by_its_own_settings() -> None:
    sharing = GpuSharing(time_slicing=2, mig_slices=7)
    group = NodeGroup(
        name="rocket", instance_types=("p4d.24xlarge",), max_size=2, ami="Bottlerocket", gpu_sharing=sharing
    )

    assert gpu_sharing_settings(group) == (
        "[settings.kubelet-device-plugins.nvidia]\n"
        'device-sharing-strategy = "time-slicing"\n'
        'device-partitioning-strategy = "mig"\n'
        "[settings.kubelet-device-plugins.nvidia.time-slicing]\n"
        "replicas = 2\n"
        "rename-by-default = false\n"
        "fail-requests-greater-than-one = true\n"
        "[settings.kubelet-device-plugins.nvidia.mig.profile]\n"
        '"a100.40gb" = "7"\n'
    )
    assert [gpu_sharing_settings(each) for each in EVERY] == [""] * len(EVERY)
