"""Clusters as values: what is refused, and what is warned of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from constructs_lib.eks.add_on import AddOn, add_ons_of_cluster
from constructs_lib.eks.cluster_options import ClusterOptions
from constructs_lib.eks.kubernetes_versions import RELEASES, cluster_autoscaler_version, version_notices
from constructs_lib.eks.network import ClusterVpc
from constructs_lib.serving.gpu_sharing import GpuSharing
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import InvalidValueError

SYSTEM = NodeGroup(name="system", instance_types=("m7i.large",), min_size=1, max_size=3)
GPU = NodeGroup(name="gpu", instance_types=("g5.xlarge",), max_size=4)
SHARED = NodeGroup(name="shared", instance_types=("g5.xlarge",), max_size=4, gpu_sharing=GpuSharing(time_slicing=4))
RESERVED = NodeGroup(
    name="reserved", instance_types=("p5.48xlarge",), max_size=2, capacity_reservation_id="cr-0123456789abcdef0"
)
ZONES = ("us-east-1a", "us-east-1b")
VPC = ClusterVpc(
    vpc_id="vpc-12345678", availability_zones=ZONES, private_subnet_ids=("subnet-12345678", "subnet-12345679")
)
NEEDS_ZONE = (
    "'node_groups.1.availability_zones' {}: a reservation is in one zone, and its nodes start nowhere else; give that of "
    "'cr-0123456789abcdef0', which `aws ec2 describe-capacity-reservations` tells"
)
NEEDS_ZONES = "give the cluster's own 'availability_zones', two or more, with this one among them"
NEEDS_NODE = (
    "ClusterOptions: 'node_groups' have no node for the cluster's own pods (DNS, metrics, scaling): give a group"
)


def problems_of(**options: Any) -> str:
    with pytest.raises(InvalidValueError) as caught:
        ClusterOptions(**{"node_groups": (SYSTEM,), **options})
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"version": "1.29"}, "'version' is '1.29', which EKS no longer has; choose one of 1.36, 1.35, 1.34, 1.33, 1.32"),
        ({"version": "latest"}, "'version' must look like '1.35', got 'latest'; choose one of 1.36, 1.35, 1.34, 1.33, 1.32"),
        ({"name": "a b"}, "'name' must be 1 to 100 letters, digits, '-' and '_', got 'a b'"),
        ({"node_scaling": "karpenter"}, "'node_scaling' must be one of ClusterAutoscaler, Karpenter, AutoMode, Fixed, got 'karpenter'"),
        ({"public_access_cidrs": ("10.0.0.0/8",)}, "'public_access_cidrs.0' is '10.0.0.0/8', a private network: from inside the VPC the API server is always reached; leave it out"),
        ({"public_access_cidrs": ("here",)}, "'public_access_cidrs.0' must be a network such as '203.0.113.0/24', got 'here'"),
        ({"public_access_cidrs": ("198.51.100.7/32",) * 41}, "'public_access_cidrs' must be at most 40 networks, got 41"),
        ({"control_plane_logs": ("kubelet",)}, "'control_plane_logs.0' must be one of api, audit, authenticator, controllerManager, scheduler, got 'kubelet'"),
        ({"secrets_key_arn": "alias/mine"}, "'secrets_key_arn' must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'alias/mine'"),
        ({"admin_arns": ("arn:aws:sts::111111111111:assumed-role/a/b",)}, "'admin_arns.0' must be an IAM role or user such as 'arn:aws:iam::ACCOUNT:role/NAME', got 'arn:aws:sts"),
        (
            {"admin_arns": ("arn:aws:iam::111111111111:role/a",), "viewer_arns": ("arn:aws:iam::111111111111:role/a",)},
            "'admin_arns' have 'arn:aws:iam::111111111111:role/a' twice; give each once",
        ),
        ({"node_groups": (SYSTEM, SYSTEM)}, "'node_groups' have 'system' twice; give each once"),
        ({"add_ons": (AddOn(name="adot"), AddOn(name="adot"))}, "'add_ons' have 'adot' twice; give each once"),
        ({"neuron_scheduler": True}, "'neuron_scheduler' needs a node group with Neuron devices (inf1, inf2, trn1, trn2)"),
        ({"node_scaling": "AutoMode"}, "'node_groups.0.min_size' must be 0 with AutoMode, which has no minimum; leave it out"),
        ({"node_scaling": "AutoMode", "node_groups": (SHARED,)}, "'node_groups.0.gpu_sharing' is not possible with AutoMode, which has its own plugin"),
        (
            {"node_scaling": "AutoMode", "node_groups": (replace(GPU, metadata_hop_limit=2),)},
            "'node_groups.0.metadata_hop_limit' must be 1 with AutoMode, which has no other",
        ),
        (
            {"node_scaling": "AutoMode", "node_groups": (replace(GPU, desired_size=2),)},
            "'node_groups.0.desired_size' is not possible with AutoMode, which starts nodes when pods ask for them; leave it out",
        ),
        (
            {"node_scaling": "Karpenter", "node_groups": (SYSTEM, replace(GPU, desired_size=2))},
            "'node_groups.1.desired_size' is not possible with Karpenter, which starts nodes when pods ask for them; leave it out",
        ),
        (
            {"vpc": VPC, "node_groups": (SYSTEM, replace(RESERVED, instance_types=("p5.48xlarge", "p5e.48xlarge"), availability_zones=("us-east-1a",)))},
            "'node_groups.1.instance_types' must be one: a reservation is of a single instance type, and nodes of another do not start in it",
        ),
        ({"node_scaling": "Karpenter", "node_groups": (SYSTEM, SHARED)}, "'node_groups.1.gpu_sharing' is not possible with Karpenter, which plans with whole GPUs: set 'min_size' to 1 or more, or 'node_scaling' to ClusterAutoscaler"),
    ],
)  # fmt: skip
def test_a_cluster_that_cannot_be_is_refused(options: dict[str, Any], expected: str) -> None:
    assert expected in problems_of(**options)


@pytest.mark.parametrize("scaling", ["ClusterAutoscaler", "Karpenter", "Fixed"])
@pytest.mark.parametrize("groups", [(), (GPU,), (NodeGroup(name="empty", instance_types=("m7i.large",), max_size=3),)])
def test_a_cluster_needs_a_node_for_its_own_pods_unless_eks_runs_the_nodes(
    scaling: str, groups: tuple[NodeGroup, ...]
) -> None:
    assert problems_of(node_scaling=scaling, node_groups=groups).startswith(NEEDS_NODE)


def in_zones(*zones: str, group: NodeGroup = GPU) -> tuple[NodeGroup, ...]:
    return (SYSTEM, replace(group, availability_zones=zones))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"availability_zones": ("us-east-1a",)}, "'availability_zones' must be at least two different ones, which EKS asks for"),
        ({"availability_zones": ("us-east-1a", "b")}, "'availability_zones.1' must be the name of a zone, such as 'us-east-1a', got 'b'"),
        ({"availability_zones": ZONES, "vpc": VPC}, "'availability_zones' are for a VPC that is made, and 'vpc' has its own; leave one of them out"),
        (
            {"vpc": VPC, "node_groups": in_zones("us-east-1a", "us-east-1c")},
            "'node_groups.1.availability_zones.1' is 'us-east-1c', where the cluster has no private subnet; choose from us-east-1a, us-east-1b",
        ),
        (
            {"availability_zones": ZONES, "node_groups": in_zones("us-west-2a"), "node_scaling": "Karpenter"},
            "'node_groups.1.availability_zones.0' is 'us-west-2a', where the cluster has no private subnet; choose from us-east-1a, us-east-1b",
        ),
        (
            {"node_groups": in_zones("us-east-1c")},
            f"'node_groups.1.availability_zones.0' is 'us-east-1c', but the zones of the VPC are seen at deployment only; {NEEDS_ZONES}",
        ),
        ({"vpc": VPC, "node_groups": in_zones(group=RESERVED)}, NEEDS_ZONE.format("are missing")),
        ({"vpc": VPC, "node_groups": in_zones(*ZONES, group=RESERVED)}, NEEDS_ZONE.format("are 2")),
        ({"node_groups": in_zones(group=RESERVED)}, f"{NEEDS_ZONE.format('are missing')}, and {NEEDS_ZONES}"),
    ],
)  # fmt: skip
def test_nodes_in_a_zone_where_none_can_start_are_refused(options: dict[str, Any], expected: str) -> None:
    assert problems_of(**options) == f"ClusterOptions: {expected}"


@pytest.mark.parametrize(
    "options",
    [
        {"vpc": VPC, "node_groups": in_zones("us-east-1b", group=RESERVED)},
        {"availability_zones": ZONES, "node_groups": in_zones("us-east-1b", group=RESERVED)},
        # These look up where the reservation is.
        {"vpc": VPC, "node_scaling": "Karpenter", "node_groups": (SYSTEM, RESERVED)},
        {"node_scaling": "AutoMode", "node_groups": (RESERVED,)},
    ],
)
def test_nodes_of_a_reservation_are_where_it_is(options: dict[str, Any]) -> None:
    assert ClusterOptions(**options).node_groups[-1].name == "reserved"


def test_all_problems_of_a_cluster_are_told_at_once() -> None:
    told = problems_of(version="1.2", name="", admin_arns=("me",)).splitlines()

    assert [line.split("'")[1] for line in told] == ["name", "version", "admin_arns.0"]


def test_example_networks_are_public_to_eks_though_python_takes_them_for_private() -> None:
    assert ClusterOptions(node_groups=(SYSTEM,), public_access_cidrs=("203.0.113.0/24", "0.0.0.0/0"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"vpc_id": "vpc"}, "'vpc_id' must look like 'vpc-0123456789abcdef0', got 'vpc'"),
        ({"private_subnet_ids": ("a", "subnet-12345678")}, "'private_subnet_ids.0' must look like 'subnet-0123456789abcdef0', got 'a'"),
        ({"availability_zones": ("eu-west-1a", "eu-west-1a")}, "'availability_zones' must be at least two different ones, which EKS asks for"),
        ({"availability_zones": ("a", "b", "c")}, "'availability_zones' are 3 for 2 private subnets; give one for each subnet"),
    ],
)  # fmt: skip
def test_a_vpc_that_no_cluster_can_be_in_is_refused(arguments: dict[str, Any], expected: str) -> None:
    right = {
        "vpc_id": "vpc-12345678",
        "availability_zones": ("eu-west-1a", "eu-west-1b"),
        "private_subnet_ids": ("subnet-12345678", "subnet-12345679"),
    }
    assert ClusterVpc(**right)  # type: ignore[arg-type]

    with pytest.raises(InvalidValueError) as caught:
        ClusterVpc(**{**right, **arguments})
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "CoreDNS"}, "AddOn: 'name' must look like 'coredns', got 'CoreDNS'"),
        ({"name": "coredns", "version": "1.11"}, "AddOn: 'version' must look like 'v1.21.1-eksbuild.1', got '1.11'"),
    ],
)
def test_an_add_on_that_eks_refuses_is_refused(arguments: dict[str, str], expected: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        AddOn(**arguments)  # type: ignore[arg-type]

    assert str(caught.value) == expected


def test_an_add_on_of_a_standard_name_stands_in_for_it() -> None:
    mine = AddOn(name="coredns", version="v1.12.1-eksbuild.2")

    found = {add_on.name: add_on for add_on in add_ons_of_cluster((mine,), auto_mode=False)}

    assert found["coredns"] == mine
    assert len(found) == 6
    assert found["aws-mountpoint-s3-csi-driver"].configuration == {"node": {"tolerateAllTaints": True}}
    # Or who may call a workload would be said, and nobody would hold it.
    assert found["vpc-cni"].configuration == {"enableNetworkPolicy": "true"}


def test_the_configuration_of_an_add_on_is_added_to_the_standard_one() -> None:
    mine = (AddOn(name="vpc-cni", configuration={"env": {"WARM_IP_TARGET": "2"}}),)

    found = {add_on.name: add_on.configuration for add_on in add_ons_of_cluster(mine, auto_mode=False)}

    assert found["vpc-cni"] == {"enableNetworkPolicy": "true", "env": {"WARM_IP_TARGET": "2"}}


def test_auto_mode_brings_networking_and_identity_itself() -> None:
    names = [add_on.name for add_on in add_ons_of_cluster((), auto_mode=True)]

    assert names == ["metrics-server", "aws-mountpoint-s3-csi-driver"]


@pytest.mark.parametrize(
    ("version", "ids"),
    [
        ("1.36", []),
        ("1.35", []),
        ("1.34", []),
        ("1.33", ["inference:kubernetes-extended-support"]),
        ("1.32", ["inference:kubernetes-extended-support"]),
        ("1.37", ["inference:kubernetes-version-unknown"]),
    ],
)
def test_versions_in_extended_support_and_unknown_ones_are_warned_of(version: str, ids: list[str]) -> None:
    assert [notice.id for notice in version_notices(version)] == ids


def test_the_warning_says_when_support_ended_and_what_to_do() -> None:
    (notice,) = version_notices("1.33")

    assert notice.message == (
        "standard support of Kubernetes 1.33 ended on 2026-07-29: the cluster costs more per hour, and AWS upgrades it by "
        "itself after 2027-07-29; set the version to 1.35"
    )


def test_each_version_has_the_autoscaler_that_is_made_for_it() -> None:
    assert all(release.cluster_autoscaler.startswith(f"{version}.") for version, release in RELEASES.items())
    assert cluster_autoscaler_version("1.99") == RELEASES["1.36"].cluster_autoscaler
