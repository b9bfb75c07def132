"""What SageMaker remembers of one account and region: models, endpoints, inference components, jobs and tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from local_aws.api import Parameters
from local_aws.scope import Scope
from local_aws.services.sagemaker.component_state import InferenceComponent
from local_aws.services.sagemaker.status import Moving, now
from local_aws.services.sagemaker.tables import CompilationJobs, Table, TrainingJobs, TransformJobs

if TYPE_CHECKING:
    from local_aws.services.sagemaker.async_inference import AsyncQueue
    from local_aws.services.sagemaker.variants import RunningVariant


@dataclass(slots=True, kw_only=True)
class Model:
    """A SageMaker model: what ``CreateModel`` was asked for."""

    name: str
    arn: str
    request: Parameters
    created: datetime = field(default_factory=now)

    @property
    def containers(self) -> list[Parameters]:
        """The model's containers, in order; the primary container alone when there is just one."""
        if "PrimaryContainer" in self.request:
            return [self.request["PrimaryContainer"]]
        containers: list[Parameters] = self.request.get("Containers", [])
        return containers


def is_multi_model(definition: Parameters) -> bool:
    """Return whether a container definition is one of a multi-model endpoint."""
    return bool(definition.get("Mode") == "MultiModel")


@dataclass(slots=True, kw_only=True)
class EndpointConfig:
    """An endpoint configuration: what ``CreateEndpointConfig`` was asked for."""

    name: str
    arn: str
    request: Parameters
    created: datetime = field(default_factory=now)

    @property
    def variants(self) -> list[Parameters]:
        """The production variants."""
        variants: list[Parameters] = self.request["ProductionVariants"]
        return variants

    @property
    def shadows(self) -> list[Parameters]:
        """The shadow variants."""
        shadows: list[Parameters] = self.request.get("ShadowProductionVariants", [])
        return shadows

    @property
    def hosts_components(self) -> bool:
        """Whether its models are inference components."""
        return "ExecutionRoleArn" in self.request and all("ModelName" not in variant for variant in self.variants)

    def variant(self, name: str) -> Parameters | None:
        """Return a production variant by its name."""
        return next((variant for variant in self.variants if variant["VariantName"] == name), None)


@dataclass(slots=True, kw_only=True)
class Endpoint(Moving):
    """An endpoint: its status, its configuration and the variants that serve."""

    kind: ClassVar[str] = "endpoint"

    config: EndpointConfig
    deployment_config: Parameters | None = None
    variants: dict[str, RunningVariant] = field(default_factory=dict)
    shadows: dict[str, RunningVariant] = field(default_factory=dict)
    queue: AsyncQueue | None = None

    @property
    def is_async(self) -> bool:
        """Whether it answers by way of S3."""
        return "AsyncInferenceConfig" in self.config.request

    @property
    def hosts_components(self) -> bool:
        """Whether its models are inference components."""
        return self.config.hosts_components


class State:
    """SageMaker's resources of one account and region."""

    def __init__(self, scope: Scope) -> None:
        self.models: Table[Model] = Table(scope, "model", "model")
        self.configs: Table[EndpointConfig] = Table(scope, "endpoint configuration", "endpoint-config")
        self.endpoints: Table[Endpoint] = Table(scope, "endpoint", "endpoint")
        self.components: Table[InferenceComponent] = Table(scope, "inference component", "inference-component")
        self.training_jobs = TrainingJobs(scope)
        self.transform_jobs = TransformJobs(scope)
        self.compilation_jobs = CompilationJobs(scope)
        self.tags: dict[str, dict[str, str]] = {}

    @property
    def tables(self) -> list[Table[Any]]:
        """Every kind of resource that has tags."""
        return [table for table in vars(self).values() if isinstance(table, Table)]


_states: dict[Scope, State] = {}


def state(scope: Scope) -> State:
    """Return SageMaker's resources of an account and region."""
    return _states.setdefault(scope, State(scope))


def states() -> list[tuple[Scope, State]]:
    """Return SageMaker's resources of every account and region that has any."""
    return list(_states.items())
