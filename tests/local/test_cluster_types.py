"""The CloudFormation types of clusters that local AWS adds: created, changed, refused and removed by plain boto3."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_clients import Aws, client, unique

from local_aws.process import LocalAws

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
PRINCIPAL = "arn:aws:iam::000000000000:role/Someone"
CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "default"},
    "data": {"a": "b"},
}


def role(service: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}


def applied(*manifests: dict[str, Any], **more: str) -> dict[str, Any]:
    properties = {"ServiceToken": "arn", "ClusterName": {"Ref": "Cluster"}, "Manifest": json.dumps(manifests), **more}
    return {"Type": "Custom::AWSCDK-EKS-KubernetesResource", "Properties": properties}


BASE: dict[str, Any] = {
    "Resources": {
        "ClusterRole": role("eks.amazonaws.com"),
        "PodRole": role("pods.eks.amazonaws.com"),
        "Cluster": {
            "Type": "AWS::EKS::Cluster",
            "Properties": {
                "Version": "1.35",
                "RoleArn": {"Fn::GetAtt": ["ClusterRole", "Arn"]},
                "ResourcesVpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"]},
            },
        },
        "AddOn": {
            "Type": "AWS::EKS::Addon",
            "Properties": {
                "ClusterName": {"Ref": "Cluster"},
                "AddonName": "coredns",
                "ConfigurationValues": "{}",
                "ResolveConflicts": "OVERWRITE",
                "Tags": [{"Key": "team", "Value": "ranking"}],
            },
        },
        "Access": {
            "Type": "AWS::EKS::AccessEntry",
            "Properties": {
                "ClusterName": {"Ref": "Cluster"},
                "PrincipalArn": PRINCIPAL,
                "AccessPolicies": [{"PolicyArn": VIEW, "AccessScope": {"Type": "cluster"}}],
            },
        },
        "Identity": {
            "Type": "AWS::EKS::PodIdentityAssociation",
            "Properties": {
                "ClusterName": {"Ref": "Cluster"},
                "Namespace": "default",
                "ServiceAccount": "ranking",
                "RoleArn": {"Fn::GetAtt": ["PodRole", "Arn"]},
            },
        },
        "Objects": applied(CONFIG),
    },
    "Outputs": {
        "Cluster": {"Value": {"Ref": "Cluster"}},
        "AddOn": {"Value": {"Ref": "AddOn"}},
        "AddOnArn": {"Value": {"Fn::GetAtt": ["AddOn", "Arn"]}},
        "Access": {"Value": {"Ref": "Access"}},
        "Identity": {"Value": {"Fn::GetAtt": ["Identity", "AssociationId"]}},
    },
}


@pytest.fixture
def template() -> dict[str, Any]:
    return copy.deepcopy(BASE)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster-types")


@pytest.fixture(scope="module")
def aws(state: Path) -> Iterator[Aws]:
    """Local AWS whose state directory is known."""
    with LocalAws.start(state=state, hosting="fake_hosting") as server:
        yield Aws(server)


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def kept(state: Path, cluster: str) -> list[str]:
    directory = state / "kubernetes" / cluster
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*.json"))


def test_what_a_template_asks_for_is_seen_through_the_api_and_goes_with_the_stack(
    aws: Aws, state: Path, template: dict[str, Any]
) -> None:
    name = unique("cluster")
    found = outputs(aws.put_stack(name, template))

    cluster, eks = found["Cluster"], client(aws.server, "eks")
    assert found["AddOn"] == f"{cluster}|coredns"
    add_on = eks.describe_addon(clusterName=cluster, addonName="coredns")["addon"]
    assert add_on["addonArn"] == found["AddOnArn"]
    assert add_on["tags"]["team"] == "ranking"
    assert found["Access"] == f"{PRINCIPAL}|{cluster}"
    policies = eks.list_associated_access_policies(clusterName=cluster, principalArn=PRINCIPAL)
    assert [policy["policyArn"] for policy in policies["associatedAccessPolicies"]] == [VIEW]
    described = eks.describe_pod_identity_association(clusterName=cluster, associationId=found["Identity"])
    assert described["association"]["serviceAccount"] == "ranking"
    assert kept(state, cluster) == ["default/ConfigMap-settings.json"]

    aws.cloudformation.delete_stack(StackName=name)
    with pytest.raises(aws.cloudformation.exceptions.ClientError, match="does not exist"):
        aws.settled_stack(name)
    assert cluster not in eks.list_clusters()["clusters"]
    assert kept(state, cluster) == []


def test_an_update_changes_policies_configuration_role_and_objects_in_place(
    aws: Aws, state: Path, template: dict[str, Any]
) -> None:
    name = unique("cluster")
    before = outputs(aws.put_stack(name, template))
    changed = template["Resources"]
    changed["AddOn"]["Properties"]["ConfigurationValues"] = '{"replicaCount": 3}'
    changed["Access"]["Properties"]["AccessPolicies"] = [{"PolicyArn": ADMIN, "AccessScope": {"Type": "cluster"}}]
    changed["OtherRole"] = role("pods.eks.amazonaws.com")
    changed["Identity"]["Properties"]["RoleArn"] = {"Fn::GetAtt": ["OtherRole", "Arn"]}
    other = {**CONFIG, "metadata": {**CONFIG["metadata"], "name": "other"}}
    changed["Objects"] = applied(other, PruneLabel="mine")

    stack = aws.put_stack(name, template)

    assert (stack["StackStatus"], outputs(stack)) == ("UPDATE_COMPLETE", before)
    cluster, eks = before["Cluster"], client(aws.server, "eks")
    add_on = eks.describe_addon(clusterName=cluster, addonName="coredns")["addon"]
    assert add_on["configurationValues"] == '{"replicaCount": 3}'
    policies = eks.list_associated_access_policies(clusterName=cluster, principalArn=PRINCIPAL)
    assert [policy["policyArn"] for policy in policies["associatedAccessPolicies"]] == [ADMIN]
    association = eks.describe_pod_identity_association(clusterName=cluster, associationId=before["Identity"])
    assert "OtherRole" in association["association"]["roleArn"]
    assert kept(state, cluster) == ["default/ConfigMap-other.json"]


@pytest.mark.parametrize(
    ("logical_id", "resource", "expected"),
    [
        (
            "Objects",
            applied({**CONFIG, "data": {"a": 1}}),
            "ConfigMap 'settings': data.a: 1 is not of type 'string', 'null' (Kubernetes 1.35)",
        ),
        (
            "More",
            {**applied(CONFIG), "DependsOn": "Objects"},
            'Error from server (AlreadyExists): ConfigMap "settings" already exists',
        ),
        (
            "Again",
            {**BASE["Resources"]["Identity"], "DependsOn": "Identity"},
            "Association already exists for service account ranking in namespace default.",
        ),
        (
            "Identity",
            {
                **BASE["Resources"]["Identity"],
                "Properties": {
                    **BASE["Resources"]["Identity"]["Properties"],
                    "RoleArn": {"Fn::GetAtt": ["ClusterRole", "Arn"]},
                },
            },
            "does not allow pods.eks.amazonaws.com.",
        ),
        (
            "AddOn",
            {
                "Type": "AWS::EKS::Addon",
                "Properties": {"ClusterName": {"Ref": "Cluster"}, "AddonName": "a", "Vers": "1"},
            },
            "Properties validation failed for resource AddOn with message: #: extraneous key [vers] is not permitted",
        ),
        (
            "Access",
            {"Type": "AWS::EKS::AccessEntry", "Properties": {"ClusterName": "nowhere", "PrincipalArn": PRINCIPAL}},
            "No cluster found for name: nowhere.",
        ),
    ],
    ids=["schema", "exists", "identity-twice", "trust", "property", "cluster"],
)
def test_what_eks_refuses_fails_the_stack_with_its_words(
    aws: Aws, template: dict[str, Any], logical_id: str, resource: dict[str, Any], expected: str
) -> None:
    name = unique("cluster")
    template["Resources"][logical_id] = resource
    template.pop("Outputs")

    assert aws.put_stack(name, template)["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")

    assert expected in "\n".join(aws.reasons(name))


def test_a_way_out_of_private_subnets_is_made_and_released(aws: Aws) -> None:
    name = unique("nat")
    gateway = {"SubnetId": "subnet-1", "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]}}
    stack = aws.put_stack(
        name,
        {
            "Resources": {
                "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
                "Gateway": {"Type": "AWS::EC2::NatGateway", "Properties": gateway},
            },
            "Outputs": {"Address": {"Value": {"Ref": "Address"}}, "Gateway": {"Value": {"Ref": "Gateway"}}},
        },
    )
    found = outputs(stack)
    ec2 = client(aws.server, "ec2")

    (made,) = ec2.describe_nat_gateways(NatGatewayIds=[found["Gateway"]])["NatGateways"]
    assert made["State"] == "available"
    assert found["Address"] in [address["PublicIp"] for address in ec2.describe_addresses()["Addresses"]]

    aws.cloudformation.delete_stack(StackName=name)
    with pytest.raises(aws.cloudformation.exceptions.ClientError, match="does not exist"):
        aws.settled_stack(name)
    assert found["Address"] not in [address["PublicIp"] for address in ec2.describe_addresses()["Addresses"]]
