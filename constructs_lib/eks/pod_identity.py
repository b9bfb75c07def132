"""An IAM role for the pods of one service account, by EKS Pod Identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

Statement = Mapping[str, Any]


class PodIdentity(Construct):
    """Lets the pods of one service account do what some statements say, and nothing else.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    cluster_name, cluster_arn
        The cluster; tokens are possible.
    namespace, service_account
        Whose pods it is for.
    statements
        What they may do.

    Attributes
    ----------
    role_arn
        ARN of the role.
    resource
        The association.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        cluster_name: str,
        cluster_arn: str,
        namespace: str,
        service_account: str,
        statements: Sequence[Statement],
    ) -> None:
        super().__init__(scope, id)
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=_trust(cluster_arn, namespace, service_account),
            policies=[
                {"policyName": "Pod", "policyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
            ],
        )
        self.role_arn = role.attr_arn
        self.resource: cdk.CfnResource = eks.CfnPodIdentityAssociation(
            self,
            "Resource",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=service_account,
            role_arn=self.role_arn,
        )


def _trust(cluster_arn: str, namespace: str, service_account: str) -> dict[str, Any]:
    """Let EKS take on the role for these pods alone, by the tags that it puts on their sessions."""
    of_these_pods = {
        "aws:RequestTag/eks-cluster-arn": cluster_arn,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": service_account,
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": of_these_pods},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
