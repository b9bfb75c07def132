"""What SageMaker remembers: models, endpoint configurations, endpoints and tags of one account and region."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from local_aws.api import Parameters
from local_aws.errors import validation_error
from local_aws.scope import Scope
from local_aws.services.sagemaker.component_state import InferenceComponent

if TYPE_CHECKING:
    from local_aws.services.sagemaker.async_inference import AsyncQueue
    from local_aws.services.sagemaker.variants import RunningVariant

# "Deleted" is ours: the endpoint is gone by then, and whoever waited for that is told.
_SETTLED = ("InService", "Failed", "Deleted")


def now() -> datetime:
    """Return the current time, as AWS keeps it."""
    return datetime.now(UTC)


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

    def variant(self, name: str) -> Parameters | None:
        """Return a production variant by its name."""
        return next((variant for variant in self.variants if variant["VariantName"] == name), None)


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """An endpoint: its status, its configuration and the variants that serve."""

    name: str
    arn: str
    config: EndpointConfig
    status: str = "Creating"
    failure_reason: str | None = None
    deployment_config: Parameters | None = None
    variants: dict[str, RunningVariant] = field(default_factory=dict)
    shadows: dict[str, RunningVariant] = field(default_factory=dict)
    queue: AsyncQueue | None = None
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    settled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_async(self) -> bool:
        """Whether it answers by way of S3."""
        return "AsyncInferenceConfig" in self.config.request

    @property
    def hosts_components(self) -> bool:
        """Whether its models are inference components."""
        return "ExecutionRoleArn" in self.config.request and all("ModelName" not in v for v in self.config.variants)

    def begin(self, status: str) -> None:
        """Move to a status in which something is under way.

        Raises
        ------
        ServiceError
            When something is under way already.
        """
        with self._lock:
            if self.status not in _SETTLED:
                raise validation_error(f'Cannot update in-progress endpoint "{self.arn}".')
            self.set_status(status)

    def set_status(self, status: str, *, failure_reason: str | None = None) -> None:
        """Move to another status; ``InService``, ``Failed`` and ``Deleted`` end what was under way."""
        # FailureReason is a string of at most 1024 characters.
        self.failure_reason = failure_reason[:1024] if failure_reason else None
        self.status = status
        self.modified = now()
        if status in _SETTLED:
            self.settled.set()
        else:
            self.settled.clear()


Record = TypeVar("Record", Model, EndpointConfig, Endpoint, InferenceComponent)


class Table(Generic[Record]):
    """The records of one kind, by name.

    Names are case-insensitive when a resource is created and keep their case afterwards (CreateEndpoint's reference).
    """

    def __init__(self, scope: Scope, kind: str, arn_type: str) -> None:
        self._scope = scope
        self._kind = kind
        self._arn_type = arn_type
        self._records: dict[str, Record] = {}
        self._lock = threading.Lock()

    def arn(self, name: str) -> str:
        """Return the ARN of a name; SageMaker writes names in ARNs in lower case."""
        return self._scope.arn("sagemaker", f"{self._arn_type}/{name.lower()}")

    def add(self, record: Record) -> None:
        """Keep a new record.

        Raises
        ------
        ServiceError
            When there already is one of that name.
        """
        with self._lock:
            if record.name.lower() in self._records:
                raise validation_error(f'Cannot create already existing {self._kind} "{record.arn}".')
            self._records[record.name.lower()] = record

    def get(self, name: str) -> Record:
        """Return a record.

        Raises
        ------
        ServiceError
            When there is none of that name.
        """
        record = self._records.get(name.lower())
        if record is None:
            raise validation_error(f'Could not find {self._kind} "{self.arn(name)}".')
        return record

    def find(self, name: str) -> Record | None:
        """Return a record, or None when there is none of that name."""
        return self._records.get(name.lower())

    def remove(self, name: str) -> None:
        """Forget a record."""
        with self._lock:
            self._records.pop(name.lower(), None)

    def all(self) -> list[Record]:
        """Return every record."""
        with self._lock:
            return list(self._records.values())


class State:
    """SageMaker's resources of one account and region."""

    def __init__(self, scope: Scope) -> None:
        self.models: Table[Model] = Table(scope, "model", "model")
        self.configs: Table[EndpointConfig] = Table(scope, "endpoint configuration", "endpoint-config")
        self.endpoints: Table[Endpoint] = Table(scope, "endpoint", "endpoint")
        self.components: Table[InferenceComponent] = Table(scope, "inference component", "inference-component")
        self.tags: dict[str, dict[str, str]] = {}


_states: dict[Scope, State] = {}


def state(scope: Scope) -> State:
    """Return SageMaker's resources of an account and region."""
    return _states.setdefault(scope, State(scope))


def states() -> list[tuple[Scope, State]]:
    """Return SageMaker's resources of every account and region that has any."""
    return list(_states.items())
