"""A cluster, and what templates say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from constructs_lib.eks import ClusterVpc, InferenceCluster
from constructs_lib.serving.node_group import NodeGroup
from tests.snapshot.conftest import Json

SYSTEM = NodeGroup(name="system", instance_types=("m7i.large",), min_size=1, max_size=3)
GPU = NodeGroup(name="gpu", instance_types=("g5.xlarge",), max_size=4)
VPC = ClusterVpc(
    vpc_id="vpc-0123456789abcdef0",
    availability_zones=("us-east-1a", "us-east-1b"),
    private_subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
)
POD = "AWS::EKS::PodIdentityAssociation"
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "serving"}, "data": {}}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "serving"}}


def cluster_of(stack: cdk.Stack, **options: Any) -> InferenceCluster:
    return InferenceCluster(stack, "Cluster", **{"node_groups": (SYSTEM, GPU), "vpc": VPC, **options})


def resources(template: Template, resource_type: str) -> dict[str, Json]:
    return {logical_id: dict(resource) for logical_id, resource in template.find_resources(resource_type).items()}


def nested(outdir: Path, name: str) -> Json:
    """Give the template of a nested stack by a part of its name."""
    (file,) = [path for path in outdir.glob("*.nested.template.json") if name in path.name]
    return dict(json.loads(file.read_text()))
