"""What to deploy: the only reader of ``inference.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import to_json

from constructs_lib.sagemaker.api.front import ApiFront
from constructs_lib.sagemaker.async_inference import AsyncInference, BacklogScaling
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.endpoint_rules import EndpointOptions
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.overrides import Overrides
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.scaling_rules import ScheduledCapacity, StepAdjustment, StepScaling
from constructs_lib.sagemaker.serverless import ProvisionedConcurrencyScaling, ServerlessVariant
from constructs_lib.sagemaker.tags import tag_problems
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.instances import InstanceTypeError
from constructs_lib.serving.instances import instance_type as find_instance_type
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.network import PrivateRegistry, VpcConfig
from constructs_lib.serving.notices import acknowledgement_problems
from constructs_lib.serving.packaging import file_problems
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems
from stacks.settings_errors import explain
from stacks.settings_schema import describe
from stacks.yaml_source import KeyPath, read_yaml


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a settings file is, for its readers."""

    directory: Path


def _endpoint_name(name: str) -> str:
    if wrong := name_problem(name):
        raise InvalidValueError("endpoints", [Problem("", wrong)])
    return name


def _instance_type(name: str) -> str:
    try:
        find_instance_type(name)
    except InstanceTypeError as error:
        raise InvalidValueError("instance_type", [Problem("", str(error))]) from None
    return name


def _model(model: AnyModel, info: ValidationInfo) -> AnyModel:
    """Read local paths as seen from the settings file, and hold that what they name can be packaged."""
    if isinstance(info.context, _Place):
        model = model.relative_to(info.context.directory)
        problems = Problems("model")
        problems.extend(file_problems(model))
        problems.raise_any()
    return model


def _api(api: ApiFront, info: ValidationInfo) -> ApiFront:
    """Read the processor's path as seen from the settings file, and hold that it is there."""
    if isinstance(info.context, _Place):
        api = api.relative_to(info.context.directory)
        problems = Problems("api")
        problems.extend(api.file_problems())
        problems.raise_any()
    return api


def _switch_or_choices(given: object) -> str | None:
    if isinstance(given, bool):
        return "switch"
    return "choices" if isinstance(given, Mapping | Monitoring) else None


_MonitoringKey = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[Monitoring, Tag("choices")],
    Discriminator(
        _switch_or_choices,
        custom_error_type="switch_or_choices",
        custom_error_message="must be true, false or a mapping of keys to values",
    ),
]


