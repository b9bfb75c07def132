"""Inference components: ``CreateInferenceComponent``, ``UpdateInferenceComponentRuntimeConfig`` and the rest."""

from __future__ import annotations

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.autoscaling.state import targets
from local_aws.services.paging import listed
from local_aws.services.sagemaker import component_lifecycle
from local_aws.services.sagemaker.component_state import InferenceComponent
from local_aws.services.sagemaker.rollback_alarms import check_rollback_alarms
from local_aws.services.sagemaker.service import SAGEMAKER
from local_aws.services.sagemaker.state import Endpoint, is_multi_model, state
from local_aws.services.sagemaker.tags import forget_tags, put_tags


@SAGEMAKER.operation("CreateInferenceComponent")
def create_inference_component(scope: Scope, request: Parameters) -> Parameters:
    """Create an inference component on an endpoint that hosts such."""
    held = state(scope)
    endpoint = held.endpoints.get(request["EndpointName"])
    _check_endpoint(endpoint, request)
    specification = _specification(scope, request)
    copies = request.get("RuntimeConfig", {}).get("CopyCount")
    if not copies:
        # The model allows 0; the service refuses it at creation, and scales to it later.
        raise validation_error("Inference components copy count must be an integer larger than 0.")
    name = request["InferenceComponentName"]
    component = InferenceComponent(
        name=name,
        arn=held.components.arn(name),
        endpoint_name=endpoint.name,
        variant_name=request["VariantName"],
        specification=specification,
        copies=copies,
    )
    held.components.add(component)
    put_tags(scope, component.arn, request.get("Tags", []))
    component_lifecycle.bring_up(scope, component)
    return {"InferenceComponentArn": component.arn}


def _check_endpoint(endpoint: Endpoint, request: Parameters) -> None:
    if not endpoint.hosts_components:
        raise validation_error(
            f'Endpoint "{endpoint.arn}" does not host inference components: its configuration has no ExecutionRoleArn, '
            "or variants with a ModelName."
        )
    if not endpoint.variants:
        raise validation_error(f'Endpoint "{endpoint.arn}" is not in service: its status is {endpoint.status}.')
    if request.get("VariantName") not in endpoint.variants:
        raise validation_error(f'Could not find variant "{request.get("VariantName")}" of endpoint "{endpoint.arn}".')


def _specification(scope: Scope, request: Parameters) -> Parameters:
    """Return the checked specification of a request."""
    if "Specifications" in request:
        raise validation_error("local AWS does not have Specifications for several instance types: use Specification.")
    specification: Parameters | None = request.get("Specification")
    if specification is None:
        raise validation_error("Specification is required.")
    if "BaseInferenceComponentName" in specification:
        raise validation_error("local AWS does not have adapter inference components (BaseInferenceComponentName).")
    if ("ModelName" in specification) == ("Container" in specification):
        raise validation_error("Exactly one of ModelName and Container must be specified in Specification.")
    if "ComputeResourceRequirements" not in specification:
        raise validation_error("ComputeResourceRequirements is required in Specification.")
    if "ModelName" in specification:
        containers = state(scope).models.get(specification["ModelName"]).containers
        if len(containers) > 1 or is_multi_model(containers[0]):
            raise validation_error("local AWS does not have inference components of several containers or models.")
    elif "Image" not in specification["Container"]:
        raise validation_error("Image is required in Container of Specification.")
    return specification


@SAGEMAKER.operation("UpdateInferenceComponent")
def update_inference_component(scope: Scope, request: Parameters) -> Parameters:
    """Change what an inference component runs, and how many copies of it."""
    component = state(scope).components.get(request["InferenceComponentName"])
    replaces = "Specification" in request or "Specifications" in request
    specification = _specification(scope, request) if replaces else component.specification
    copies = request.get("RuntimeConfig", {}).get("CopyCount", component.copies)
    deployment = request.get("DeploymentConfig")
    check_rollback_alarms(scope, state(scope).endpoints.get(component.endpoint_name).config, deployment)
    before = component.begin("Updating")
    component.deployment_config = deployment or component.deployment_config
    component_lifecycle.update(scope, component, specification, copies, otherwise=before, deployment=deployment)
    return {"InferenceComponentArn": component.arn}


@SAGEMAKER.operation("UpdateInferenceComponentRuntimeConfig")
def update_inference_component_runtime_config(scope: Scope, request: Parameters) -> Parameters:
    """Change how many copies of an inference component there are: none is allowed."""
    component = state(scope).components.get(request["InferenceComponentName"])
    before = component.begin("Updating")
    copies = request["DesiredRuntimeConfig"]["CopyCount"]
    component_lifecycle.update(scope, component, component.specification, copies, otherwise=before)
    return {"InferenceComponentArn": component.arn}


@SAGEMAKER.operation("DescribeInferenceComponent")
def describe_inference_component(scope: Scope, request: Parameters) -> Parameters:
    """Describe an inference component."""
    held = state(scope)
    component = held.components.get(request["InferenceComponentName"])
    specification = dict(component.specification)
    if "Container" in specification:
        container = dict(specification["Container"])
        container["DeployedImage"] = {"SpecifiedImage": container.pop("Image"), "ResolutionTime": component.created}
        specification["Container"] = container
    current = component.copies if component.container is not None else 0
    described = {
        **component.summary(held.endpoints.arn(component.endpoint_name)),
        "Specification": specification,
        "RuntimeConfig": {"DesiredCopyCount": component.copies, "CurrentCopyCount": current},
    }
    if component.failure_reason:
        described["FailureReason"] = component.failure_reason
    if component.deployment_config:
        described["LastDeploymentConfig"] = component.deployment_config
    return described


@SAGEMAKER.operation("DeleteInferenceComponent")
def delete_inference_component(scope: Scope, request: Parameters) -> Parameters:
    """Delete an inference component and deregister its scalable target."""
    held = state(scope)
    component = held.components.get(request["InferenceComponentName"])
    component.begin("Deleting")

    def forget() -> None:
        for key in [key for key in targets(scope) if key[1] == f"inference-component/{component.name}"]:
            del targets(scope)[key]
        held.components.remove(component.name)
        forget_tags(scope, component.arn)

    component_lifecycle.tear_down(component, forget=forget)
    return {}


@SAGEMAKER.operation("ListInferenceComponents")
def list_inference_components(scope: Scope, request: Parameters) -> Parameters:
    """List inference components."""
    held = state(scope)
    return listed(
        held.components.all(),
        request,
        "InferenceComponents",
        lambda component: component.summary(held.endpoints.arn(component.endpoint_name)),
        equals={"EndpointNameEquals": "endpoint_name", "VariantNameEquals": "variant_name"},
    )
