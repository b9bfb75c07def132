"""The way around these constructs: any CloudFormation property of an endpoint's resources, by its own name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from constructs_lib.serving.problems import Problem, Problems

if TYPE_CHECKING:
    import aws_cdk as cdk
    from constructs import Construct

_PATH = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9_\-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """CloudFormation properties to set or to remove, whatever the constructs make of them.

    A property is named by its path, such as ``ProductionVariants.0.EnableSSMAccess``. The value goes into the template
    as it is; None removes the property. Nothing is checked here: CloudFormation has the last word.

    Attributes
    ----------
    model
        Properties of ``AWS::SageMaker::Model``; of each, if variants have models of their own.
    endpoint_config
        Properties of ``AWS::SageMaker::EndpointConfig``.
    endpoint
        Properties of ``AWS::SageMaker::Endpoint``.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model: dict[str, Any] = field(default_factory=dict)
    endpoint_config: dict[str, Any] = field(default_factory=dict)
    endpoint: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        for resource in ("model", "endpoint_config", "endpoint"):
            problems.extend(path_problems(resource, getattr(self, resource)))
        problems.raise_any()

    def apply(self, *, models: Iterable[Construct], endpoint_config: Construct, endpoint: Construct) -> None:
        """Set and remove the properties in the template.

        Parameters
        ----------
        models, endpoint_config, endpoint
            The constructs of an endpoint's resources.
        """
        for model in models:
            override(model, self.model)
        override(endpoint_config, self.endpoint_config)
        override(endpoint, self.endpoint)


def path_problems(name: str, properties: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that properties are named by paths; the field of each problem is ``name``."""
    for path in properties:
        if not _PATH.fullmatch(path):
            allowed = "names of CloudFormation properties and list positions, joined by dots"
            yield Problem(name, f"has the path '{path}', which must be {allowed}")


def override(construct: Construct, properties: Mapping[str, Any]) -> None:
    """Set or remove properties of a construct's primary resource.

    Parameters
    ----------
    construct
        Has a primary resource.
    properties
        New values by path; None removes the property.
    """
    if not properties:
        return
    resource = cast("cdk.CfnResource", construct.node.default_child)
    for path, value in properties.items():
        if value is None:
            resource.add_property_deletion_override(path)
        else:
            resource.add_property_override(path, value)
