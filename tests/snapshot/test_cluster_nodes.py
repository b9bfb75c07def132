"""The nodes of a cluster in templates, and who scales them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Annotations, Match, Template

from constructs_lib.eks.managed_nodes import ManagedNodes
from constructs_lib.serving.gpu_sharing import GpuSharing
from constructs_lib.serving.instances import ec2_instance_type, ec2_instance_types
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.cluster_templates import GPU, POD, SYSTEM, VPC, cluster_of, nested, resources
from tests.snapshot.conftest import FIXED, only


def one_of_each_accelerated_family() -> Iterator[NodeGroup]:
    seen: set[str] = set()
    for name in ec2_instance_types():
        instance = ec2_instance_type(name)
        if instance.accelerator and instance.family not in (*seen, "dl1", "p2"):
            seen.add(instance.family)
            yield NodeGroup(name=instance.family, instance_types=(name,), max_size=1)


def test_every_accelerated_family_gets_an_image_of_its_own_kind(stack: cdk.Stack) -> None:
    groups = tuple(one_of_each_accelerated_family())
    cluster_of(stack, node_groups=(SYSTEM, *groups))

    images = {
        made["Properties"]["Labels"]["inference/node-group"]: made["Properties"]["AmiType"]
        for made in resources(Template.from_stack(stack), "AWS::EKS::Nodegroup").values()
    }
    assert images.pop("system") == "AL2023_x86_64_STANDARD"
    neuron = {"inf1", "inf2", "trn1", "trn1n", "trn2", "trn2u"}
    arm = {"g5g", "p6e-gb200"}
    assert {family for family, image in images.items() if image == "AL2023_x86_64_NEURON"} == neuron
    assert {family for family, image in images.items() if image == "AL2023_ARM_64_NVIDIA"} == arm
    others = {image for family, image in images.items() if family not in neuron | arm}
    assert others == {"AL2023_x86_64_NVIDIA"}
    assert images.keys() >= {"g4dn", "g5", "g6", "g6e", "g7", "g7e", "p4d", "p4de", "p5", "p5en", "p6-b200", "p6-b300"}


def test_nodes_have_an_encrypted_disk_and_keep_their_credentials_from_pods(stack: cdk.Stack) -> None:
    cluster_of(stack, node_groups=(SYSTEM,))

    _, launch = only(Template.from_stack(stack), "AWS::EC2::LaunchTemplate")
    data = launch["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    (disk,) = data["BlockDeviceMappings"]
    assert disk == {
        "DeviceName": "/dev/xvda",
        "Ebs": {"DeleteOnTermination": True, "Encrypted": True, "VolumeSize": 50, "VolumeType": "gp3"},
    }


def test_nodes_have_the_version_of_the_cluster_so_that_an_upgrade_reaches_them(stack: cdk.Stack) -> None:
    cluster_of(stack, version="1.34")

    groups = resources(Template.from_stack(stack), "AWS::EKS::Nodegroup").values()
    assert [each["Properties"]["Version"] for each in groups] == ["1.34", "1.34"]


def test_nodes_of_a_reservation_go_before_new_ones_come(stack: cdk.Stack) -> None:
    reserved = NodeGroup(
        name="reserved",
        instance_types=("p4d.24xlarge",),
        max_size=2,
        capacity_reservation_id="cr-0123456789abcdef0",
        availability_zones=("us-east-1b",),
    )
    cluster_of(stack, node_groups=(SYSTEM, reserved))

    groups = resources(Template.from_stack(stack), "AWS::EKS::Nodegroup").values()
    updates = {
        each["Properties"]["Labels"]["inference/node-group"]: each["Properties"].get("UpdateConfig") for each in groups
    }
    assert updates == {"system": None, "reserved": {"MaxUnavailable": 1, "UpdateStrategy": "MINIMAL"}}


def test_a_capacity_block_is_named_in_the_launch_template_alone(stack: cdk.Stack) -> None:
    block = NodeGroup(
        name="block",
        instance_types=("p5.48xlarge",),
        max_size=2,
        capacity_type="CAPACITY_BLOCK",
        capacity_reservation_id="cr-0123456789abcdef0",
        availability_zones=("us-east-1b",),
    )
    cluster_of(stack, node_groups=(SYSTEM, block))

    template = Template.from_stack(stack)
    data = next(
        made["Properties"]["LaunchTemplateData"]
        for logical_id, made in resources(template, "AWS::EC2::LaunchTemplate").items()
        if "block" in logical_id
    )
    assert data["InstanceMarketOptions"] == {"MarketType": "capacity-block"}
    assert data["InstanceType"] == "p5.48xlarge"
    target = {"CapacityReservationId": "cr-0123456789abcdef0"}
    assert data["CapacityReservationSpecification"] == {"CapacityReservationTarget": target}
    template.has_resource_properties(
        "AWS::EKS::Nodegroup", {"CapacityType": "CAPACITY_BLOCK", "InstanceTypes": Match.absent()}
    )


ROCKET = replace(GPU, ami="Bottlerocket")
RESERVED = replace(GPU, capacity_reservation_id="cr-0123456789abcdef0", availability_zones=("us-east-1a",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (GPU, replace(GPU, volume_gib=500)),
        (replace(GPU, volume_gib=400), replace(GPU, volume_gib=500)),
        (ROCKET, replace(ROCKET, gpu_sharing=GpuSharing(time_slicing=4))),
        (GPU, RESERVED),
    ],
)
def test_another_group_takes_the_place_of_one_that_cloudformation_could_not_update(
    stack: cdk.Stack, before: NodeGroup, after: NodeGroup
) -> None:
    cluster_of(stack, node_groups=(SYSTEM, after))

    template = Template.from_stack(stack)
    for kind in ("AWS::EKS::Nodegroup", "AWS::EC2::LaunchTemplate"):
        ours = ManagedNodes.id_of(after).replace("-", "")
        assert any(logical_id.startswith(f"Cluster{ours}") for logical_id in resources(template, kind))
    assert ManagedNodes.id_of(before) != ManagedNodes.id_of(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (GPU, replace(GPU, max_size=9)),
        (GPU, replace(GPU, metadata_hop_limit=2)),
        (GPU, replace(GPU, gpu_sharing=GpuSharing(time_slicing=4))),
        (RESERVED, replace(RESERVED, capacity_reservation_id="cr-0123456789abcdef1")),
    ],
)
def test_a_group_that_cloudformation_can_update_stays(before: NodeGroup, after: NodeGroup) -> None:
    assert ManagedNodes.id_of(before) == ManagedNodes.id_of(after)


def subnets_of(template: Template, group: str) -> list[Any]:
    """Give the subnets that a managed node group is in."""
    (found,) = [
        made["Properties"]["Subnets"]
        for made in resources(template, "AWS::EKS::Nodegroup").values()
        if made["Properties"]["Labels"]["inference/node-group"] == group
    ]
    return list(found)


def gpu_in(*zones: str) -> tuple[NodeGroup, ...]:
    return (SYSTEM, replace(GPU, availability_zones=zones))


def test_nodes_are_in_the_subnets_of_their_zones(stack: cdk.Stack) -> None:
    cluster_of(stack, node_groups=gpu_in("us-east-1b"))

    template = Template.from_stack(stack)
    assert subnets_of(template, "system") == list(VPC.private_subnet_ids)
    assert subnets_of(template, "gpu") == [VPC.private_subnet_ids[1]]


def test_a_network_is_made_in_the_zones_that_are_asked_for(app: cdk.App) -> None:
    stack = cdk.Stack(app, "AnyEnvironment")
    zones = ("us-east-1a", "us-east-1c", "us-east-1d")
    cluster_of(stack, vpc=None, availability_zones=zones, node_groups=gpu_in("us-east-1c"))

    template = Template.from_stack(stack)
    subnets = resources(template, "AWS::EC2::Subnet")
    assert sorted(made["Properties"]["AvailabilityZone"] for made in subnets.values()) == sorted(zones * 2)
    (subnet,) = subnets_of(template, "gpu")
    properties = subnets[subnet["Ref"]]["Properties"]
    assert (properties["AvailabilityZone"], properties["MapPublicIpOnLaunch"]) == ("us-east-1c", False)


def test_a_zone_of_a_vpc_of_the_cdk_is_found_though_it_is_seen_at_deployment_only(app: cdk.App) -> None:
    stack = cdk.Stack(app, "AnyEnvironment")
    vpc = ec2.Vpc(stack, "Mine", max_azs=2)
    cluster_of(stack, vpc=vpc, node_groups=gpu_in(vpc.availability_zones[1]))

    template = Template.from_stack(stack)
    (subnet,) = subnets_of(template, "gpu")
    properties = resources(template, "AWS::EC2::Subnet")[subnet["Ref"]]["Properties"]
    assert properties["AvailabilityZone"] == {"Fn::Select": [1, {"Fn::GetAZs": ""}]}


def test_a_zone_that_a_vpc_of_the_cdk_does_not_have_is_refused(app: cdk.App) -> None:
    anywhere, there = cdk.Stack(app, "AnyEnvironment"), cdk.Stack(app, "There", env=FIXED)
    with pytest.raises(InvalidValueError) as unknown:
        cluster_of(anywhere, vpc=ec2.Vpc(anywhere, "Mine", max_azs=2), node_groups=gpu_in("us-east-1a"))
    mine = ec2.Vpc(there, "Mine", availability_zones=["us-east-1a", "us-east-1b"])
    with pytest.raises(InvalidValueError) as missing:
        cluster_of(there, vpc=mine, node_groups=gpu_in("us-east-1c"))
    reserved = replace(GPU, capacity_reservation_id="cr-0123456789abcdef0")
    with pytest.raises(InvalidValueError) as unsaid:
        cluster_of(there, vpc=mine, node_groups=(SYSTEM, reserved))
    with pytest.raises(InvalidValueError) as twice:
        cluster_of(there, vpc=mine, availability_zones=("us-east-1a", "us-east-1b"))

    where = "ClusterOptions: 'node_groups.1.availability_zones.0'"
    assert str(unknown.value) == (
        f"{where} is 'us-east-1a', but the zones of the VPC are seen at deployment only; give one as the VPC has it"
    )
    assert str(missing.value) == (
        f"{where} is 'us-east-1c', where the cluster has no private subnet; choose from us-east-1a, us-east-1b"
    )
    # A VPC that is given is not asked for zones of its own.
    assert str(unsaid.value).endswith("which `aws ec2 describe-capacity-reservations` tells")
    assert str(twice.value) == (
        "ClusterOptions: 'availability_zones' are for a VPC that is made, and 'vpc' has its own; leave one of them out"
    )


def test_a_vpc_is_looked_up_before_its_zones_are_held_against_those_of_nodes(app: cdk.App, stack: cdk.Stack) -> None:
    cluster_of(stack, vpc=ec2.Vpc.from_lookup(stack, "Found", vpc_id=VPC.vpc_id), node_groups=gpu_in("us-east-1c"))
    app.synth()

    (missing,) = json.loads((Path(app.outdir) / "manifest.json").read_text())["missing"]
    assert missing["provider"] == "vpc-provider"


def test_karpenter_has_a_queue_of_interruptions_and_its_pools_come_after_it(app: cdk.App, stack: cdk.Stack) -> None:
    cluster_of(stack, node_scaling="Karpenter")

    template = Template.from_stack(stack)
    releases = resources(template, "Custom::AWSCDK-EKS-HelmChart")
    (definitions,) = [name for name, each in releases.items() if each["Properties"]["Release"] == "karpenter-crd"]
    ((name, release),) = [each for each in releases.items() if each[0] != definitions]
    # Helm leaves the definitions of a chart as they are: so they come by their own, in the controller's version.
    assert releases[definitions]["Properties"]["Version"] == release["Properties"]["Version"]
    assert releases[definitions]["Properties"]["Repository"] == "oci://public.ecr.aws/karpenter/karpenter-crd"
    assert release["Properties"]["SkipCrds"] is True
    assert definitions in release["DependsOn"]
    values = json.dumps(release["Properties"]["Values"])
    queue, _ = only(template, "AWS::SQS::Queue")
    assert queue in values
    assert release["Properties"]["Version"] == "1.15.0"
    rules = resources(template, "AWS::Events::Rule").values()
    assert sorted(rule["Properties"]["EventPattern"]["detail-type"][0] for rule in rules) == [
        "AWS Health Event",
        "EC2 Capacity Reservation Instance Interruption Warning",
        "EC2 Instance Rebalance Recommendation",
        "EC2 Instance State-change Notification",
        "EC2 Spot Instance Interruption Warning",
    ]
    stacks = resources(template, "AWS::CloudFormation::Stack")
    assert name in next(made for logical_id, made in stacks.items() if "NodePools" in logical_id)["DependsOn"]
    kinds = [
        json.dumps(each["Properties"]["Manifest"])
        for each in nested(Path(app.outdir), "NodePools")["Resources"].values()
    ]
    assert ["EC2NodeClass" in kinds[0], "NodePool" in kinds[1]] == [True, True]
    # The group that always has a node stays a managed one.
    assert len(resources(template, "AWS::EKS::Nodegroup")) == 1


def test_in_auto_mode_eks_runs_the_nodes_and_brings_the_plugins(app: cdk.App, stack: cdk.Stack) -> None:
    cluster_of(stack, node_scaling="AutoMode", node_groups=(GPU,))

    template = Template.from_stack(stack)
    _, made = only(template, "AWS::EKS::Cluster")
    assert made["Properties"]["ComputeConfig"]["Enabled"] is True
    assert made["Properties"]["ComputeConfig"]["NodePools"] == ["system", "general-purpose"]
    assert resources(template, "AWS::EKS::Nodegroup") == {}
    (networking,) = nested(Path(app.outdir), "System")["Resources"].values()
    assert json.loads(networking["Properties"]["Manifest"])[0]["data"] == {"enable-network-policy-controller": "true"}
    assert len(resources(template, "AWS::CloudFormation::Stack")) == 2
    assert "eks.amazonaws.com/v1" in json.dumps(nested(Path(app.outdir), "NodePools"))


def test_nobody_scales_a_cluster_of_fixed_size(stack: cdk.Stack) -> None:
    cluster_of(stack, node_scaling="Fixed", node_groups=(SYSTEM,))

    template = Template.from_stack(stack)
    assert resources(template, POD) == {}
    assert resources(template, "AWS::CloudFormation::Stack") == {}


def test_nodes_with_inferentia_of_the_first_generation_are_warned_of(stack: cdk.Stack) -> None:
    old = NodeGroup(name="old", instance_types=("inf1.xlarge",), max_size=2)
    cluster_of(stack, node_groups=(SYSTEM, old))

    (warning,) = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert str(warning.entry.data).startswith("node group 'old' is Inferentia of the first generation")
    assert str(warning.entry.data).endswith("[ack: inference:inf1-retired]")
