"""The settings of one endpoint that hosts inference components, with local paths relative to the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from constructs_lib.sagemaker.api.front import COMPONENT_HEADER
from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.serving.problems import Problems
from stacks.endpoint_settings import ApiKey, MonitoringKey, SingleModelKey, stack_name_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSettings(ComponentSpecification):
    """What one inference component serves, and the resources of each copy.

    Attributes
    ----------
    api
        An HTTPS API in front of this component alone; ``{}`` for one with the defaults. Left out: it is called by AWS
        clients, and by the endpoint's ``api``, if there is one.
    """

    model: SingleModelKey
    api: ApiKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentEndpointSettings(ComponentEndpointOptions):
    """A SageMaker endpoint whose instances several models share, each in its own copies.

    Attributes
    ----------
    api
        An HTTPS API in front of the endpoint, whose requests name a component by the header
        ``X-Amzn-SageMaker-Inference-Component``; ``{}`` for one with the defaults. Left out: it is called by AWS
        clients, and by the ``api`` of its components, if they have one.
    stack
        Name of the stack that the endpoint is in: a letter, then up to 127 letters, digits and hyphens. Left out:
        ``InferenceStack``, or one of several if ``stacks`` is set.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    inference_components: dict[str, ComponentSettings]
    monitoring: MonitoringKey = False
    tags: dict[str, str] = field(default_factory=dict)
    api: ApiKey | None = None
    stack: str | None = None

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(self.problems())
        if self.api is not None and COMPONENT_HEADER.lower() not in map(str.lower, self.api.passed_headers):
            fix = "add it, or give 'api' to the components instead"
            problems.add("api.passed_headers", f"is without '{COMPONENT_HEADER}', by which requests name one; {fix}")
        problems.extend(stack_name_problems(self.stack))
        problems.raise_any()
