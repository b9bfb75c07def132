"""What an execution role may do, as policy statements: each names the resource it is about.

Which actions a hosted model needs: AWS, "SageMaker AI Roles", section "CreateModel API: Execution Role Permissions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs_lib.serving.problems import is_token

Statement = Mapping[str, Any]

_LABEL = r"\$\{[^}]+\}|[^.$/]+"  # one part of a host name, or a token, which has dots of its own
_ECR_URI = re.compile(
    rf"(?P<account>{_LABEL})\.dkr[.-]ecr(-fips)?\.(?P<region>{_LABEL})\.[^/]+/(?P<repository>[^:@]+)([:@].+)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The partition, region and account in which a role acts; each may be a token."""

    partition: str
    region: str
    account: str


def trust_policy() -> dict[str, Any]:
    """Let SageMaker take on the role."""
    statement = {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    """Make one policy of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def read_object(place: Place, bucket: str, key: str) -> list[Statement]:
    """Let the role read one object."""
    return [_allow(["s3:GetObject"], f"arn:{place.partition}:s3:::{bucket}/{key}")]


def read_prefix(place: Place, bucket: str, prefix: str) -> list[Statement]:
    """Let the role list and read what is under one prefix."""
    bucket_arn = f"arn:{place.partition}:s3:::{bucket}"
    listing = {**_allow(["s3:ListBucket"], bucket_arn), "Condition": {"StringLike": {"s3:prefix": [f"{prefix}*"]}}}
    return [_allow(["s3:GetObject"], f"{bucket_arn}/{prefix}*"), listing]


def pull_image(place: Place, image: str) -> list[Statement]:
    """Let the role pull an image from ECR.

    Nothing is granted for a registry that is not ECR. Where the address is a token, the repository cannot be named,
    and the role may pull from any repository of its own account and region.
    """
    match = _ECR_URI.fullmatch(image)
    if match:
        repository = f"{match['region']}:{match['account']}:repository/{match['repository']}"
    elif is_token(image):
        repository = f"{place.region}:{place.account}:repository/*"
    else:
        return []
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return [
        _allow(pull, f"arn:{place.partition}:ecr:{repository}"),
        _allow(["ecr:GetAuthorizationToken"], "*"),  # the action has no resource: AWS, Service Authorization Reference
    ]


def write_logs_and_metrics(place: Place, endpoint_name: str | None) -> list[Statement]:
    """Let the role write the log group and the metrics of its endpoint; of any endpoint when its name is not fixed."""
    logs = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:/aws/sagemaker/Endpoints"
    group = f"{logs}/{endpoint_name or '*'}"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    metrics = {
        **_allow(["cloudwatch:PutMetricData"], "*"),  # the action has no resource; the condition narrows it
        "Condition": {"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
    }
    return [_allow(actions, [group, f"{group}:*"]), metrics]


def _allow(actions: list[str], resource: str | list[str]) -> Statement:
    return {"Action": actions[0] if len(actions) == 1 else actions, "Effect": "Allow", "Resource": resource}
