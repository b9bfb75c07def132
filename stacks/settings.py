"""What to deploy: the only reader of ``inference.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import to_json

from constructs_lib.eks.cluster_options import ClusterOptions
from constructs_lib.serving.node_group import NodeGroup
from constructs_lib.serving.notices import acknowledgement_problems
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import range_problems
from stacks.cluster_settings import ExistingClusterSettings, cluster_choice_problems
from stacks.component_settings import ComponentEndpointSettings
from stacks.endpoint_settings import EndpointSettings
from stacks.job_settings import BatchTransformKey, TrainingKey, job_problems, job_region_problems
from stacks.limits import CLUSTER_STACK, WORKLOAD_STACK
from stacks.name_rules import endpoint_name, shared_component_problems, twin_problems
from stacks.places import Place
from stacks.settings_errors import explain, key_path
from stacks.settings_schema import describe
from stacks.workload_settings import CompilationsKey, WorkloadsKey, auto_mode_problems, cluster_problems
from stacks.yaml_source import KeyPath, SettingsError, read_yaml

__all__ = ["EndpointSettings", "Settings", "SettingsError", "json_schema", "load_settings"]

# What can be deployed; one of them is not empty.
_SECTIONS = ("endpoints", "inference_component_endpoints", "training_jobs", "batch_transforms")
_IN_CLUSTER = ("cluster", "existing_cluster", "workloads", "neuron_compilations")
# What several stacks share.
_SPREAD = ("endpoints", "inference_component_endpoints")
_STACKS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an app deploys: the content of a settings file.

    Attributes
    ----------
    endpoints
        SageMaker endpoints by name. A name has 1 to 63 letters, digits and inner hyphens.
    inference_component_endpoints
        SageMaker endpoints whose instances several models share as inference components, by name.
    training_jobs
        SageMaker training jobs by name, which the deployment runs. The artifact of another model in these settings,
        ``training-job://NAME``, stands for the job's result.
    batch_transforms
        SageMaker batch transform jobs by name; they run at a deployment, on a schedule, or for new objects in S3.
    cluster
        An EKS cluster for ``workloads``, deployed first, as ``ClusterStack``. Left out: none is created.
    existing_cluster
        A cluster that exists already, for ``workloads``. Left out: they run in ``cluster``, if there is one.
    workloads
        Models that pods of a cluster serve, by name. A name has 1 to 46 lower-case letters, digits and hyphens.
    neuron_compilations
        Jobs of the cluster that compile models for Inferentia and Trainium, by name.
    region
        Region to deploy to, such as ``eu-west-1``. Left out: the region of the AWS profile that deploys.
    acknowledged_warnings
        Ids of the library's warnings to silence, such as ``inference:image-end-of-patch``.
    stacks
        Number of stacks, 1 to 1000, over which the endpoints are spread by their names alone: ``InferenceStack1`` and
        so on. Some 60 endpoints fit into one. Do not change the number later: it would move endpoints between stacks,
        which no deployment can do. Choose one with room to grow, and give new endpoints a ``stack`` when theirs is
        full. Left out: all are in ``InferenceStack``.
    dashboard
        Whether the stack has a CloudWatch dashboard of all its endpoints. Left out: no.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    endpoints: dict[Annotated[str, AfterValidator(endpoint_name)], EndpointSettings] = field(default_factory=dict)
    inference_component_endpoints: dict[Annotated[str, AfterValidator(endpoint_name)], ComponentEndpointSettings] = (
        field(default_factory=dict)
    )
    training_jobs: dict[Annotated[str, AfterValidator(endpoint_name)], TrainingKey] = field(default_factory=dict)
    batch_transforms: dict[Annotated[str, AfterValidator(endpoint_name)], BatchTransformKey] = field(
        default_factory=dict
    )
    cluster: ClusterOptions | None = None
    existing_cluster: ExistingClusterSettings | None = None
    workloads: WorkloadsKey = field(default_factory=dict)
    neuron_compilations: CompilationsKey = field(default_factory=dict)
    region: str | None = None
    acknowledged_warnings: tuple[str, ...] = ()
    stacks: int = 1
    dashboard: bool = False

    def __post_init__(self) -> None:
        problems = Problems("Settings")
        problems.extend(acknowledgement_problems(self.acknowledged_warnings))
        if not any(getattr(self, section) for section in (*_SECTIONS, *_IN_CLUSTER)):
            problems.add("endpoints", "is empty; give at least one endpoint")
        problems.extend(twin_problems("endpoints", self.endpoints))
        fleets = self.inference_component_endpoints
        problems.extend(twin_problems("inference_component_endpoints", fleets, taken=self.endpoints))
        problems.extend(shared_component_problems(fleets))
        problems.extend(twin_problems("training_jobs", self.training_jobs))
        problems.extend(twin_problems("batch_transforms", self.batch_transforms))
        problems.extend(job_problems(self.training_jobs, self.batch_transforms, self.endpoints, fleets))
        problems.extend(self._stack_problems())
        if self.dashboard and not self.all_endpoints:
            problems.add("dashboard", "shows 'endpoints', of which there are none; give one, or leave it out")
        problems.extend(cluster_choice_problems(self.cluster, self.existing_cluster))
        problems.raise_any()

    @property
    def node_groups(self) -> tuple[NodeGroup, ...]:
        """The kinds of node of the cluster; none when there is no cluster here."""
        cluster = self.cluster or self.existing_cluster
        return cluster.node_groups if cluster else ()

    @property
    def has_inference_stack(self) -> bool:
        """Whether there is anything for `InferenceStack`, besides what a cluster runs."""
        return any(getattr(self, section) for section in _SECTIONS)

    @property
    def all_endpoints(self) -> list[tuple[str, EndpointSettings | ComponentEndpointSettings]]:
        """The SageMaker endpoints of every kind, with their names."""
        return [*self.endpoints.items(), *self.inference_component_endpoints.items()]

    def _stack_problems(self) -> Iterator[Problem]:
        yield from range_problems("stacks", self.stacks, 1, _STACKS_MAX)
        spelled = {"inferencestack": "InferenceStack"}
        for section in _SPREAD:
            for name, endpoint in getattr(self, section).items():
                stack = endpoint.stack
                if stack is None:
                    continue
                path, first = f"{section}.{name}.stack", spelled.setdefault(stack.lower(), stack)
                if stack.lower() in (CLUSTER_STACK.lower(), WORKLOAD_STACK.lower()):
                    yield Problem(path, f"is '{stack}', where a cluster is; choose another name")
                elif stack != first:  # their templates would be one file where file names have no case
                    yield Problem(path, f"differs from '{first}' in case only; choose another name")
        if self.stacks == 1 and not any(endpoint.stack for _, endpoint in self.all_endpoints):
            return
        for section in _SECTIONS:
            if section not in _SPREAD and getattr(self, section):
                why = "is in one stack with the endpoints, which 'stacks' or 'stack' spread over several; put it into a"
                yield Problem(section, f"{why} settings file of its own, or leave those out")


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
        settings = _SETTINGS.validate_json(to_json(source.data), strict=True, context=Place(path.parent))
    except ValidationError as error:
        raise source.error(explain(error, source, json_schema())) from None
    if wrong := list(_region_problems(settings, region)):
        raise source.error(wrong)
    if unfit := list(_cluster_problems(settings, region)):
        raise source.error([(key_path(problem.field, source.data), problem.message) for problem in unfit])
    return replace(settings, region=settings.region or region)


@cache
def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of the settings file, with each key's meaning from its docstring; the same one each time."""
    return describe(_SETTINGS.json_schema(), Settings)


def _region_problems(settings: Settings, default: str | None) -> Iterator[tuple[KeyPath, str]]:
    region = settings.region or default
    if region is None:
        return
    remark = "" if settings.region else "; the region is that of your AWS profile: set 'region' to deploy to another"
    found = [problem for _, endpoint in settings.all_endpoints for problem in endpoint.region_problems(region)]
    found += job_region_problems(settings.training_jobs, settings.batch_transforms, settings.endpoints, region)
    yield from ((("region",), f"{problem.message}{remark}") for problem in found)


def _cluster_problems(settings: Settings, region: str | None) -> Iterator[Problem]:
    yield from cluster_problems(
        settings.workloads, settings.neuron_compilations, settings.node_groups, settings.region or region
    )
    if settings.cluster and settings.cluster.auto_mode:
        yield from auto_mode_problems(settings.workloads)


_SETTINGS = TypeAdapter(Settings)
