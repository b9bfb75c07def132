"""The cluster in settings: read into the library's own values, and refused with file, line and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.settings import Settings, load_settings
from stacks.yaml_source import SettingsError

CLUSTER = """\
region: us-east-1
cluster:
  node_groups:
    - {name: system, instance_types: [m7i.large], min_size: 1, max_size: 3}
    - {name: gpu, instance_types: [g5.xlarge], max_size: 4}
"""
WORKLOAD = """\
workloads:
  demo:
    model: {framework: tensorflow, version: "2.18", artifact: "s3://my-models/demo/"}
    node_group: gpu
"""


def load(directory: Path, text: str) -> Settings:
    path = directory / "inference.yaml"
    path.write_text(text)
    return load_settings(path)


def refusal(directory: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(directory, text)
    return [line.removeprefix(f"{directory}/") for line in str(caught.value).splitlines()]


def test_a_cluster_alone_can_be_deployed(tmp_path: Path) -> None:
    settings = load(tmp_path, CLUSTER)

    assert settings.cluster is not None
    assert settings.cluster.version == "1.35"
    assert [group.ami_type for group in settings.node_groups] == ["AL2023_x86_64_STANDARD", "AL2023_x86_64_NVIDIA"]
    assert not settings.has_inference_stack


def test_a_workload_is_held_to_the_node_groups_of_its_cluster(tmp_path: Path) -> None:
    assert load(tmp_path, CLUSTER + WORKLOAD).workloads["demo"].node_group == "gpu"

    (line,) = refusal(tmp_path, CLUSTER + WORKLOAD.replace("node_group: gpu", "node_group: gpus"))
    assert line.startswith("inference.yaml:9: workloads.demo.node_group: ")
    assert "'gpus'" in line


def test_in_auto_mode_a_load_balancer_is_of_a_class(tmp_path: Path) -> None:
    auto = "cluster: {node_scaling: AutoMode, node_groups: [{name: gpu, instance_types: [g5.xlarge], max_size: 4}]}\n"
    balanced = f"region: us-east-1\n{auto}{WORKLOAD}    service: {{type: LoadBalancer}}\n"

    assert refusal(tmp_path, balanced) == [
        "inference.yaml:7: workloads.demo.service.load_balancer_class: is missing: with AutoMode it is EKS that makes load "
        "balancers; give 'eks.amazonaws.com/nlb', or the class of a controller of your own"
    ]
    load(tmp_path, balanced.replace("LoadBalancer}", "LoadBalancer, load_balancer_class: eks.amazonaws.com/nlb}"))


def test_a_version_without_quotes_is_a_number_and_is_told_so(tmp_path: Path) -> None:
    assert refusal(tmp_path, CLUSTER.replace("cluster:\n", "cluster:\n  version: 1.34\n")) == [
        "inference.yaml:3: cluster.version: must be text, got the number 1.34; put it in quotes: '1.34'"
    ]


def test_a_wrong_node_group_is_told_with_its_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, CLUSTER.replace("g5.xlarge", "g5.xlrge")) == [
        "inference.yaml:5: cluster.node_groups.1.instance_types.0: 'g5.xlrge' is not an EC2 instance type; did you mean "
        "'g5.xlarge', 'g5.8xlarge' or 'g5.4xlarge'?"
    ]


def test_a_cluster_without_a_node_for_its_own_pods_is_told_what_to_give(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, CLUSTER.replace("min_size: 1, ", ""))

    assert line == (
        "inference.yaml:3: cluster.node_groups: have no node for the cluster's own pods (DNS, metrics, scaling): give a "
        "group without accelerators and taints, such as {name: system, instance_types: [m7i.large], min_size: 1, "
        "max_size: 3}"
    )


def test_nodes_of_a_reservation_are_told_to_name_its_zone(tmp_path: Path) -> None:
    reserved = CLUSTER.replace("max_size: 4}", "max_size: 4, capacity_reservation_id: cr-0123456789abcdef0}")
    (line,) = refusal(tmp_path, reserved)

    assert line == (
        "inference.yaml:5: cluster.node_groups.1.availability_zones: are missing: a reservation is in one zone, and its "
        "nodes start nowhere else; give that of 'cr-0123456789abcdef0', which `aws ec2 describe-capacity-reservations` "
        "tells, and give the cluster's own 'availability_zones', two or more, with this one among them"
    )
    zones = "cluster:\n  availability_zones: [us-east-1a, us-east-1c]\n"
    named = reserved.replace("cluster:\n", zones).replace("0}", "0, availability_zones: [us-east-1c]}")
    assert load(tmp_path, named).node_groups[1].availability_zones == ("us-east-1c",)


def test_there_is_one_cluster(tmp_path: Path) -> None:
    assert refusal(tmp_path, CLUSTER + "existing_cluster: {cluster_name: prod}\n") == [
        "inference.yaml:6: existing_cluster: is a second cluster beside 'cluster'; leave one of them out"
    ]


def test_a_private_cluster_needs_a_way_in(tmp_path: Path) -> None:
    vpc = (
        "{vpc_id: vpc-12345678, availability_zones: [us-east-1a, us-east-1b], "
        "private_subnet_ids: [subnet-12345678, subnet-12345679]}"
    )

    assert refusal(tmp_path, f"existing_cluster:\n  cluster_name: prod\n  vpc: {vpc}\n") == [
        "inference.yaml:1: existing_cluster.security_group_id: is required: give 'vpc' and 'security_group_id' together, "
        "or neither"
    ]


def test_a_cluster_that_exists_has_a_name_and_each_node_group_once(tmp_path: Path) -> None:
    group = "{name: gpu, instance_types: [g5.xlarge], max_size: 4}"

    assert refusal(
        tmp_path, f"existing_cluster:\n  cluster_name: my cluster\n  node_groups:\n    - {group}\n    - {group}\n"
    ) == [
        "inference.yaml:2: existing_cluster.cluster_name: must be 1 to 100 letters, digits, '-' and '_', got 'my cluster'",
        "inference.yaml:3: existing_cluster.node_groups: have 'gpu' twice; give each once",
    ]


def test_the_library_s_warnings_of_versions_can_be_acknowledged(tmp_path: Path) -> None:
    acknowledged = (
        "acknowledged_warnings: [inference:kubernetes-extended-support, inference:kubernetes-version-unknown]\n"
    )

    assert len(load(tmp_path, CLUSTER + acknowledged).acknowledged_warnings) == 2
