"""A production variant that serves: its containers, opened and closed together."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from local_aws.api import Parameters
from local_aws.scope import Scope
from local_aws.services.sagemaker.containers import Place, RunningContainer, open_container
from local_aws.services.sagemaker.models import execution_role
from local_aws.services.sagemaker.move import open_together
from local_aws.services.sagemaker.multi_model import TargetModels
from local_aws.services.sagemaker.serverless import Concurrency
from local_aws.services.sagemaker.state import Model

if TYPE_CHECKING:
    from local_aws.execution_role import ExecutionRole
    from local_aws.services.sagemaker.component_state import InferenceComponent

# "If the container does not pass the health checks within 8 minutes …" (SageMaker's hosting documentation).
STARTUP_TIMEOUT = 480.0


@dataclass(slots=True, kw_only=True)
class RunningVariant:
    """A variant whose containers run; none of its own when its endpoint hosts inference components.

    For a request to a component, ``component`` and its container stand in the variant's place.
    """

    config: Parameters
    log_group: str
    model: Model | None = None
    role: ExecutionRole | None = None
    containers: list[RunningContainer] = field(default_factory=list)
    target_models: dict[str, TargetModels] = field(default_factory=dict)
    concurrency: Concurrency | None = None
    weight: float = 1.0
    instance_count: int | None = None
    component: InferenceComponent | None = None

    @property
    def name(self) -> str:
        """The variant's name."""
        name: str = self.config["VariantName"]
        return name

    @property
    def is_direct(self) -> bool:
        """Whether each request names the container that answers it."""
        execution: Parameters = self.model.request.get("InferenceExecutionConfig", {}) if self.model else {}
        return bool(execution.get("Mode") == "Direct")

    def summary(self) -> Parameters:
        """Return the variant as DescribeEndpoint shows it."""
        described: Parameters = {
            "VariantName": self.name,
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
        }
        if self.model is not None:
            described["DeployedImages"] = [
                {"SpecifiedImage": container.definition["Image"], "ResolutionTime": self.model.created}
                for container in self.containers
            ]
        if self.instance_count is not None:
            described |= {"CurrentInstanceCount": self.instance_count, "DesiredInstanceCount": self.instance_count}
        for key in ("ManagedInstanceScaling", "RoutingConfig"):
            if key in self.config:
                described[key] = self.config[key]
        if "ServerlessConfig" in self.config:
            described["CurrentServerlessConfig"] = described["DesiredServerlessConfig"] = self.config[
                "ServerlessConfig"
            ]
        return described

    def scale_serverless(self, changes: Parameters) -> None:
        """Change how many requests a serverless variant takes at a time."""
        settings = self.config["ServerlessConfig"] | changes
        self.config = self.config | {"ServerlessConfig": settings}
        self.concurrency = Concurrency(settings)

    def close(self) -> None:
        """Stop the containers and delete what they had on disk."""
        for container in self.containers:
            container.close()


def open_variant(scope: Scope, endpoint_name: str, config: Parameters, model: Model | None) -> RunningVariant:
    """Start a variant's containers, all at the same time.

    Parameters
    ----------
    model
        None: the endpoint hosts inference components, which bring their containers.

    Raises
    ------
    ServiceError
        When the execution role lacks a right.
    Exception
        The plane's ``HostFailedError`` when a container does not start.
    """
    variant = RunningVariant(
        config=config,
        model=model,
        log_group=f"/aws/sagemaker/Endpoints/{endpoint_name}",
        weight=float(config.get("InitialVariantWeight", 1.0)),
        instance_count=config.get("InitialInstanceCount"),
    )
    if "ServerlessConfig" in config:
        variant.concurrency = Concurrency(config["ServerlessConfig"])
    if model is None:
        return variant
    variant.role = execution_role(scope, model)
    variant.containers = _open_all(endpoint_name, variant, model, variant.role)
    variant.target_models = {
        container.name: TargetModels(container, endpoint_name, variant.name)
        for container in variant.containers
        if container.is_multi_model
    }
    return variant


def _open_all(endpoint_name: str, variant: RunningVariant, model: Model, role: ExecutionRole) -> list[RunningContainer]:
    instance = f"{variant.name}/i-{secrets.token_hex(9)[:17]}"
    timeout = float(variant.config.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_TIMEOUT))
    alone = len(model.containers) == 1

    def open_one(number: int, definition: Parameters) -> RunningContainer:
        # "A unique name is automatically assigned based on the position in the pipeline" (ContainerDefinition).
        name = "primary" if alone else definition.get("ContainerHostname", f"container-{number}")
        # The container's name is part of the stream's in an inference pipeline ("Log groups and streams").
        place = Place(
            owner=f"{endpoint_name}-{variant.name}",
            log_group=variant.log_group,
            log_stream=instance if alone else f"{instance}/{name}",
            startup_timeout=timeout,
        )
        return open_container(role, definition, place, name=name)

    return open_together([partial(open_one, number, item) for number, item in enumerate(model.containers, start=1)])
