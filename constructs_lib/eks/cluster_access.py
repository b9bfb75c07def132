"""Who may use a cluster's API: IAM roles and users, by access entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

# EKS User Guide, "Review access policy permissions".
ADMIN_POLICY = "AmazonEKSClusterAdminPolicy"
VIEW_POLICY = "AmazonEKSViewPolicy"


def define_access(
    scope: Construct, *, cluster_name: str, partition: str, policy: str, principal_arns: Sequence[str]
) -> Iterator[eks.CfnAccessEntry]:
    """Define the access entries of those who have one access policy in the whole cluster.

    Parameters
    ----------
    scope
        What they stand under.
    cluster_name, partition
        Of the cluster.
    policy
        Name of EKS's access policy.
    principal_arns
        ARNs of roles and users.
    """
    for number, arn in enumerate(principal_arns):
        # By the principal's own name, so that another order of the list changes nothing.
        name = str(number) if "${Token[" in arn else arn.rpartition(":")[2].replace("/", "-")
        yield access_entry(
            scope,
            f"{policy}-{name}",
            cluster_name=cluster_name,
            partition=partition,
            policy=policy,
            principal_arn=arn,
        )


def access_entry(
    scope: Construct, name: str, *, cluster_name: str, partition: str, policy: str, principal_arn: str
) -> eks.CfnAccessEntry:
    """Define the access entry of one principal, who has one access policy in the whole cluster.

    Parameters
    ----------
    scope, name
        Where in the construct tree it stands.
    cluster_name, partition
        Of the cluster.
    policy
        Name of EKS's access policy.
    principal_arn
        ARN of a role or user.
    """
    return eks.CfnAccessEntry(
        scope,
        name,
        cluster_name=cluster_name,
        principal_arn=principal_arn,
        access_policies=[
            eks.CfnAccessEntry.AccessPolicyProperty(
                policy_arn=f"arn:{partition}:eks::aws:cluster-access-policy/{policy}",
                access_scope=eks.CfnAccessEntry.AccessScopeProperty(type="cluster"),
            )
        ],
    )
