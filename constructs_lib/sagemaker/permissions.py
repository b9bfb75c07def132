"""What an execution role may do, as policy statements: each names the resource it is about.

Which actions a hosted model needs: AWS, "SageMaker AI Roles", section "CreateModel API: Execution Role Permissions".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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

    def arn(self, service: str, resource: str) -> str:
        """Give the ARN of a service's resource in this region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def s3_arn(self, path: str) -> str:
        """Give the ARN of a bucket, or of objects in one."""
        return f"arn:{self.partition}:s3:::{path}"


def trust_policy(service: str = "sagemaker.amazonaws.com") -> dict[str, Any]:
    """Let an AWS service take on the role: SageMaker by default."""
    statement = {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": service},
    }
    return document([statement])


def document(statements: Sequence[Statement]) -> dict[str, Any]:
    """Make one policy of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def distinct(statements: Sequence[Statement]) -> list[Statement]:
    """Leave out what is said already."""
    found: list[Statement] = []
    for statement in statements:
        if statement not in found:
            found.append(statement)
    return found


def read_object(place: Place, bucket: str, key: str) -> list[Statement]:
    """Let the role read one object."""
    return [allow(["s3:GetObject"], place.s3_arn(f"{bucket}/{key}"))]


def read_prefix(place: Place, bucket: str, prefix: str) -> list[Statement]:
    """Let the role list and read what is under one prefix."""
    bucket_arn = place.s3_arn(bucket)
    listing = {**allow(["s3:ListBucket"], bucket_arn), "Condition": {"StringLike": {"s3:prefix": [f"{prefix}*"]}}}
    return [allow(["s3:GetObject"], f"{bucket_arn}/{prefix}*"), listing]


def write_prefix(place: Place, bucket: str, prefix: str) -> list[Statement]:
    """Let the role write under one prefix, and give up an upload that it has begun."""
    return [allow(["s3:PutObject", "s3:AbortMultipartUpload"], place.s3_arn(f"{bucket}/{prefix}*"))]


def publish(topic_arns: Sequence[str]) -> list[Statement]:
    """Let the role publish to topics."""
    return [allow(["sns:Publish"], topic_arn) for topic_arn in dict.fromkeys(topic_arns)]


def describe_alarms(place: Place, names: Sequence[str]) -> list[Statement]:
    """Let the role see whether alarms went off. Source: AWS, "Auto-Rollback Configuration and Monitoring"."""
    return [allow(["cloudwatch:DescribeAlarms"], place.arn("cloudwatch", f"alarm:{name}")) for name in names]


def use_key(key_arn: str | None) -> list[Statement]:
    """Let the role encrypt and decrypt what it keeps in S3 with a key; nothing when there is none.

    Source: AWS, "SageMaker AI Roles", section "CreateTrainingJob API: Execution Role Permissions", and API reference,
    "OutputDataConfig", which asks for ``kms:Encrypt``; Amazon S3 user guide, "Uploading large files with SSE-KMS".
    """
    return [] if key_arn is None else [allow(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], key_arn)]


def use_volume_key(key_arn: str | None) -> list[Statement]:
    """Let the role have instances' storage encrypted with a key; nothing when there is none.

    Source: AWS, "SageMaker AI Roles", section "CreateTrainingJob API: Execution Role Permissions".
    """
    return [] if key_arn is None else [allow(["kms:CreateGrant"], key_arn)]


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
    return _pull(place, repository)


def _pull(place: Place, repository: str) -> list[Statement]:
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return [
        allow(pull, f"arn:{place.partition}:ecr:{repository}"),
        allow(["ecr:GetAuthorizationToken"], "*"),  # the action has no resource: AWS, Service Authorization Reference
    ]


def pull_repository(place: Place, name: str) -> list[Statement]:
    """Let the role pull from one repository of its own account and region."""
    return _pull(place, f"{place.region}:{place.account}:repository/{name}")


def decrypt(key_arn: str | None) -> list[Statement]:
    """Let the role decrypt with a key; nothing when there is none."""
    return [] if key_arn is None else [allow(["kms:Decrypt"], key_arn)]


def describe_model_package(model_package_arn: str) -> list[Statement]:
    """Let the role look up a model package.

    AWS does not document whether SageMaker looks with the role's rights or with those of whoever creates the model.
    """
    return [allow(["sagemaker:DescribeModelPackage"], model_package_arn)]


def call_function(function_arn: str | None) -> list[Statement]:
    """Let the role call a Lambda function; nothing when there is none."""
    return [] if function_arn is None else [allow(["lambda:InvokeFunction"], function_arn)]


def use_network(place: Place, subnets: Sequence[str], security_groups: Sequence[str]) -> list[Statement]:
    """Let the role have network interfaces in subnets, as SageMaker makes them for containers in a VPC.

    Source: AWS, "SageMaker AI Roles", section "CreateModel API: Execution Role Permissions", which allows it in all
    subnets and with all security groups.
    """
    interfaces = place.arn("ec2", "network-interface/*")
    parts = [place.arn("ec2", f"subnet/{each}") for each in subnets]
    parts += [place.arn("ec2", f"security-group/{each}") for each in security_groups]
    own = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
    look = ["DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs"]
    return [
        allow(["ec2:CreateNetworkInterface"], [interfaces, *parts]),
        allow(own, interfaces),
        allow([f"ec2:Describe{what}" for what in look], "*"),  # the actions have no resource
    ]


def write_logs_and_metrics(
    place: Place, endpoint_name: str | None, inference_component_name: str | None = None
) -> list[Statement]:
    """Let the role write the log group and the metrics of its endpoint; of any endpoint when its name is not fixed.

    Of an inference component, the log group is its own.
    """
    if inference_component_name is not None:
        return write_log_group(place, f"InferenceComponents/{inference_component_name}")
    return write_log_group(place, f"Endpoints/{endpoint_name or '*'}")


def write_log_group(place: Place, name: str) -> list[Statement]:
    """Let the role write one of SageMaker's log groups, such as ``TrainingJobs``, and metrics."""
    group = place.arn("logs", f"log-group:/aws/sagemaker/{name}")
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    metrics = {
        **allow(["cloudwatch:PutMetricData"], "*"),  # the action has no resource; the condition narrows it
        "Condition": {"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
    }
    return [allow(actions, [group, f"{group}:*"]), metrics]


def pass_roles(role_arns: Iterable[str]) -> Statement:
    """Let a function hand roles to SageMaker, and to nobody else."""
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return {**allow(["iam:PassRole"], list(dict.fromkeys(role_arns))), "Condition": to_sagemaker}


def refuse_without_tls(service: str, resources: Sequence[str]) -> Statement:
    """Refuse whoever does not come over TLS, in the policy of the resources themselves."""
    return {
        "Action": f"{service}:*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Resource": list(resources),
    }


def allow(actions: list[str], resource: str | list[str]) -> Statement:
    """Allow actions on a resource, or on several."""
    return {"Action": actions[0] if len(actions) == 1 else actions, "Effect": "Allow", "Resource": resource}
