"""MiniStack's EKS and the parts of its EC2 that a cluster's network needs, called as their APIs are.

Beside :mod:`local_aws.backend`, :mod:`local_aws.telemetry` and :mod:`local_aws.extension` the only module that imports
MiniStack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.services import ec2, eks

from local_aws.errors import ServiceError

Answer = dict[str, Any]


def call_eks(operation: str, *arguments: Any) -> Answer:
    """Call one of MiniStack's functions for EKS, such as ``create_addon``.

    Raises
    ------
    ServiceError
        As EKS refuses.
    """
    status, _, body = getattr(eks, f"_{operation}")(*arguments)
    answer: Answer = json.loads(body)
    if status >= 400:
        raise ServiceError(answer["__type"], answer["message"], status=status)
    return answer


def call_ec2(operation: str, **parameters: str) -> dict[str, str]:
    """Call one of MiniStack's functions for EC2, such as ``allocate_address``.

    Returns
    -------
    dict
        The texts of the answer by element, which has no lists where this is used.

    Raises
    ------
    ServiceError
        As EC2 refuses.
    """
    status, _, body = getattr(ec2, f"_{operation}")(parameters)
    answer = dict(re.findall(r"<(\w+)>([^<>]*)</\1>", body.decode()))
    if status >= 400:
        raise ServiceError(answer.get("Code", "InternalError"), answer.get("Message", body.decode()), status=status)
    return answer


def cluster_version(name: str) -> str:
    """Return the Kubernetes version of a cluster.

    Raises
    ------
    ServiceError
        ``ResourceNotFoundException``.
    """
    version: str = call_eks("describe_cluster", name)["cluster"]["version"]
    return version


def keep_of_node_group(cluster: str, name: str, members: Mapping[str, Any]) -> None:
    """Have a node group described with members that MiniStack's resource type leaves out."""
    eks._nodegroups[f"{cluster}/{name}"].update(members)


def allocations_of(public_ip: str) -> list[str]:
    """Return the allocation that an elastic IP address has; none when it is released."""
    return [allocation for allocation, address in ec2._addresses.items() if address["PublicIp"] == public_ip]
