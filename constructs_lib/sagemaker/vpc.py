"""A model in a VPC of the same app: its subnets and security groups by construct, and the endpoints that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import Problems

Service = Literal["ecr.api", "ecr.dkr", "kms", "lambda", "logs", "monitoring", "sagemaker.runtime", "sts"]


def vpc_config(
    vpc: ec2.IVpc,
    *,
    security_groups: Sequence[ec2.ISecurityGroup],
    subnets: ec2.SubnetSelection | None = None,
) -> VpcConfig:
    """Give the ``vpc`` of a model from constructs.

    Parameters
    ----------
    vpc
        The VPC.
    security_groups
        1 to 5 of its security groups, which hold for the containers.
    subnets
        Which of its subnets. None: the private ones, as the CDK chooses them.

    Raises
    ------
    InvalidValueError
        When there are more subnets or security groups than SageMaker takes, or none.
    """
    return VpcConfig(
        subnets=tuple(_selected(vpc, subnets or ec2.SubnetSelection())),
        security_group_ids=tuple(group.security_group_id for group in security_groups),
    )


def _selected(vpc: ec2.IVpc, subnets: ec2.SubnetSelection) -> list[str]:
    found = vpc.select_subnets(
        availability_zones=subnets.availability_zones,
        one_per_az=subnets.one_per_az,
        subnet_filters=subnets.subnet_filters,
        subnet_group_name=subnets.subnet_group_name,
        subnets=subnets.subnets,
        subnet_type=subnets.subnet_type,
    )
    return found.subnet_ids


class ModelVpcEndpoints(Construct):
    """Defines the VPC endpoints through which a model's containers reach AWS without a way to the internet.

    Always a gateway endpoint for S3, from which the model data comes. Source: AWS, "Give SageMaker AI Hosted Endpoints
    Access to Resources in Your Amazon VPC".

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoints stand.
    vpc
        The VPC.
    services
        Services that the containers call themselves, each of which gets an interface endpoint: ``lambda`` for the
        credentials of a private registry, ``kms``, ``logs``, ``monitoring``, ``sts``… Default: none.
    security_groups
        Security groups of the interface endpoints. None: the CDK makes one that lets the VPC's own addresses in.

    Raises
    ------
    InvalidValueError
        When a service is none of those, or is given twice.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        vpc: ec2.IVpc,
        services: Sequence[Service] = (),
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
    ) -> None:
        problems = Problems("ModelVpcEndpoints")
        allowed = get_args(Service)
        for index, service in enumerate(services):
            if service not in allowed:
                problems.add(f"services.{index}", f"must be one of {', '.join(allowed)}, got '{service}'")
            elif service in services[:index]:
                problems.add(f"services.{index}", f"is '{service}' again; give each once")
        problems.raise_any()
        super().__init__(scope, id)
        ec2.GatewayVpcEndpoint(self, "S3", vpc=vpc, service=ec2.GatewayVpcEndpointAwsService.S3)
        for service in services:
            ec2.InterfaceVpcEndpoint(
                self,
                "".join(part.capitalize() for part in service.split(".")),
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                security_groups=None if security_groups is None else list(security_groups),
            )
