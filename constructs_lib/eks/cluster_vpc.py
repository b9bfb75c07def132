"""The VPC of a cluster: one that is made for it, or one that exists."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from constructs_lib.eks.network import ClusterVpc


def vpc_of(scope: Construct, given: ClusterVpc | ec2.IVpc | None) -> ec2.IVpc:
    """Give the VPC of a cluster, made under a scope where none is given.

    A new one has public and private subnets in two Availability Zones, with a NAT gateway in each, and a gateway
    endpoint for S3: models are large, and NAT gateways charge by the byte.
    """
    if given is None:
        return ec2.Vpc(
            scope,
            "Vpc",
            max_azs=2,
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
