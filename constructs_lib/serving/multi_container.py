"""Several containers behind one endpoint: in a row, or each called by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from constructs_lib.serving.models import AnyModel, Model, ModelPackageModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem
from constructs_lib.serving.ranges import choice_problems

ContainerValue = AnyModel | MultiModel
"""What one container serves."""

ExecutionMode = Literal["Serial", "Direct"]
_LEAST, _MOST = 2, 15  # SageMaker developer guide, "Multi-container endpoints"; botocore ContainerDefinitionList


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiContainerModel(Model):
    """Several containers on the same instances, an inference pipeline or a group of which each request calls one.

    Attributes
    ----------
    containers
        2 to 15 models by their container's host name (1 to 63 letters, digits and inner hyphens), in the order of the
        pipeline. One of them may be a multi-model one, if they are in a row.
    inference_execution_mode
        ``Serial``: what one container answers is the next one's request. ``Direct``: each request names one container
        as ``TargetContainerHostname``. Default: ``Serial``.
    network_isolation, vpc
        As for a single model, for all containers together.
    """

    containers: Mapping[str, ContainerValue]
    inference_execution_mode: ExecutionMode = "Serial"
    framework: Literal["multi-container"] = "multi-container"
    # Each container has its own.
    artifact: None = field(init=False, default=None)
    image: None = field(init=False, default=None)
    environment: Mapping[str, str] = field(init=False, default_factory=dict)
    artifact_kms_key_arn: None = field(init=False, default=None)
    additional_model_data_sources: Mapping[str, str] = field(init=False, default_factory=dict)

    def _problems(self) -> list[Problem]:
        return [
            *choice_problems("inference_execution_mode", self.inference_execution_mode, ExecutionMode),
            *self._count_problems(),
            *self._multi_model_problems(),
            *(problem for name in self.containers for problem in self._container_problems(name)),
        ]

    def _count_problems(self) -> Iterator[Problem]:
        if not _LEAST <= len(self.containers) <= _MOST:
            yield Problem("containers", f"must be {_LEAST} to {_MOST}, got {len(self.containers)}")
        names = [name.lower() for name in self.containers]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Problem("containers", f"must differ in more than case, got '{name}' {names.count(name)} times")

    def _multi_model_problems(self) -> Iterator[Problem]:
        # SageMaker developer guide, "Multi-model endpoints"; "Use a multi-container endpoint with direct invocation".
        many = [name for name, each in self.containers.items() if isinstance(each, MultiModel)]
        if len(many) > 1:
            yield Problem("containers", f"may have one multi-model container, got {', '.join(many)}")
        if many and self.inference_execution_mode == "Direct":
            yield Problem(f"containers.{many[0]}", "is a multi-model container, which works in 'Serial' mode alone")

    def _container_problems(self, name: str) -> Iterator[Problem]:
        path, each = f"containers.{name}", self.containers[name]
        if wrong := name_problem(name):
            yield Problem(path, wrong)
        if each.network_isolation and not self.network_isolation:
            yield Problem(f"{path}.network_isolation", "is for all containers together; give it beside 'containers'")
        if each.vpc not in (None, self.vpc):
            yield Problem(f"{path}.vpc", "is for all containers together; give the same beside 'containers'")
        if isinstance(each, ModelPackageModel):
            yield Problem(path, "is a model package, which names its containers itself; give it an endpoint of its own")
        if isinstance(each, MultiModel) and each.container_hostname is not None:
            yield Problem(f"{path}.container_hostname", f"is '{name}', as of every container its key; leave it out")
        try:
            self.member(name)
        except InvalidValueError as error:
            yield from (Problem(f"{path}.{problem.field}", problem.message) for problem in error.problems)

    def member(self, name: str) -> ContainerValue:
        """Give one container's model as it runs: in the network that all of them are in."""
        return replace(self.containers[name], network_isolation=self.network_isolation, vpc=self.vpc)

    def relative_to(self, directory: Path) -> Self:
        """Read relative local paths as seen from ``directory`` instead of from the current one."""
        return replace(self, containers={name: each.relative_to(directory) for name, each in self.containers.items()})


HostedModel = AnyModel | MultiModel | MultiContainerModel
"""Whatever an endpoint serves."""


def containers_of(model: HostedModel) -> dict[str | None, ContainerValue]:
    """Give what each container of a model serves, by the container's host name; None for one without a name."""
    if isinstance(model, MultiContainerModel):
        return {name: model.member(name) for name in model.containers}
    return {model.container_hostname if isinstance(model, MultiModel) else None: model}


def names_model(model: HostedModel) -> bool:
    """Give whether each request names the model that answers it, as it does where there are many."""
    return any(isinstance(each, MultiModel) for each in containers_of(model).values())


def container_path(model: HostedModel, hostname: str | None) -> str:
    """Give the path of a container's model inside its model: empty when it is that itself."""
    return f"containers.{hostname}." if isinstance(model, MultiContainerModel) else ""
