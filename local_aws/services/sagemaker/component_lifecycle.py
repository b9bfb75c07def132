"""How an inference component moves, on a thread of its own; and how a request finds its container."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.scope import Scope
from local_aws.services.sagemaker.component_state import InferenceComponent
from local_aws.services.sagemaker.containers import Place, RunningContainer, open_container
from local_aws.services.sagemaker.metrics import publish_component
from local_aws.services.sagemaker.models import execution_role
from local_aws.services.sagemaker.move import move
from local_aws.services.sagemaker.rollback_alarms import rollback
from local_aws.services.sagemaker.state import Endpoint, state
from local_aws.services.sagemaker.variants import STARTUP_TIMEOUT, RunningVariant


def bring_up(scope: Scope, component: InferenceComponent) -> None:
    """Start the container of a new inference component."""

    def work() -> None:
        component.container = _open(scope, component, component.specification)
        component.set_status("InService")

    move(component, "create", work, otherwise="Failed")


def update(
    scope: Scope,
    component: InferenceComponent,
    specification: Parameters,
    copies: int,
    *,
    otherwise: str,
    deployment: Parameters | None = None,
) -> None:
    """Move to another specification and number of copies; the present container serves until the new one does.

    An alarm of the deployment that is in ALARM by then takes the move back, to the status *otherwise*.
    """

    def work() -> None:
        present = component.container
        is_same = specification == component.specification
        opened = None if copies == 0 else present if is_same and present else _open(scope, component, specification)
        if not is_same and (reason := rollback(scope, deployment)):
            if opened is not None:
                opened.close()
            raise reason
        component.container = opened
        component.specification, component.copies = specification, copies
        component.set_status("InService")
        if present is not None and present is not component.container:
            present.close()

    move(component, "update", work, otherwise=otherwise)


def tear_down(component: InferenceComponent, *, forget: Callable[[], None]) -> None:
    """Stop the container and forget the component."""

    def work() -> None:
        container, component.container = component.container, None
        if container is not None:
            container.close()
        forget()
        component.set_status("Deleted")

    move(component, "delete", work, otherwise="Failed")


def _open(scope: Scope, component: InferenceComponent, specification: Parameters) -> RunningContainer:
    held = state(scope)
    if "ModelName" in specification:
        model = held.models.get(specification["ModelName"])
        role, definition = execution_role(scope, model), model.containers[0]
    else:
        given = specification["Container"]
        endpoint = held.endpoints.get(component.endpoint_name)
        role = execution_role(scope, endpoint.config)
        definition = {"Image": given["Image"], "Environment": given.get("Environment", {})}
        if "ArtifactUrl" in given:
            definition["ModelDataUrl"] = given["ArtifactUrl"]
    startup = specification.get("StartupParameters", {})
    place = Place(
        owner=component.name,
        log_group=f"/aws/sagemaker/InferenceComponents/{component.name}",
        log_stream=f"{component.variant_name}/{secrets.token_hex(9)[:17]}",
        startup_timeout=float(startup.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_TIMEOUT)),
    )
    return open_container(role, definition, place, name="primary")


def serving(scope: Scope, endpoint: Endpoint, name: str | None) -> RunningVariant | None:
    """Return the inference component that a request names, as the variant that answers; None when there are none.

    Raises
    ------
    ServiceError
        ``ValidationError`` when the request names none, or a wrong one, or the component has no copies.
    """
    if not endpoint.hosts_components:
        if name is not None:
            raise ServiceError("ValidationError", f"Endpoint {endpoint.name} does not host inference components.")
        return None
    if name is None:
        raise ServiceError(
            "ValidationError",
            "Inference Component Name header is required for endpoints to which you plan to deploy inference "
            "components. Please include Inference Component Name header or consider using SageMaker models.",
            members={"ErrorCode": "INFERENCE_COMPONENT_NAME_MISSING"},
        )
    component = state(scope).components.find(name)
    if component is None or component.endpoint_name != endpoint.name or component.name != name:
        raise ServiceError("ValidationError", f"Inference Component {name} not found in endpoint {endpoint.name}.")
    container = component.container
    if container is None:
        publish_component(scope, name, {"NoCapacityInvocationFailures": 1.0})
        raise ServiceError(
            "ValidationError",
            "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress "
            "(if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API.",
        )
    variant = endpoint.variants[component.variant_name]
    return RunningVariant(
        config=variant.config,
        log_group=container.place.log_group,
        role=execution_role(scope, endpoint.config),
        containers=[container],
        instance_count=variant.instance_count,
        component=component,
    )
