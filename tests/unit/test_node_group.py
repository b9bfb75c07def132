"""Node groups: everything that follows from what the nodes are, and what no group can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.gpu_sharing import GpuSharing
from constructs_lib.serving.instances import ec2_instance_type, ec2_instance_types
from constructs_lib.serving.node_capacity import node_capacity
from constructs_lib.serving.node_group import NODE_GROUP_LABEL, NodeGroup
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.taint import Taint

ACCELERATED = [name for name in ec2_instance_types() if ec2_instance_type(name).accelerator]
NO_IMAGE = ("dl1.", "p2.")


def group(*instance_types: str, name: str = "nodes", max_size: int = 4, **more: object) -> NodeGroup:
    return NodeGroup(name=name, instance_types=instance_types, max_size=max_size, **more)  # type: ignore[arg-type]


def problems_of(*instance_types: str, **more: object) -> str:
    with pytest.raises(InvalidValueError) as caught:
        group(*instance_types, **more)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name in ACCELERATED if not name.startswith(NO_IMAGE)])
def test_every_accelerated_instance_type_gets_an_image_taint_and_resource_of_its_own_kind(name: str) -> None:
    made = group(name)

    instance = ec2_instance_type(name)
    arm = instance.architecture == "arm64"
    if instance.accelerator and instance.accelerator.kind == "gpu":
        assert made.ami_type == ("AL2023_ARM_64_NVIDIA" if arm else "AL2023_x86_64_NVIDIA")
        assert made.accelerator_resource == "nvidia.com/gpu"
    else:
        assert made.ami_type == "AL2023_x86_64_NEURON"
        assert made.accelerator_resource == "aws.amazon.com/neuron"
    assert made.node_taints == (Taint(key=made.accelerator_resource),)
    assert made.accelerators_per_node == made.accelerators_per_pod >= 1


@pytest.mark.parametrize(
    ("instance_type", "ami", "expected"),
    [
        ("m7i.large", "AL2023", "AL2023_x86_64_STANDARD"),
        ("m7g.large", "AL2023", "AL2023_ARM_64_STANDARD"),
        ("m7i.large", "Bottlerocket", "BOTTLEROCKET_x86_64"),
        ("m7g.large", "Bottlerocket", "BOTTLEROCKET_ARM_64"),
        ("p6-b200.48xlarge", "Bottlerocket", "BOTTLEROCKET_x86_64_NVIDIA"),
        ("g5g.xlarge", "Bottlerocket", "BOTTLEROCKET_ARM_64_NVIDIA"),
        ("trn2.48xlarge", "Bottlerocket", "BOTTLEROCKET_x86_64"),
    ],
)
def test_the_image_follows_architecture_accelerator_and_family(instance_type: str, ami: str, expected: str) -> None:
    assert group(instance_type, ami=ami).ami_type == expected


def test_only_bottlerocket_for_gpus_brings_its_device_plugin() -> None:
    brings = {
        (instance_type, ami): group(instance_type, ami=ami).brings_device_plugin
        for instance_type in ("g5.xlarge", "inf2.xlarge", "m7i.large")
        for ami in ("AL2023", "Bottlerocket")
    }

    assert [which for which, yes in brings.items() if yes] == [("g5.xlarge", "Bottlerocket")]


def test_nodes_without_accelerators_have_no_taint_and_a_smaller_disk() -> None:
    cpu, gpu = group("m7i.large"), group("g5.xlarge")

    assert cpu.node_taints == ()
    assert (cpu.volume_size_gib, gpu.volume_size_gib) == (50, 200)
    assert (cpu.volume_device, group("m7i.large", ami="Bottlerocket").volume_device) == ("/dev/xvda", "/dev/xvdb")
    assert cpu.accelerators_per_node == cpu.accelerators_per_pod == 0
    assert cpu.node_labels == {NODE_GROUP_LABEL: "nodes"}


def test_taints_and_labels_of_the_caller_are_kept_and_the_groups_own_label_wins() -> None:
    made = group("g5.xlarge", taints=(Taint(key="team", value="ranking"),), labels={"team": "ranking"})

    assert [str(taint) for taint in made.node_taints] == ["team=ranking:NoSchedule"]
    assert made.node_labels == {
        "nvidia.com/gpu.present": "true",
        "k8s.amazonaws.com/accelerator": "nvidia-gpu",
        "team": "ranking",
        NODE_GROUP_LABEL: "nodes",
    }
    assert group("g5.xlarge", taints=()).node_taints == ()


def test_only_gpu_nodes_tell_the_autoscaler_to_wait_for_gpus() -> None:
    labelled = {
        name: "k8s.amazonaws.com/accelerator" in group(name).node_labels for name in ("g5.xlarge", "inf2.xlarge")
    }

    assert labelled == {"g5.xlarge": True, "inf2.xlarge": False}


@pytest.mark.parametrize(
    "zone", ["us-east-1a", "us-gov-west-1b", "eusc-de-east-1a", "us-isob-east-1c", "us-west-2-lax-1a"]
)
def test_zones_of_every_partition_and_local_zones_are_taken(zone: str) -> None:
    assert group("m7i.large", availability_zones=(zone, "${Token[AZ.1]}")).availability_zones[0] == zone


def test_shared_gpus_count_as_often_as_they_are_shared_and_a_pod_gets_one_turn() -> None:
    sliced = group("p5.48xlarge", ami="Bottlerocket", gpu_sharing=GpuSharing(mig_slices=7))
    turns = group("g5.12xlarge", gpu_sharing=GpuSharing(time_slicing=4))
    both = group("p5.48xlarge", ami="Bottlerocket", gpu_sharing=GpuSharing(mig_slices=2, time_slicing=3))

    assert (sliced.accelerators_per_node, sliced.accelerators_per_pod) == (56, 56)
    assert (turns.accelerators_per_node, turns.accelerators_per_pod) == (16, 1)
    assert (both.accelerators_per_node, both.accelerators_per_pod) == (48, 1)
    assert both.capacity is not None
    assert both.capacity.accelerators == 48


def test_the_capacity_of_a_group_is_that_of_its_smallest_node() -> None:
    capacity = group("g5.xlarge", "g5.4xlarge").capacity

    assert capacity is not None
    # 4 vCPUs less 6 %, 1 % and twice 0.5 % of one; 16 GiB less 7.5 %, 255 + 100 MiB and 11 MiB for each of 110 pods.
    assert (capacity.cpu_millis, capacity.memory_mib) == (3920, 13590)


@given(st.sampled_from(ec2_instance_types()))
def test_a_node_always_offers_less_than_its_instance_has(name: str) -> None:
    instance = ec2_instance_type(name)
    capacity = node_capacity(instance)

    assert capacity is not None
    assert instance.vcpus is not None
    assert instance.memory_gib is not None
    assert 0 < capacity.cpu_millis < instance.vcpus * 1000
    assert 0 <= capacity.memory_mib < instance.memory_gib * 1024


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((("g5.xlrge",), {}), "'instance_types.0' 'g5.xlrge' is not an EC2 instance type; did you mean 'g5.xlarge', "),
        ((("ml.g5.xlarge",), {}), "'instance_types.0' 'ml.g5.xlarge' is SageMaker's name; did you mean 'g5.xlarge'?"),
        (((), {}), "'instance_types' must be 1 to 20 instance types, got 0"),
        ((("m7i.large", "m7i.large"), {}), "'instance_types.1' is 'm7i.large' again; give each once"),
        (
            (("g5.xlarge", "g5g.xlarge"), {}),
            "'instance_types' mix arm64 ('g5g.xlarge') and x86_64 ('g5.xlarge'); nodes of one group run one image: make a group for each",
        ),
        (
            (("g5.xlarge", "g5.12xlarge"), {}),
            "'instance_types' mix 1 NVIDIA GPU ('g5.xlarge') and 4 NVIDIA GPU ('g5.12xlarge'); the autoscaler takes",
        ),
        (
            (("inf1.xlarge", "inf2.xlarge"), {}),
            "'instance_types' mix 1 Inferentia of the first generation ('inf1.xlarge') and 1 Neuron ('inf2.xlarge'); ",
        ),
        ((("dl1.24xlarge",), {}), "'dl1.24xlarge' has Gaudi accelerators, for which EKS has no image; use a GPU or a"),
        ((("p2.xlarge",), {}), "'p2.xlarge': NVIDIA's driver in today's EKS images does not know the K80 any more;"),
        (
            (("g7.2xlarge",), {"ami": "Bottlerocket"}),
            "'instance_types.0' 'g7.2xlarge' does not start with Bottlerocket, which has no driver for it; use the ami AL2023",
        ),
        ((("m7i.large",), {"name": "My_Nodes"}), "'name' is 'My_Nodes' (8 characters), but Kubernetes (DNS-1123) allows 1 to 40 lower-case letters, digits and hyphens, with no hyphen at either end; for example 'my-nodes'"),
        ((("m7i.large",), {"min_size": 5}), "'min_size' is 5, more than 'max_size' (4); swap or raise it"),
        ((("m7i.large",), {"max_size": 0}), "'max_size' must be 1 to 450 nodes, got 0"),
        ((("m7i.large",), {"desired_size": 9}), "'desired_size' must be 0 to 4, got 9"),
        ((("m7i.large",), {"capacity_type": "spot"}), "'capacity_type' must be one of ON_DEMAND, SPOT, CAPACITY_BLOCK, got 'spot'"),
        ((("m7i.large",), {"ami": "AL2"}), "'ami' must be one of AL2023, Bottlerocket, got 'AL2'"),
        ((("m7i.large",), {"volume_gib": 8}), "'volume_gib' must be 20 to 65536 GiB, got 8"),
        ((("m7i.large",), {"metadata_hop_limit": 3}), "'metadata_hop_limit' must be 1 to 2 hops, got 3"),
        ((("m7i.large",), {"labels": {"a b": "c"}}), "'labels.a b' 'a b' is no key: Kubernetes allows 1 to 63 letters"),
        ((("m7i.large",), {"labels": {"a": "no spaces"}}), "'labels.a' 'no spaces' is no value: Kubernetes allows at most 63"),
        ((("m7i.large",), {"labels": {"-/a": "b"}}), "'labels.-/a' '-/a' has a prefix that is no DNS name; write it like 'example.com/a'"),
        ((("p5.48xlarge",), {"capacity_type": "CAPACITY_BLOCK"}), "'capacity_reservation_id' is required with the capacity type CAPACITY_BLOCK"),
        ((("p5.48xlarge",), {"capacity_reservation_id": "cr-1"}), "'capacity_reservation_id' must look like 'cr-0123456789abcdef0', got 'cr-1'"),
        (
            (("m7i.large",), {"capacity_type": "SPOT", "capacity_reservation_id": "cr-0123456789abcdef0"}),
            "'capacity_reservation_id' reserves on-demand capacity: leave it out, or the capacity type SPOT",
        ),
        (
            (("p5.48xlarge", "p5e.48xlarge"), {"capacity_type": "CAPACITY_BLOCK", "capacity_reservation_id": "cr-0123456789abcdef0"}),
            "'instance_types' must be one: a capacity block is of a single instance type",
        ),
        ((("m7i.large",), {"availability_zones": ("use1-az1",)}), "'availability_zones.0' must be the name of a zone, such as 'us-east-1a', got 'use1-az1'"),
        ((("m7i.large",), {"availability_zones": ("us-east-1a",) * 2}), "'availability_zones.1' is 'us-east-1a' again; give each once"),
        ((("m7i.large",), {"gpu_sharing": GpuSharing(time_slicing=2)}), "'gpu_sharing' needs GPUs, which 'm7i.large' does not have; leave it out"),
        (
            (("g5.xlarge",), {"ami": "Bottlerocket", "gpu_sharing": GpuSharing(mig_slices=2)}),
            "'gpu_sharing.mig_slices' needs one of A100, H100, H200, got 'g5.xlarge' (A10G)",
        ),
        (
            (("p5.48xlarge",), {"gpu_sharing": GpuSharing(mig_slices=2)}),
            "'gpu_sharing.mig_slices' needs the ami Bottlerocket, which cuts the GPUs at boot; AL2023 does not",
        ),
    ],
)  # fmt: skip
def test_a_group_that_cannot_be_is_refused(arguments: tuple[tuple[str, ...], dict[str, object]], expected: str) -> None:
    types, more = arguments

    assert expected in problems_of(*types, **more)


@pytest.mark.parametrize(
    ("types", "capacity_type"), [(["p5.48xlarge"], "CAPACITY_BLOCK"), (["m7i.large", "m7a.large"], "ON_DEMAND")]
)
def test_a_reservation_is_for_one_type_of_a_block_and_for_any_on_demand(types: list[str], capacity_type: str) -> None:
    reserved = group(*types, capacity_type=capacity_type, capacity_reservation_id="cr-0123456789abcdef0")

    assert reserved.capacity_reservation_id == "cr-0123456789abcdef0"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "GpuSharing: shares nothing: give 'time_slicing' or 'mig_slices', or leave it out"),
        ({"time_slicing": 1}, "GpuSharing: 'time_slicing' must be 2 to 48 pods, got 1"),
        ({"mig_slices": 5}, "GpuSharing: 'mig_slices' must be one of 2, 3, 4, 7, got 5"),
    ],
)
def test_sharing_that_cannot_be_is_refused(arguments: dict[str, int], expected: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        GpuSharing(**arguments)

    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"key": ""}, "Taint: 'key' '' is no key: Kubernetes allows 1 to 63 letters, digits, '-', '_' and '.', "),
        ({"key": "a", "value": "b c"}, "Taint: 'value' 'b c' is no value: Kubernetes allows at most 63 letters, "),
        ({"key": "a", "effect": "No"}, "Taint: 'effect' must be one of NoSchedule, PreferNoSchedule, NoExecute, got 'No'"),
    ],
)  # fmt: skip
def test_a_taint_that_kubernetes_refuses_is_refused(arguments: dict[str, str], expected: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Taint(**arguments)  # type: ignore[arg-type]

    assert expected in str(caught.value)
