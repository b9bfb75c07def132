"""``AWS::EC2::EIP`` and ``AWS::EC2::NatGateway``, by which private subnets reach the internet."""

from __future__ import annotations

from local_aws.cloudformation.properties import Properties, require
from local_aws.cloudformation.resource import Resource, ResourceType, handler_failure, reported_by_handler
from local_aws.eks_backend import allocations_of, call_ec2
from local_aws.errors import ServiceError


def _tags(kind: str, properties: Properties) -> dict[str, str]:
    asked = {"TagSpecification.1.ResourceType": kind}
    for number, tag in enumerate(properties.get("Tags", []), start=1):
        asked[f"TagSpecification.1.Tag.{number}.Key"] = tag["Key"]
        asked[f"TagSpecification.1.Tag.{number}.Value"] = tag["Value"]
    return asked


def _create_address(_: str, properties: Properties) -> Resource:
    with reported_by_handler():
        made = call_ec2("allocate_address", Domain="vpc", **_tags("elastic-ip", properties))
    # Ref gives the address; what deletes it needs its allocation.
    return made["publicIp"], {"AllocationId": made["allocationId"], "PublicIp": made["publicIp"]}


def _create_gateway(logical_id: str, properties: Properties) -> Resource:
    require(properties, ("SubnetId",), logical_id=logical_id)
    asked = {name: properties[name] for name in ("SubnetId", "AllocationId", "ConnectivityType") if name in properties}
    with reported_by_handler():
        made = call_ec2("create_nat_gateway", **asked, **_tags("natgateway", properties))
    return made["natGatewayId"], {"NatGatewayId": made["natGatewayId"]}


def _delete_gateway(physical_id: str, _: Properties) -> None:
    try:
        call_ec2("delete_nat_gateway", NatGatewayId=physical_id)
    except ServiceError as error:
        if error.code != "NatGatewayNotFound":
            raise handler_failure(error.message, "InvalidRequest") from error


def _delete_address(physical_id: str, _: Properties) -> None:
    for allocation in allocations_of(physical_id):
        call_ec2("release_address", AllocationId=allocation)


def _update_address(_: str, physical_id: str, _old: Properties, _new: Properties) -> Resource:
    allocation = next(iter(allocations_of(physical_id)))
    return physical_id, {"AllocationId": allocation, "PublicIp": physical_id}


def _update_gateway(_: str, physical_id: str, _old: Properties, _new: Properties) -> Resource:
    return physical_id, {"NatGatewayId": physical_id}


# What can change in place is tags alone, which stay as they were.
ELASTIC_IP = ResourceType(
    name="AWS::EC2::EIP",
    create=_create_address,
    update=_update_address,
    delete=_delete_address,
    create_only=("Domain", "NetworkBorderGroup"),
)
NAT_GATEWAY = ResourceType(
    name="AWS::EC2::NatGateway",
    create=_create_gateway,
    update=_update_gateway,
    delete=_delete_gateway,
    create_only=("AllocationId", "ConnectivityType", "SubnetId"),
)
