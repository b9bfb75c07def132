"""The IAM role of a cluster's nodes."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from constructs import Construct

# What a node needs (EKS User Guide, "Amazon EKS node IAM role"). Its own credentials are kept from pods.
_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
# Auto Mode gives pods their addresses itself.
_POLICIES_AUTO_MODE = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")


def define_node_role(scope: Construct, *, partition: str, dns_suffix: str, auto_mode: bool) -> iam.CfnRole:
    """Define the role that a cluster's nodes have.

    Parameters
    ----------
    scope
        What it stands under, as ``NodeRole``.
    partition, dns_suffix
        Of the stack.
    auto_mode
        Whether EKS runs the nodes.
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": f"ec2.{dns_suffix}"},
        "Action": "sts:AssumeRole",
    }
    policies = _POLICIES_AUTO_MODE if auto_mode else _POLICIES
    return iam.CfnRole(
        scope,
        "NodeRole",
        assume_role_policy_document={"Version": "2012-10-17", "Statement": [statement]},
        managed_policy_arns=[f"arn:{partition}:iam::aws:policy/{name}" for name in policies],
    )
