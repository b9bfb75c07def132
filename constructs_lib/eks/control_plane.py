"""The cluster itself: `AWS::EKS::Cluster`, and the function that applies manifests to it."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

from constructs_lib.eks.cluster_options import ClusterOptions

PRIVATE_SUBNETS = ec2.SubnetType.PRIVATE_WITH_EGRESS
_LOGS = {
    "api": eks.ClusterLoggingTypes.API,
    "audit": eks.ClusterLoggingTypes.AUDIT,
    "authenticator": eks.ClusterLoggingTypes.AUTHENTICATOR,
    "controllerManager": eks.ClusterLoggingTypes.CONTROLLER_MANAGER,
    "scheduler": eks.ClusterLoggingTypes.SCHEDULER,
}


def define_control_plane(
    scope: Construct, *, options: ClusterOptions, vpc: ec2.IVpc, node_role: iam.CfnRole
) -> eks.Cluster:
    """Define the cluster, under a scope, as ``Resource``.

    Nobody is an administrator but those whom access entries name; whoever deploys is none by that. EKS installs no
    networking of its own: the add-ons do.

    Parameters
    ----------
    scope
        What it stands under.
    options
        What it is.
    vpc
        Where its interfaces and its nodes are: in the private subnets.
    node_role
        The role of its nodes, for Auto Mode.
    """
    key = options.secrets_key_arn
    auto_mode = options.auto_mode
    return eks.Cluster(
        scope,
        "Resource",
        cluster_name=options.name,
        version=eks.KubernetesVersion.of(options.version),
        vpc=vpc,
        vpc_subnets=[ec2.SubnetSelection(subnet_type=PRIVATE_SUBNETS)],
        endpoint_access=_access(options),
        cluster_logging=[_LOGS[log] for log in options.control_plane_logs] or None,
        secrets_encryption_key=kms.Key.from_key_arn(scope, "SecretsKey", key) if key else None,
        role=_role(scope, key) if key else None,
        bootstrap_cluster_creator_admin_permissions=False,
        bootstrap_self_managed_addons=False,
        default_capacity_type=eks.DefaultCapacityType.AUTOMODE if auto_mode else eks.DefaultCapacityType.NODEGROUP,
        default_capacity=None if auto_mode else 0,
        compute=_compute(scope, node_role) if auto_mode else None,
        kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=kubectl_layer(scope)),
        output_config_command=False,
    )


def kubectl_layer(scope: Construct) -> KubectlV35Layer:
    """Give the kubectl that applies manifests: 1.35, which knows the objects of every version of EKS."""
    return KubectlV35Layer(scope, "Kubectl")


def _compute(scope: Construct, node_role: iam.CfnRole) -> eks.ComputeConfig:
    role = iam.Role.from_role_arn(scope, "NodeRoleOfCluster", node_role.attr_arn)
    return eks.ComputeConfig(node_pools=["system", "general-purpose"], node_role=role)


def _access(options: ClusterOptions) -> eks.EndpointAccess:
    if not options.public_access_cidrs:
        return eks.EndpointAccess.PRIVATE
    return eks.EndpointAccess.PUBLIC_AND_PRIVATE.only_from(*options.public_access_cidrs)


def _role(scope: Construct, key_arn: str) -> iam.Role:
    """Define the cluster's role with a right to the key, which it has to have before the cluster is made."""
    use_key = iam.PolicyDocument.from_json(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"],
                    "Resource": key_arn,
                }
            ],
        }
    )
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("eks.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AmazonEKSClusterPolicy")],
        inline_policies={"SecretsKey": use_key},
    )
