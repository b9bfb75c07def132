"""The nodes of a cluster in templates, and who scales them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
from aws_cdk.assertions import Annotations, Match, Template

from constructs_lib.serving.instances import ec2_instance_type, ec2_instance_types
from constructs_lib.serving.node_group import NodeGroup
from tests.snapshot.cluster_templates import GPU, POD, SYSTEM, cluster_of, nested, resources
from tests.snapshot.conftest import only


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


def test_karpenter_has_a_queue_of_interruptions_and_its_pools_come_after_it(app: cdk.App, stack: cdk.Stack) -> None:
    cluster_of(stack, node_scaling="Karpenter")

    template = Template.from_stack(stack)
    name, release = only(template, "Custom::AWSCDK-EKS-HelmChart")
    values = json.dumps(release["Properties"]["Values"])
    queue, _ = only(template, "AWS::SQS::Queue")
    assert queue in values
    assert release["Properties"]["Version"] == "1.15.0"
    assert len(resources(template, "AWS::Events::Rule")) == 4
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
