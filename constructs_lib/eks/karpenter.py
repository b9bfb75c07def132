"""Karpenter, which launches the instances that pending pods need: its identity, its interruption queue, its release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib.eks.manifests import SYSTEM_NAMESPACE
from constructs_lib.eks.pod_identity import PodIdentity, Statement

# aws/karpenter-provider-aws v1.15.0 of 2026-10-10; fetched by the deployment, in AWS.
VERSION = "1.15.0"
_CHARTS = "oci://public.ecr.aws/karpenter/"
_NAME = "karpenter"
_POOL_TAG = "karpenter.sh/nodepool"
# What Karpenter reacts to by replacing a node before EC2 takes it.
_INTERRUPTIONS = {
    "ScheduledChange": ("aws.health", "AWS Health Event"),
    "SpotInterruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "Rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "StateChange": ("aws.ec2", "EC2 Instance State-change Notification"),
    "ReservationInterruption": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
}


class Karpenter(Construct):
    """Installs Karpenter in a cluster.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    cluster
        The cluster, with a kubectl provider.
    node_role
        The role of its nodes.
    partition, region
        Of the stack.
    replicas
        How many controllers there are, each on a node of its own that is not Karpenter's.

    Attributes
    ----------
    instance_profile_name
        Name of the instance profile that Karpenter's nodes have.
    ready
        What NodePools come after.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        cluster: eks.ICluster,
        node_role: iam.CfnRole,
        partition: str,
        region: str,
        replicas: int,
    ) -> None:
        super().__init__(scope, id)
        profile = iam.CfnInstanceProfile(self, "InstanceProfile", roles=[node_role.ref])
        self.instance_profile_name = profile.ref
        queue = self._define_queue()
        identity = PodIdentity(
            self,
            "Identity",
            cluster_name=cluster.cluster_name,
            cluster_arn=cluster.cluster_arn,
            namespace=SYSTEM_NAMESPACE,
            service_account=_NAME,
            statements=list(
                _statements(
                    ec2=f"arn:{partition}:ec2:{region}",
                    region=region,
                    cluster_name=cluster.cluster_name,
                    cluster_arn=cluster.cluster_arn,
                    node_role_arn=node_role.attr_arn,
                    queue_arn=queue.attr_arn,
                )
            ),
        )
        # Helm never upgrades the definitions in a chart's crds/: in a chart of their own, they follow the controller.
        definitions = self._install("Definitions", f"{_NAME}-crd", cluster)
        self.ready = self._install(
            "Release",
            _NAME,
            cluster,
            skip_crds=True,
            values={
                "replicas": replicas,
                "serviceAccount": {"name": _NAME},
                "settings": {"clusterName": cluster.cluster_name, "interruptionQueue": queue.attr_queue_name},
                "controller": {"resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}},
            },
        )
        self.ready.add_resource_dependency(identity.resource)
        self.ready.add_resource_dependency(definitions)

    def _install(
        self,
        id: str,  # noqa: A002 - the CDK's own name for it
        chart: str,
        cluster: eks.ICluster,
        **options: Any,
    ) -> cdk.CfnResource:
        release = eks.HelmChart(
            self,
            id,
            cluster=cluster,
            chart=chart,
            repository=f"{_CHARTS}{chart}",
            version=VERSION,
            release=chart,
            namespace=SYSTEM_NAMESPACE,
            wait=True,
            **options,
        )
        resource = release.node.find_child("Resource").node.default_child
        assert isinstance(resource, cdk.CfnResource)  # noqa: S101  a custom resource
        return resource

    def _define_queue(self) -> sqs.CfnQueue:
        queue = sqs.CfnQueue(self, "Interruptions", message_retention_period=300, sqs_managed_sse_enabled=True)
        send = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue.attr_arn,
        }
        over_tls = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue.attr_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        document = {"Version": "2012-10-17", "Statement": [send, over_tls]}
        sqs.CfnQueuePolicy(self, "InterruptionsPolicy", queues=[queue.ref], policy_document=document)
        for name, (source, detail_type) in _INTERRUPTIONS.items():
            events.CfnRule(
                self,
                name,
                event_pattern={"source": [source], "detail-type": [detail_type]},
                targets=[events.CfnRule.TargetProperty(arn=queue.attr_arn, id="Karpenter")],
            )
        return queue


def _statements(
    *, ec2: str, region: str, cluster_name: str, cluster_arn: str, node_role_arn: str, queue_arn: str
) -> Iterator[Statement]:
    """Give what the controller may do: launch and end its own instances, by the tags that it gives them.

    Source: Karpenter, "CloudFormation reference". The instance profile is given, so that it need not make any.
    """
    made = [f"{ec2}:*:{kind}/*" for kind in ("fleet", "instance", "volume", "network-interface", "launch-template")]
    asked_for = _tagged("RequestTag", cluster_name)
    its_own = _tagged("ResourceTag", cluster_name)
    used = [f"{ec2}::image/*", f"{ec2}::snapshot/*"]
    used += [f"{ec2}:*:{kind}/*" for kind in ("security-group", "subnet", "capacity-reservation")]
    launch = ["ec2:RunInstances", "ec2:CreateFleet"]
    yield _allow(launch, used)
    yield _allow(launch, [f"{ec2}:*:launch-template/*"], its_own)
    yield _allow([*launch, "ec2:CreateLaunchTemplate"], [*made, f"{ec2}:*:spot-instances-request/*"], asked_for)
    at_creation = {"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
    tagging = {**asked_for, "StringEquals": {**asked_for["StringEquals"], **at_creation}}
    yield _allow(["ec2:CreateTags"], [*made, f"{ec2}:*:spot-instances-request/*"], tagging)
    later = ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
    yield _allow(
        ["ec2:CreateTags"],
        [f"{ec2}:*:instance/*"],
        {**its_own, "ForAllValues:StringEquals": {"aws:TagKeys": later}},
    )
    ends = ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"]
    yield _allow(ends, [f"{ec2}:*:instance/*", f"{ec2}:*:launch-template/*"], its_own)
    yield _allow(_READS, ["*"], {"StringEquals": {"aws:RequestedRegion": region}})
    yield _allow(["ssm:GetParameter"], [f"{ec2.replace(':ec2:', ':ssm:')}::parameter/aws/service/*"])
    yield _allow(["pricing:GetProducts", "iam:ListInstanceProfiles", "iam:GetInstanceProfile"], ["*"])
    receive = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    yield _allow(receive, [queue_arn])
    passed = {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}}
    yield _allow(["iam:PassRole"], [node_role_arn], passed)
    yield _allow(["eks:DescribeCluster"], [cluster_arn])


def _tagged(which: str, cluster_name: str) -> dict[str, Any]:
    # Karpenter tags with the cluster's name as a key too; that cannot be said of a name that is known at deployment.
    return {
        "StringEquals": {f"aws:{which}/eks:eks-cluster-name": cluster_name},
        "StringLike": {f"aws:{which}/{_POOL_TAG}": "*"},
    }


def _allow(actions: list[str], resources: list[str], condition: Mapping[str, Any] | None = None) -> Statement:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": dict(condition)} if condition else {})


_READS = [
    f"ec2:Describe{what}"
    for what in (
        "AvailabilityZones",
        "CapacityReservations",
        "Images",
        "InstanceStatus",
        "InstanceTypeOfferings",
        "InstanceTypes",
        "Instances",
        "LaunchTemplates",
        "PlacementGroups",
        "SecurityGroups",
        "SpotPriceHistory",
        "Subnets",
    )
]
