"""Where a cluster's nodes have their network interfaces."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problem, Problems, is_token

# EC2 User Guide, "Resource IDs".
_VPC = re.compile(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})")
_SUBNET = re.compile(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})")
# EKS service quotas, "Public endpoint access CIDR ranges per cluster".
_CIDRS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterVpc:
    """A VPC that exists already, for the control plane's interfaces and the nodes.

    The private subnets need access to ECR, S3, EKS and STS: a NAT gateway, or VPC endpoints. For load balancers, tag
    them ``kubernetes.io/role/internal-elb=1``.

    Attributes
    ----------
    vpc_id
        Such as ``vpc-0123456789abcdef0``.
    availability_zones
        The Availability Zones of the private subnets, in the subnets' order.
    private_subnet_ids
        At least two subnets, in at least two Availability Zones, which EKS asks for.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    vpc_id: str
    availability_zones: tuple[str, ...]
    private_subnet_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        if not is_token(self.vpc_id) and not _VPC.fullmatch(self.vpc_id):
            problems.add("vpc_id", f"must look like 'vpc-0123456789abcdef0', got '{self.vpc_id}'")
        for index, subnet in enumerate(self.private_subnet_ids):
            if not is_token(subnet) and not _SUBNET.fullmatch(subnet):
                problems.add(
                    f"private_subnet_ids.{index}", f"must look like 'subnet-0123456789abcdef0', got '{subnet}'"
                )
        if len(set(self.availability_zones)) < 2:
            problems.add("availability_zones", "must be at least two different ones, which EKS asks for")
        if len(self.availability_zones) != len(self.private_subnet_ids):
            zones, subnets = len(self.availability_zones), len(self.private_subnet_ids)
            problems.add("availability_zones", f"are {zones} for {subnets} private subnets; give one for each subnet")
        problems.raise_any()


def cidr_problems(field: str, cidrs: Sequence[str]) -> Iterator[Problem]:
    """Check that the API server can be opened to these networks: public IPv4 networks, at most 40."""
    if len(cidrs) > _CIDRS_MAX:
        yield Problem(field, f"must be at most {_CIDRS_MAX} networks, got {len(cidrs)}")
    for index, cidr in enumerate(cidrs):
        try:
            network = ipaddress.IPv4Network(cidr)
        except ValueError as error:
            yield Problem(f"{field}.{index}", f"must be a network such as '203.0.113.0/24', got '{cidr}' ({error})")
            continue
        if network.prefixlen and network.is_private and not _is_documentation(network):
            yield Problem(
                f"{field}.{index}",
                f"is '{cidr}', a private network: from inside the VPC the API server is always reached; leave it out",
            )


def _is_documentation(network: ipaddress.IPv4Network) -> bool:
    # Python counts the networks of examples (RFC 5737) as private; EKS does not.
    examples = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    return any(network.subnet_of(ipaddress.IPv4Network(example)) for example in examples)
