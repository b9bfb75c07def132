"""A node group as EKS keeps it: its launch template and `AWS::EKS::Nodegroup`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from constructs_lib.eks.bottlerocket import gpu_sharing_settings
from constructs_lib.eks.cluster_autoscaler import scale_from_zero_tags
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.taint import Taint

# botocore eks: TaintEffect.
_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}


class ManagedNodes(Construct):
    """A managed node group. It has no name of its own, so that a change that needs a new one can be deployed.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    group
        What its nodes are.
    cluster_name, version, node_role_arn
        Of the cluster: its nodes have its Kubernetes version.
    subnet_ids
        Where its nodes are.

    Attributes
    ----------
    resource
        The node group.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        group: NodeGroup,
        cluster_name: str,
        version: str,
        node_role_arn: str,
        subnet_ids: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        template = ec2.CfnLaunchTemplate(self, "LaunchTemplate", launch_template_data=_launch_template_data(group))
        block = group.capacity_type == "CAPACITY_BLOCK"
        self.resource = eks.CfnNodegroup(
            self,
            "Resource",
            cluster_name=cluster_name,
            # Left out, an upgrade of the cluster would leave the nodes behind.
            version=version,
            node_role=node_role_arn,
            subnets=list(subnet_ids),
            ami_type=group.ami_type,
            capacity_type=group.capacity_type,
            # For a capacity block, the launch template names it.
            instance_types=None if block else list(group.instance_types),
            labels=group.node_labels,
            taints=[_taint(taint) for taint in group.node_taints],
            # CloudFormation sends a size to EKS when it changes in the template; in between, the autoscaler owns it.
            scaling_config=eks.CfnNodegroup.ScalingConfigProperty(
                min_size=group.min_size,
                max_size=group.max_size,
                desired_size=group.min_size if group.desired_size is None else group.desired_size,
            ),
            launch_template=eks.CfnNodegroup.LaunchTemplateSpecificationProperty(
                id=template.ref, version=template.attr_latest_version_number
            ),
            # A reservation has no room for a new node beside the one that it replaces.
            update_config=eks.CfnNodegroup.UpdateConfigProperty(max_unavailable=1, update_strategy="MINIMAL")
            if group.capacity_reservation_id
            else None,
            tags=scale_from_zero_tags(group),
        )

    @staticmethod
    def id_of(group: NodeGroup) -> str:
        """Give the id that the nodes of a group have in the construct tree.

        What is in the launch template, and in the group's tags or update settings too, is part of it, since both cannot
        change at once ("Version and ReleaseVersion updates cannot be combined with other updates", aws/aws-cdk#16644):
        so another group takes the place of the one before.
        """
        parts = ["Nodes", group.name]
        if group.volume_gib:
            parts.append(f"{group.volume_gib}GiB")
        if group.capacity_reservation_id:
            parts.append(f"reserved-{group.accelerators_per_node}")
        elif gpu_sharing_settings(group):
            parts.append(f"shared-{group.accelerators_per_node}")
        return "-".join(parts)


def _launch_template_data(group: NodeGroup) -> dict[str, Any]:
    data: dict[str, Any] = {
        "blockDeviceMappings": [
            {
                "deviceName": group.volume_device,
                "ebs": {
                    "volumeSize": group.volume_size_gib,
                    "volumeType": "gp3",
                    "encrypted": True,
                    "deleteOnTermination": True,
                },
            }
        ],
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": group.metadata_hop_limit},
        "tagSpecifications": [
            {"resourceType": kind, "tags": [{"key": "Name", "value": group.name}]} for kind in ("instance", "volume")
        ],
    }
    if group.capacity_reservation_id:
        target = {"capacityReservationId": group.capacity_reservation_id}
        data["capacityReservationSpecification"] = {"capacityReservationTarget": target}
    if group.capacity_type == "CAPACITY_BLOCK":
        data["instanceMarketOptions"] = {"marketType": "capacity-block"}
        data["instanceType"] = group.instance_types[0]
    if settings := gpu_sharing_settings(group):
        data["userData"] = base64.b64encode(settings.encode()).decode()
    return data


def _taint(taint: Taint) -> eks.CfnNodegroup.TaintProperty:
    return eks.CfnNodegroup.TaintProperty(key=taint.key, value=taint.value, effect=_EFFECTS[taint.effect])
