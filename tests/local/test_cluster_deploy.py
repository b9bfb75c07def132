"""A cluster with a workload, deployed and destroyed by the real CDK on local AWS, and seen through boto3."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_clients import Aws, client
from real_cdk import CDK, ROOT, bootstrap

from local_aws.process import LocalAws

EXAMPLE = ROOT / "examples" / "eks-cluster" / "inference.yaml"
ONE_INSTANCE = {"instance_type": "ml.c6i.large", "instance_count": 1}

Cdk = Callable[..., None]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("aws")


@pytest.fixture(scope="module")
def aws(state: Path) -> Iterator[LocalAws]:
    with LocalAws.start(state=state, hosting="fake_hosting") as running:
        bootstrap(running)
        yield running


@pytest.fixture
def cdk(aws: LocalAws) -> Cdk:
    def run(*arguments: str) -> None:
        done = subprocess.run(
            [CDK, *arguments, "--no-notices"],
            cwd=ROOT,
            env={**os.environ, **aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.fixture
def eks(aws: LocalAws) -> Any:
    return client(aws, "eks")


def manifests(state: Path, cluster: str) -> dict[str, dict[str, Any]]:
    """Give the objects that local AWS keeps of a cluster, by their files' names."""
    directory = state / "kubernetes" / cluster
    return {str(path.relative_to(directory)): json.loads(path.read_text()) for path in directory.rglob("*.json")}


def test_deploying_the_inference_stack_deploys_the_cluster_first_and_destroying_leaves_nothing(
    cdk: Cdk, eks: Any, aws: LocalAws, state: Path, tmp_path: Path
) -> None:
    assembly = str(tmp_path / "cdk.out")
    ec2 = client(aws, "ec2")
    settings = yaml.safe_load(EXAMPLE.read_text())
    shutil.copytree(ROOT / "examples" / "onnx" / "model", tmp_path / "model")
    settings["endpoints"] = {"double": {"model": {"framework": "onnx", "artifact": "model"}, **ONE_INSTANCE}}
    settings["cluster"]["availability_zones"] = ["us-east-1a", "us-east-1c"]
    gpu = next(group for group in settings["cluster"]["node_groups"] if group["name"] == "gpu")
    gpu["availability_zones"] = ["us-east-1c"]
    file = tmp_path / "inference.yaml"
    file.write_text(yaml.safe_dump(settings))
    cdk("deploy", "InferenceStack", "-c", f"settings={file}", "--output", assembly)

    [cluster] = eks.list_clusters()["clusters"]
    described = eks.describe_cluster(name=cluster)["cluster"]
    assert described["version"] == "1.35"
    assert described["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.0/24"]
    groups = [
        eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
        for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]
    ]
    by_name = {group["labels"]["inference/node-group"]: group for group in groups}
    assert {name: (group["amiType"], group["capacityType"]) for name, group in by_name.items()} == {
        "system": ("AL2023_x86_64_STANDARD", "ON_DEMAND"),
        "gpu": ("AL2023_x86_64_NVIDIA", "ON_DEMAND"),
        "neuron": ("AL2023_x86_64_NEURON", "ON_DEMAND"),
        "shared-gpu": ("AL2023_x86_64_NVIDIA", "SPOT"),
    }
    zones = {
        name: {
            subnet["AvailabilityZone"] for subnet in ec2.describe_subnets(SubnetIds=by_name[name]["subnets"])["Subnets"]
        }
        for name in ("system", "gpu")
    }
    assert zones == {"system": {"us-east-1a", "us-east-1c"}, "gpu": {"us-east-1c"}}
    assert by_name["gpu"]["scalingConfig"] == {"minSize": 0, "maxSize": 4, "desiredSize": 0}
    assert by_name["neuron"]["taints"] == [{"key": "aws.amazon.com/neuron", "value": "true", "effect": "NO_SCHEDULE"}]
    assert set(eks.list_addons(clusterName=cluster)["addons"]) == {
        "vpc-cni",
        "kube-proxy",
        "coredns",
        "eks-pod-identity-agent",
        "metrics-server",
        "aws-mountpoint-s3-csi-driver",
    }
    identities = eks.list_pod_identity_associations(clusterName=cluster)["associations"]
    assert {(each["namespace"], each["serviceAccount"]) for each in identities} == {
        ("kube-system", "cluster-autoscaler"),
        ("default", "half-plus-two"),
    }
    administrator = "arn:aws:iam::111122223333:role/Administrator"
    policies = eks.list_associated_access_policies(clusterName=cluster, principalArn=administrator)
    assert [policy["policyArn"].rpartition("/")[2] for policy in policies["associatedAccessPolicies"]] == [
        "AmazonEKSClusterAdminPolicy"
    ]
    kept = manifests(state, cluster)
    assert "kube-system/DaemonSet-nvidia-device-plugin.json" in kept
    assert "default/Deployment-half-plus-two.json" in kept
    command = kept["kube-system/Deployment-cluster-autoscaler.json"]["spec"]["template"]["spec"]["containers"][0][
        "command"
    ]
    assert any(argument.endswith(f"k8s.io/cluster-autoscaler/{cluster}") for argument in command)

    settings["workloads"]["half-plus-two"]["replicas"] = 3
    settings["cluster"]["node_groups"].pop()
    file.write_text(yaml.safe_dump(settings))
    cdk("deploy", "ClusterStack", "-c", f"settings={file}", "--output", assembly)

    kept = manifests(state, cluster)
    assert kept["default/Deployment-half-plus-two.json"]["spec"]["replicas"] == 3
    assert not any("time-slicing" in name for name in kept)
    assert len(eks.list_nodegroups(clusterName=cluster)["nodegroups"]) == 3

    cdk("destroy", "--all", "--force", "--app", assembly)

    assert eks.list_clusters()["clusters"] == []
    assert manifests(state, cluster) == {}


def test_workloads_go_onto_a_cluster_that_somebody_else_made(
    cdk: Cdk, eks: Any, state: Path, aws: LocalAws, tmp_path: Path
) -> None:
    assembly = str(tmp_path / "cdk.out")
    trust = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = Aws(aws).iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    eks.create_cluster(name="inference", roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]})
    settings = yaml.safe_load((ROOT / "examples" / "eks-tensorflow-serving" / "inference.yaml").read_text())
    del settings["workloads"]["half-plus-two"]
    file = tmp_path / "inference.yaml"
    file.write_text(yaml.safe_dump(settings))

    cdk("deploy", "WorkloadStack", "-c", f"settings={file}", "--output", assembly)

    assert "tf-inference/Deployment-tf-inference.json" in manifests(state, "inference")
    (identity,) = eks.list_pod_identity_associations(clusterName="inference")["associations"]
    assert (identity["namespace"], identity["serviceAccount"]) == ("tf-inference", "tf-inference")

    cdk("destroy", "--all", "--force", "--app", assembly)

    assert manifests(state, "inference") == {}
    assert eks.list_clusters()["clusters"] == ["inference"]
