"""EKS: a property of node groups that MiniStack drops."""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

from local_aws import eks_backend
from local_aws.adaptations.handlers import then


def install() -> None:
    """Keep whether the nodes of a node group are spot instances."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::EKS::Nodegroup"]

    def keep(result: tuple[str, dict[str, str]], properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
        if "CapacityType" in properties:
            members = {"capacityType": properties["CapacityType"]}
            eks_backend.keep_of_node_group(properties["ClusterName"], result[0], members)
        return result

    handler["create"] = then(handler["create"], keep, of=1)
