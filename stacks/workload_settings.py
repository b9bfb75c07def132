"""The settings of workloads in a cluster: the charts' own values, named by their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from cdk8s_charts.neuron_compilation import NeuronCompilation
from cdk8s_charts.neuron_compilation_rules import compilation_problems
from cdk8s_charts.servers import AnyServer
from cdk8s_charts.twin_rules import twin_problems
from cdk8s_charts.workload import Workload, name_problem
from cdk8s_charts.workload_rules import workload_problems
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.problems import InvalidValueError, Problem

# Where nothing says which region it will be, the rest is checked as for one that has every image.
_ANY_REGION = "us-east-1"
# The name while a value is read, which does not see its key.
_UNNAMED = "unnamed"

_Settings = TypeVar("_Settings", "WorkloadSettings", "CompilationSettings")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSettings(Workload):
    """A model, served by pods of a cluster."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: SkipJsonSchema[str] = _UNNAMED
    model: Annotated[AnyModel, Field(discriminator="framework")]
    server: Annotated[AnyServer, Field(discriminator="kind")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilationSettings(NeuronCompilation):
    """A compilation for Neuron: the model comes from S3, and the compiled one goes to S3."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    name: SkipJsonSchema[str] = _UNNAMED


def _key(name: str) -> str:
    if wrong := name_problem(name):
        raise InvalidValueError("workloads", [Problem("", wrong)])
    return name


def _named(section: dict[str, _Settings]) -> dict[str, _Settings]:
    """Give each value of a section its key as its name."""
    twice = [key for key, value in section.items() if value.name != _UNNAMED]
    if twice:
        problems = [Problem(f"{key}.name", f"is the key '{key}' itself; leave it out") for key in twice]
        raise InvalidValueError("name", problems)
    return {key: replace(value, name=key) for key, value in section.items()}


_Name = Annotated[str, AfterValidator(_key)]
WorkloadsKey = Annotated[dict[_Name, WorkloadSettings], AfterValidator(_named)]
"""Workloads by name."""
CompilationsKey = Annotated[dict[_Name, CompilationSettings], AfterValidator(_named)]
"""Compilations by name."""


def cluster_problems(
    workloads: Mapping[str, Workload],
    compilations: Mapping[str, NeuronCompilation],
    node_groups: Sequence[NodeGroup],
    region: str | None,
) -> Iterator[Problem]:
    """Find what keeps workloads and compilations from running in the cluster; each problem is named by its path."""
    named: dict[str, Workload | NeuronCompilation] = {f"workloads.{name}": each for name, each in workloads.items()}
    named |= {f"neuron_compilations.{name}": each for name, each in compilations.items()}
    paths = list(named)
    for problem in twin_problems(list(named.values())):
        index, _, field = problem.field.partition(".")
        yield Problem(f"{paths[int(index)]}.{field}", problem.message)
    for path, each in named.items():
        there = region or each.region or _ANY_REGION
        if isinstance(each, Workload):
            found = workload_problems(each, node_groups, region=there)
        else:
            found = compilation_problems(each, node_groups, region=there)
        yield from (Problem(f"{path}.{problem.field}", problem.message) for problem in found)


def auto_mode_problems(workloads: Mapping[str, Workload]) -> Iterator[Problem]:
    """Check that load balancers name their class: EKS Auto Mode makes none for a Service without one."""
    for name, workload in workloads.items():
        if workload.service.type == "LoadBalancer" and workload.service.load_balancer_class is None:
            yield Problem(
                f"workloads.{name}.service.load_balancer_class",
                "is missing: with AutoMode it is EKS that makes load balancers; give 'eks.amazonaws.com/nlb', or the "
                "class of a controller of your own",
            )
