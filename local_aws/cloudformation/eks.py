"""EKS add-ons, access entries and pod identity associations: MiniStack has their APIs, but not their types."""

from __future__ import annotations

from typing import Any

from local_aws import backend
from local_aws.api import Parameters
from local_aws.cloudformation.properties import Properties, parameters_of, require
from local_aws.cloudformation.resource import Resource, ResourceType, handler_failure, reported_by_handler
from local_aws.eks_backend import call_eks
from local_aws.errors import ServiceError

_PODS = "pods.eks.amazonaws.com"


def _body(operation: str, logical_id: str, properties: Properties, *template_only: str) -> Parameters:
    """Return the members of an operation: as the properties, but for their first letters and the form of tags."""
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    named = {name: value for name, value in properties.items() if name not in (*template_only, "Tags")}
    wanted = {**_lower(named), **({"tags": tags} if tags else {})}
    return parameters_of(wanted, service="eks", operation=operation, logical_id=logical_id)


def _lower(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _lower(item) for name, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


def _delete(operation: str, *arguments: str) -> None:
    try:
        call_eks(operation, *arguments)
    except ServiceError as error:
        if error.code != "ResourceNotFoundException":
            raise handler_failure(error.message, "InvalidRequest") from error


# --- Add-ons ----------------------------------------------------------------------------------------------------------


def _create_add_on(logical_id: str, properties: Properties) -> Resource:
    require(properties, ("AddonName", "ClusterName"), logical_id=logical_id)
    body = _body("CreateAddon", logical_id, properties, "PreserveOnDelete")
    cluster = body.pop("clusterName")
    with reported_by_handler():
        made = call_eks("create_addon", cluster, body)["addon"]
    return f"{cluster}|{made['addonName']}", {"Arn": made["addonArn"]}


def _update_add_on(logical_id: str, physical_id: str, _: Properties, new: Properties) -> Resource:
    body = _body("CreateAddon", logical_id, new, "PreserveOnDelete")
    cluster, name = body["clusterName"], body["addonName"]
    with reported_by_handler():
        call_eks("update_addon", cluster, name, body)
        made = call_eks("describe_addon", cluster, name)["addon"]
    return physical_id, {"Arn": made["addonArn"]}


def _delete_add_on(_: str, properties: Properties) -> None:
    _delete("delete_addon", properties["ClusterName"], properties["AddonName"])


# --- Access entries ---------------------------------------------------------------------------------------------------


def _create_access_entry(logical_id: str, properties: Properties) -> Resource:
    require(properties, ("ClusterName", "PrincipalArn"), logical_id=logical_id)
    body = _body("CreateAccessEntry", logical_id, properties, "AccessPolicies")
    cluster, principal = body.pop("clusterName"), body["principalArn"]
    with reported_by_handler():
        made = call_eks("create_access_entry", cluster, body)["accessEntry"]
        for policy in properties.get("AccessPolicies", []):
            call_eks("associate_access_policy", cluster, principal, _lower(policy))
    return f"{principal}|{cluster}", {"AccessEntryArn": made["accessEntryArn"]}


def _update_access_entry(logical_id: str, physical_id: str, old: Properties, new: Properties) -> Resource:
    body = _body("CreateAccessEntry", logical_id, new, "AccessPolicies")
    cluster, principal = body.pop("clusterName"), body["principalArn"]
    wanted = new.get("AccessPolicies", [])
    with reported_by_handler():
        made = call_eks("update_access_entry", cluster, principal, body)["accessEntry"]
        for policy in old.get("AccessPolicies", []):
            if policy["PolicyArn"] not in [other["PolicyArn"] for other in wanted]:
                call_eks("disassociate_access_policy", cluster, principal, policy["PolicyArn"])
        for policy in wanted:
            call_eks("associate_access_policy", cluster, principal, _lower(policy))
    return physical_id, {"AccessEntryArn": made["accessEntryArn"]}


def _delete_access_entry(_: str, properties: Properties) -> None:
    _delete("delete_access_entry", properties["ClusterName"], properties["PrincipalArn"])


# --- Pod identity -----------------------------------------------------------------------------------------------------


def _create_association(logical_id: str, properties: Properties) -> Resource:
    require(properties, ("ClusterName", "Namespace", "RoleArn", "ServiceAccount"), logical_id=logical_id)
    body = _body("CreatePodIdentityAssociation", logical_id, properties)
    with reported_by_handler():
        _require_trust(body["roleArn"])
        made = call_eks("create_pod_identity_association", body.pop("clusterName"), body)["association"]
    return made["associationArn"], _association(made)


def _update_association(logical_id: str, physical_id: str, _: Properties, new: Properties) -> Resource:
    body = _body("CreatePodIdentityAssociation", logical_id, new)
    with reported_by_handler():
        _require_trust(body["roleArn"])
        identifier = physical_id.rpartition("/")[2]
        made = call_eks("update_pod_identity_association", body["clusterName"], identifier, body)["association"]
    return physical_id, _association(made)


def _delete_association(physical_id: str, properties: Properties) -> None:
    _delete("delete_pod_identity_association", properties["ClusterName"], physical_id.rpartition("/")[2])


def _association(made: Parameters) -> dict[str, str]:
    return {"AssociationArn": made["associationArn"], "AssociationId": made["associationId"]}


def _require_trust(role_arn: str) -> None:
    role = backend.role_by_arn(role_arn)
    if role is None:
        raise ServiceError("InvalidParameterException", f"Role provided in the request does not exist: {role_arn}")
    if not backend.trusts_service(role, _PODS):
        raise ServiceError("InvalidParameterException", f"The trust policy of role {role_arn} does not allow {_PODS}.")


ADD_ON = ResourceType(
    name="AWS::EKS::Addon",
    create=_create_add_on,
    update=_update_add_on,
    delete=_delete_add_on,
    create_only=("AddonName", "ClusterName", "NamespaceConfig"),
)
ACCESS_ENTRY = ResourceType(
    name="AWS::EKS::AccessEntry",
    create=_create_access_entry,
    update=_update_access_entry,
    delete=_delete_access_entry,
    create_only=("ClusterName", "PrincipalArn", "Type"),
)
POD_IDENTITY_ASSOCIATION = ResourceType(
    name="AWS::EKS::PodIdentityAssociation",
    create=_create_association,
    update=_update_association,
    delete=_delete_association,
    create_only=("ClusterName", "Namespace", "ServiceAccount"),
)
