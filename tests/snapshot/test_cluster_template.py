"""The cluster in templates: its access, its network, its order and its versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match, Template
from syrupy.assertion import SnapshotAssertion

from constructs_lib.eks import AddOn, ExistingCluster
from constructs_lib.serving.problems import InvalidValueError
from stacks.cluster_stack import ClusterStack
from stacks.settings import load_settings
from tests.snapshot.cluster_templates import CONFIG, GPU, NAMESPACE, POD, VPC, cluster_of, resources
from tests.snapshot.conftest import FIXED, ROOT, new_app, only
from tests.snapshot.masked_json import WithoutDigests

EXAMPLES = ROOT / "examples" / "eks-cluster"


def test_the_examples_template_is_as_it_was(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    settings = load_settings(EXAMPLES / "inference.yaml")
    stack = ClusterStack(new_app(tmp_path), "ClusterStack", settings=settings, env=FIXED)

    assert Template.from_stack(stack).to_json() == snapshot(extension_class=WithoutDigests)


def test_aws_is_asked_nothing_at_synth(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    ClusterStack(app, "ClusterStack", settings=load_settings(EXAMPLES / "inference.yaml"), env=FIXED)
    app.synth()

    assert "missing" not in json.loads((tmp_path / "manifest.json").read_text())


def test_the_pods_of_a_workload_start_when_they_may_read_their_model(tmp_path: Path) -> None:
    settings = load_settings(EXAMPLES / "inference.yaml")
    template = Template.from_stack(ClusterStack(new_app(tmp_path), "ClusterStack", settings=settings, env=FIXED))

    (identity,) = [
        name
        for name, each in resources(template, POD).items()
        if each["Properties"]["ServiceAccount"] == "half-plus-two"
    ]
    stacks = resources(template, "AWS::CloudFormation::Stack")
    assert identity in next(made for name, made in stacks.items() if "halfplustwo" in name)["DependsOn"]


def test_a_workload_waits_for_the_one_that_makes_its_namespace(tmp_path: Path) -> None:
    settings = load_settings(ROOT / "examples" / "eks-tensorflow-serving" / "inference.yaml")
    template = Template.from_stack(ClusterStack(new_app(tmp_path), "WorkloadStack", settings=settings, env=FIXED))

    stacks = resources(template, "AWS::CloudFormation::Stack")
    maker = next(name for name in stacks if "tfinference" in name)
    other = next(name for name in stacks if "halfplustwo" in name)
    assert maker in stacks[other]["DependsOn"]
    assert other not in stacks[maker]["DependsOn"]


def test_by_default_the_api_is_private_all_logs_are_on_and_nobody_is_an_administrator(stack: cdk.Stack) -> None:
    cluster_of(stack)

    _, made = only(Template.from_stack(stack), "AWS::EKS::Cluster")
    network, access = made["Properties"]["ResourcesVpcConfig"], made["Properties"]["AccessConfig"]
    assert (network["EndpointPrivateAccess"], network["EndpointPublicAccess"]) == (True, False)
    assert network["SubnetIds"] == list(VPC.private_subnet_ids)
    assert access == {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}
    logs = made["Properties"]["Logging"]["ClusterLogging"]["EnabledTypes"]
    assert {log["Type"] for log in logs} == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    assert "EncryptionConfig" not in made["Properties"]
    assert made["Properties"]["Version"] == "1.35"


def test_access_networks_logs_and_key_are_as_asked_for(stack: cdk.Stack) -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/0f1e2d3c"
    cluster_of(
        stack,
        name="prod",
        public_access_cidrs=("203.0.113.0/24",),
        control_plane_logs=("audit",),
        secrets_key_arn=key,
        admin_arns=("arn:aws:iam::111111111111:role/teams/Admin",),
        viewer_arns=("arn:aws:iam::111111111111:user/jo",),
        add_ons=(AddOn(name="amazon-cloudwatch-observability", version="v4.0.0-eksbuild.1", configuration={"a": 1}),),
    )

    template = Template.from_stack(stack)
    _, made = only(template, "AWS::EKS::Cluster")
    assert made["Properties"]["Name"] == "prod"
    assert made["Properties"]["ResourcesVpcConfig"]["PublicAccessCidrs"] == ["203.0.113.0/24"]
    assert made["Properties"]["EncryptionConfig"] == [{"Provider": {"KeyArn": key}, "Resources": ["secrets"]}]
    assert made["Properties"]["Logging"] == {"ClusterLogging": {"EnabledTypes": [{"Type": "audit"}]}}
    policies = {
        entry["Properties"]["PrincipalArn"]: json.dumps(entry["Properties"]["AccessPolicies"][0]["PolicyArn"])
        for entry in resources(template, "AWS::EKS::AccessEntry").values()
        if isinstance(entry["Properties"]["PrincipalArn"], str)
    }
    assert "AmazonEKSClusterAdminPolicy" in policies["arn:aws:iam::111111111111:role/teams/Admin"]
    assert "AmazonEKSViewPolicy" in policies["arn:aws:iam::111111111111:user/jo"]
    template.has_resource_properties(
        "AWS::EKS::Addon",
        {
            "AddonName": "amazon-cloudwatch-observability",
            "AddonVersion": "v4.0.0-eksbuild.1",
            "ConfigurationValues": '{"a": 1}',
        },
    )


def test_the_cluster_may_use_its_key_before_it_is_made(stack: cdk.Stack) -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/0f1e2d3c"
    cluster_of(stack, secrets_key_arn=key)

    template = Template.from_stack(stack)
    role = template.to_json()["Resources"][
        only(template, "AWS::EKS::Cluster")[1]["Properties"]["RoleArn"]["Fn::GetAtt"][0]
    ]
    (statement,) = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert (statement["Resource"], "kms:Encrypt" in statement["Action"]) == (key, True)


def test_networking_comes_before_nodes_nodes_before_dns_and_all_before_charts(stack: cdk.Stack) -> None:
    cluster_of(stack, admin_arns=("arn:aws:iam::111111111111:role/Admin",)).add_chart("Demo", [NAMESPACE, CONFIG])

    template = Template.from_stack(stack)
    add_ons = {made["Properties"]["AddonName"]: name for name, made in resources(template, "AWS::EKS::Addon").items()}
    before = {add_ons[name] for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")}
    nodes = resources(template, "AWS::EKS::Nodegroup")
    for node_group in nodes.values():
        assert set(node_group["DependsOn"]) == before
    for name in ("coredns", "metrics-server", "aws-mountpoint-s3-csi-driver"):
        assert set(template.to_json()["Resources"][add_ons[name]]["DependsOn"]) == nodes.keys()
    stacks = resources(template, "AWS::CloudFormation::Stack")
    demo = next(made for name, made in stacks.items() if "Demo" in name)
    system, waits = next((name, made["DependsOn"]) for name, made in stacks.items() if "System" in name)
    admin = next(name for name in resources(template, "AWS::EKS::AccessEntry") if "roleAdmin" in name)
    barrier = only(template, "AWS::SSM::Parameter")[0]
    assert set(waits) == {*add_ons.values(), *nodes, admin, barrier, *resources(template, POD)}
    assert set(demo["DependsOn"]) == {system, barrier}


def test_a_cluster_makes_a_network_of_its_own_with_a_way_to_s3(stack: cdk.Stack) -> None:
    cluster_of(stack, vpc=None)

    template = Template.from_stack(stack)
    assert len(resources(template, "AWS::EC2::NatGateway")) == 2
    _, endpoint = only(template, "AWS::EC2::VPCEndpoint")
    assert endpoint["Properties"]["VpcEndpointType"] == "Gateway"
    template.has_resource_properties(
        "AWS::EC2::Subnet",
        {"Tags": Match.array_with([{"Key": "kubernetes.io/role/internal-elb", "Value": "1"}])},
    )


def test_a_version_in_extended_support_is_warned_of_by_its_id(stack: cdk.Stack) -> None:
    cluster_of(stack, version="1.33")

    (warning,) = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    assert str(warning.entry.data).startswith("standard support of Kubernetes 1.33 ended on 2026-07-29")
    assert str(warning.entry.data).endswith("[ack: inference:kubernetes-extended-support]")


def test_a_wrong_cluster_leaves_no_construct_behind(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError, match="'node_groups' have no node for the cluster's own pods"):
        cluster_of(stack, node_groups=(GPU,))

    assert [child.node.id for child in stack.node.children] == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"vpc": "vpc-1"}, "InferenceCluster: 'vpc' must be a construct, got 'vpc-1'; give ec2.Vpc.from_lookup(self, 'Vpc', vpc_id='vpc-1')"),
        ({"availability_zones": "us-east-1a"}, "ClusterOptions: 'availability_zones' must be a list, got 'us-east-1a'; put it into a list: [...]"),
        ({"node_groups": GPU}, "ClusterOptions: 'node_groups' must be a list, got a NodeGroup object; put it into a list: [...]"),
        ({"admin_arns": [1]}, "ClusterOptions: 'admin_arns.0' must be text, got 1; write \"1\""),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_in_one_line(
    stack: cdk.Stack, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        cluster_of(stack, **{"vpc": None, **options})

    assert str(caught.value) == expected


def test_a_network_without_a_way_in_is_refused(stack: cdk.Stack) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ExistingCluster(stack, "Cluster", cluster_name="prod", vpc=VPC)

    assert str(caught.value) == (
        "ExistingCluster: 'security_group_id' is required: give 'vpc' and 'security_group_id' together, or neither"
    )
