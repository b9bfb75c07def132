"""Where a model's container is in the network: which VPC, and from which registry its image comes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from constructs_lib.serving.problems import Problem, Problems, is_token

# botocore sagemaker: VpcConfig. The form of the ids: ec2, "Resource IDs".
_SUBNETS_MAX = 16
_SECURITY_GROUPS_MAX = 5
_SUBNET = re.compile(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})")
_SECURITY_GROUP = re.compile(r"sg-([0-9a-f]{8}|[0-9a-f]{17})")
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcConfig:
    """The subnets that a model's containers have network interfaces in, and the security groups that hold for those.

    The containers then reach only what the VPC reaches, S3 included: without internet access, the VPC needs a gateway
    endpoint for S3 (and an interface endpoint for each other service that a container calls).

    Attributes
    ----------
    subnets
        1 to 16 ids of subnets, in at least two Availability Zones if the endpoint is to outlive one.
    security_group_ids
        1 to 5 ids of security groups of the same VPC.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    subnets: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(_id_problems("subnets", self.subnets, _SUBNETS_MAX, _SUBNET, "subnet-0123456789abcdef0"))
        problems.extend(
            _id_problems(
                "security_group_ids",
                self.security_group_ids,
                _SECURITY_GROUPS_MAX,
                _SECURITY_GROUP,
                "sg-0123456789abcdef0",
            )
        )
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRegistry:
    """A Docker registry that is not ECR, and that the model's VPC reaches.

    Attributes
    ----------
    credentials_function_arn
        ARN of the Lambda function that gives SageMaker the registry's user and password. None: it needs none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    credentials_function_arn: str | None = None

    def __post_init__(self) -> None:
        arn = self.credentials_function_arn
        problems = Problems.of(self)
        if arn is not None and not is_token(arn) and not _FUNCTION.fullmatch(arn):
            shape = "arn:aws:lambda:REGION:ACCOUNT:function:NAME"
            problems.add("credentials_function_arn", f"must look like '{shape}', got '{arn}'")
        problems.raise_any()


def _id_problems(field: str, ids: Sequence[str], most: int, shape: re.Pattern[str], example: str) -> Iterator[Problem]:
    if not 1 <= len(ids) <= most:
        yield Problem(field, f"must be 1 to {most}, got {len(ids)}")
    for index, each in enumerate(ids):
        if not is_token(each) and not shape.fullmatch(each):
            yield Problem(f"{field}.{index}", f"must look like '{example}', got '{each}'")
        elif each in ids[:index]:
            yield Problem(f"{field}.{index}", f"is '{each}' again; give each once")
