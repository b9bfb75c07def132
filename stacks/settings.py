"""What to deploy: the only reader of ``inference.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import to_json

from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.variants import instance_count_problems
from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.instances import InstanceTypeError
from constructs_lib.serving.instances import instance_type as find_instance_type
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.names import name_problem
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """One SageMaker endpoint.

    Attributes
    ----------
    model
        What is served.
    instance_type
        Type of each instance, such as ``ml.c6i.large``.
    instance_count
        Instances at the start, at least 1, and between ``autoscaling.min`` and ``autoscaling.max``. Left out: as many
        as ``autoscaling.min`` says, otherwise 1.
    autoscaling
        How the number of instances follows the traffic. Left out: it stays as it is.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model: Annotated[AnyModel, Field(discriminator="framework"), AfterValidator(_model)]
    instance_type: Annotated[str, AfterValidator(_instance_type)]
    instance_count: int | None = None
    autoscaling: Autoscaling | None = None

    def __post_init__(self) -> None:
        problems = Problems("EndpointSettings")
        problems.extend(instance_count_problems(self.instance_count, self.autoscaling))
        problems.extend(hosting_problems(self.model, self.instance_type, autoscaled=self.autoscaling is not None))
        problems.raise_any()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one app deploys.

    Attributes
    ----------
    endpoints
        SageMaker endpoints by name. A name has 1 to 63 letters, digits and inner hyphens.
    region
        Region to deploy to, such as ``eu-west-1``. Left out: the region of the AWS profile that deploys.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    endpoints: dict[Annotated[str, AfterValidator(_endpoint_name)], EndpointSettings]
    region: str | None = None

    def __post_init__(self) -> None:
        problems = Problems("Settings")
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
    return describe(_SETTINGS.json_schema(), [Settings, EndpointSettings, Autoscaling, *get_args(AnyModel)])


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
        found = hosting_problems(endpoint.model, endpoint.instance_type, autoscaled=False, region=region)
        yield from ((("region",), f"{problem.message}{remark}") for problem in found)


_SETTINGS = TypeAdapter(Settings)
