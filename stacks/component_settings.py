"""The settings of one endpoint that hosts inference components, with local paths relative to the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.serving.problems import Problems
from stacks.endpoint_settings import SingleModelKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSettings(ComponentSpecification):
    """What one inference component serves, and what each copy of it has."""

    model: SingleModelKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEndpointSettings(ComponentEndpointOptions):
    """One SageMaker endpoint whose instances several models share, each in copies of its own."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    inference_components: dict[str, ComponentSettings]
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self.problems())
        problems.raise_any()
