"""The settings of one SageMaker endpoint: its options, with local paths read as seen from the settings file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Discriminator, Field, Tag

from constructs_lib.sagemaker.api.front import NAMED_MODEL, ApiFront
from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.hosted_files import hosted_file_problems
from constructs_lib.serving.instances import InstanceTypeError
from constructs_lib.serving.instances import instance_type as find_instance_type
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.multi_container import ContainerValue, MultiContainerModel, names_model
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems
from stacks.places import local_files

_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")  # AWS CloudFormation, CreateStack, StackName


def _instance_type(name: str) -> str:
    try:
        find_instance_type(name)
    except InstanceTypeError as error:
        raise InvalidValueError("instance_type", [Problem("", str(error))]) from None
    return name


def stack_name_problems(stack: str | None) -> Iterator[Problem]:
    """Check that CloudFormation takes the name of a stack."""
    if stack is not None and not _STACK_NAME.fullmatch(stack):
        shape = "a letter, then up to 127 letters, digits and hyphens"
        yield Problem("stack", f"must be the name of a stack ({shape}), got '{stack}'")


def _switch_or_choices(given: object) -> str | None:
    if isinstance(given, bool):
        return "switch"
    return "choices" if isinstance(given, Mapping | Monitoring) else None


MonitoringKey = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[Monitoring, Tag("choices")],
    Discriminator(
        _switch_or_choices,
        custom_error_type="switch_or_choices",
        custom_error_message="must be true, false or a mapping of keys to values",
    ),
]

ApiKey = Annotated[ApiFront, local_files("api", ApiFront.file_problems)]
"""An API of the settings, whose processor is there."""

_model_files = local_files("model", hosted_file_problems)

SingleModelKey = Annotated[AnyModel, Field(discriminator="framework"), _model_files]
"""A single model of the settings, whose local files can be packaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiContainerSettings(MultiContainerModel):
    """Several containers on the same instances, an inference pipeline or a group of which each request calls one."""

    containers: dict[str, Annotated[ContainerValue, Field(discriminator="framework")]]


ModelKey = Annotated[ContainerValue | MultiContainerSettings, Field(discriminator="framework"), _model_files]
"""Whatever an endpoint of the settings serves, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSettings(InstanceVariant):
    """One group of instances behind an endpoint."""

    model: ModelKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings(EndpointOptions):
    """One SageMaker endpoint.

    Attributes
    ----------
    api
        An HTTPS API in front of the endpoint; ``{}`` for one with the defaults. Left out: only AWS clients can call it.
    stack
        Name of the stack that the endpoint is in: a letter, then up to 127 letters, digits and hyphens. Left out:
        ``InferenceStack``, or one of several if ``stacks`` is set.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model: ModelKey
    instance_type: Annotated[str, AfterValidator(_instance_type)] | None = None
    monitoring: MonitoringKey = False
    variants: tuple[VariantSettings, ...] | None = None
    shadow: VariantSettings | None = None
    tags: dict[str, str] = field(default_factory=dict)
    api: ApiKey | None = None
    stack: str | None = None

    def __post_init__(self) -> None:
        problems = Problems("EndpointSettings")
        problems.extend(self.problems())
        if self.api is not None and self.async_inference is not None:
            why = "waits for the answer, which an endpoint with 'async_inference' puts into S3; leave one of them out"
            problems.add("api", why)
        served = (self.model, *(each.model for each in self.variants or () if each.model is not None))
        if self.api is not None and self.api.streaming and any(map(names_model, served)):
            problems.add("api.streaming", f"{NAMED_MODEL}; leave it out")
        problems.extend(stack_name_problems(self.stack))
        problems.raise_any()
