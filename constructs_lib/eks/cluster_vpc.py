"""The VPC of a cluster: one that is made for it, or one that exists."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from constructs_lib.eks.cluster_zones import cluster_zone_problems
from constructs_lib.eks.control_plane import PRIVATE_SUBNETS
from constructs_lib.eks.network import ClusterVpc
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import Problems


def vpc_of(scope: Construct, given: ClusterVpc | ec2.IVpc | None, zones: Sequence[str] = ()) -> ec2.IVpc:
    """Give the VPC of a cluster, made under a scope where none is given.

    A new one has public and private subnets in these Availability Zones, or else in two, with a NAT gateway in each,
    and a gateway endpoint for S3: models are large, and NAT gateways charge by the byte.
    """
    if given is None:
        return ec2.Vpc(
            scope,
            "Vpc",
            max_azs=None if zones else 2,
            availability_zones=list(zones) or None,
            # Nobody is in the default security group: emptying it takes a function of its own.
            restrict_default_security_group=False,
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
    if isinstance(given, ClusterVpc):
        # Route tables are not asked for here, and `ClusterVpc` says which tags the subnets need.
        for warning in ("@aws-cdk/aws-ec2:noSubnetRouteTableId", "@aws-cdk/aws-eks:clusterMustManuallyTagSubnet"):
            cdk.Annotations.of(scope).acknowledge_warning(warning)
        return ec2.Vpc.from_vpc_attributes(
            scope,
            "Vpc",
            vpc_id=given.vpc_id,
            availability_zones=list(given.availability_zones),
            private_subnet_ids=list(given.private_subnet_ids),
        )
    return given


def zones_for_options(
    given: ClusterVpc | ec2.IVpc | None, asked: Sequence[str], groups: Sequence[NodeGroup]
) -> Sequence[str]:
    """Give the zones that `ClusterOptions` holds node groups to: those asked for, or those of a VPC of the CDK's.

    Raises
    ------
    InvalidValueError
        When zones are asked for, and there is a VPC already.
    """
    if given is None or isinstance(given, ClusterVpc):
        return asked
    if asked:
        problems = Problems("ClusterOptions")
        problems.extend(cluster_zone_problems(asked, has_vpc=True))
        problems.raise_any()
    if not any(group.availability_zones or group.capacity_reservation_id for group in groups):
        return ()
    return tuple(dict.fromkeys(given.select_subnets(subnet_type=PRIVATE_SUBNETS).availability_zones))