_Model = Annotated[AnyModel, Field(discriminator="framework"), AfterValidator(_model)]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSettings(InstanceVariant):
    """One group of instances behind an endpoint."""

    model: _Model | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """One SageMaker endpoint.

    Attributes
    ----------
    model
        What is served.
    instance_type
        Type of each instance, such as ``ml.c6i.large``. Left out: ``variants`` or ``serverless`` is given.
    instance_count
        Instances at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. Left out: as many
        as ``autoscaling.min`` says, otherwise 1.
    autoscaling
        How the number of instances follows the traffic. Left out: it stays as it is.
    safe_update
        Whether one deployment may change the instance type of an endpoint that scales, which SageMaker refuses
        otherwise: its scalable targets are deregistered before and registered again after, as they were. Left out: it
        may not.
    monitoring
        CloudWatch alarms and a dashboard: ``true`` for those with the default thresholds, or the thresholds. Left out:
        none.
    api
        An HTTPS API in front of the endpoint; ``{}`` for one with the defaults. Left out: it is called by AWS clients
        alone.
    variants
        1 to 10 production variants among which the traffic is shared by weight. Left out: there is one, of
        ``instance_type``.
    serverless
        Memory and concurrency of an endpoint without instances; ``{}`` for the defaults. Left out: it has instances.
    async_inference
        That requests are answered asynchronously, where, and how the instances follow the backlog. Left out: they are
        answered at once.
    shadow
        A variant that gets copies of the requests, and whose answers nobody sees. Left out: there is none.
    data_capture
        What of the traffic is kept in S3. Left out: nothing is.
    rollout
        How an update moves traffic to new instances, and what takes it back. Left out: all at once.
    tags
        Tags of every resource of the endpoint, values by key. Left out: none.
    overrides
        CloudFormation properties by their own names, for what these settings do not say. Left out: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model: _Model
    instance_type: Annotated[str, AfterValidator(_instance_type)] | None = None
    instance_count: int | None = None
    autoscaling: Autoscaling | None = None
    safe_update: bool = False
    monitoring: _MonitoringKey = False
    api: Annotated[ApiFront, AfterValidator(_api)] | None = None
    variants: tuple[VariantSettings, ...] | None = None
    serverless: ServerlessVariant | None = None
    async_inference: AsyncInference | None = None
    shadow: VariantSettings | None = None
    data_capture: DataCapture | None = None
    rollout: Rollout | None = None
    tags: dict[str, str] = field(default_factory=dict)
    overrides: Overrides | None = None

    def __post_init__(self) -> None:
        problems = Problems("EndpointSettings")
        problems.extend(self.problems())
        problems.extend(tag_problems(self.tags))
        if self.api is not None and self.async_inference is not None:
            why = "waits for the answer, which an endpoint with 'async_inference' puts into S3; leave one of them out"
            problems.add("api", why)
        problems.raise_any()

    def problems(self, *, region: str | None = None) -> Iterator[Problem]:
        """Give what does not go together; with a region, what that lacks as well."""
        options = EndpointOptions(
            model=self.model,
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            autoscaling=self.autoscaling,
            variants=self.variants,
            serverless=self.serverless,
            async_inference=self.async_inference,
            shadow=self.shadow,
            data_capture=self.data_capture,
            rollout=self.rollout,
            endpoint_name="named",  # by its key
            region=region,
        )
        yield from options.problems()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one app deploys.

    Attributes
    ----------
    endpoints
        SageMaker endpoints by name. A name has 1 to 63 letters, digits and inner hyphens.
    region
        Region to deploy to, such as ``eu-west-1``. Left out: the region of the AWS profile that deploys.
    acknowledged_warnings
        Ids of the library's warnings that are known and need not be said again, such as
        ``inference:image-end-of-patch``.
    dashboard
        Whether the stack has a CloudWatch dashboard of all its endpoints. Left out: it has none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    endpoints: dict[Annotated[str, AfterValidator(_endpoint_name)], EndpointSettings]
    region: str | None = None
    acknowledged_warnings: tuple[str, ...] = ()
    dashboard: bool = False

    def __post_init__(self) -> None:
        problems = Problems("Settings")
        problems.extend(acknowledgement_problems(self.acknowledged_warnings))
        if not self.endpoints:
            problems.add("endpoints", "is empty; give at least one endpoint")
        problems.extend(_twin_problems(self.endpoints))
        problems.raise_any()


def load_settings(path: Path, *, region: str | None = None) -> Settings:
    """Read a settings file, and check all of it before anything is built.

    Parameters
    ----------
    path
        The file. Local paths in it are relative to its own directory.
    region
        Region to deploy to when the file gives none. None: it is not known yet.

    Raises
    ------
    SettingsError
        When anything is wrong with the file; its text has one line per problem, with file, line and key.
    """
    source = read_yaml(path)
    try:
        settings = _SETTINGS.validate_json(to_json(source.data), strict=True, context=_Place(path.parent))
    except ValidationError as error:
        raise source.error(explain(error, source, json_schema())) from None
    if wrong := list(_region_problems(settings, region)):
        raise source.error(wrong)
    return replace(settings, region=settings.region or region)


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of the settings file, with each key's meaning from its docstring."""
    return describe(_SETTINGS.json_schema(), _DESCRIBED)


def _twin_problems(names: Iterable[str]) -> Iterator[Problem]:
    """Hold that names differ in more than SageMaker (case) and stack outputs (hyphens) tell apart."""
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(name.replace("-", "").lower(), name)
        if twin != name:
            yield Problem(f"endpoints.{name}", f"differs from '{twin}' in case or hyphens only; choose another name")


def _region_problems(settings: Settings, default: str | None) -> Iterator[tuple[KeyPath, str]]:
    region = settings.region or default
    remark = "" if settings.region else "; the region is that of your AWS profile: set 'region' to deploy to another"
    for endpoint in settings.endpoints.values():
        found = [problem for problem in endpoint.problems(region=region) if problem.field == "region"]
        yield from ((("region",), f"{problem.message}{remark}") for problem in found)


_SETTINGS = TypeAdapter(Settings)
_DESCRIBED = [
    Settings,
    VpcConfig,
    PrivateRegistry,
    EndpointSettings,
    ApiFront,
    Autoscaling,
    Monitoring,
    AsyncInference,
    BacklogScaling,
    DataCapture,
    Overrides,
    ProvisionedConcurrencyScaling,
    Rollout,
    ScheduledCapacity,
    ServerlessVariant,
    StepAdjustment,
    StepScaling,
    VariantSettings,
    *get_args(AnyModel),
]
