"""The settings of jobs: training jobs, whose models endpoints serve, and batch transforms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, get_args

from constructs_lib.jobs.job_data import file_problems
from constructs_lib.jobs.training import Training
from constructs_lib.jobs.training_files import training_file_problems
from constructs_lib.jobs.training_image import training_image
from constructs_lib.jobs.transform import Transform
from constructs_lib.jobs.transform_rules import model_problems
from constructs_lib.serving.artifacts import TrainedArtifact
from constructs_lib.serving.compatibility import region_problems
from constructs_lib.serving.images import RegionError
from constructs_lib.serving.instances import Use, instance_type
from constructs_lib.serving.models import AnyModel, Model
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.problems import Problem
from stacks.component_settings import ComponentEndpointSettings
from stacks.endpoint_settings import EndpointSettings, SingleModelKey
from stacks.places import local_files


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTransformSettings(Transform):
    """One batch transform: a model's answers to every object under an S3 prefix.

    Attributes
    ----------
    model
        What answers. Left out: ``endpoint`` is given.
    endpoint
        Name of the endpoint of these settings whose model answers. Left out: ``model`` is given.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    model: SingleModelKey | None = None
    endpoint: str | None = None

    def _problems(self) -> Iterator[Problem]:
        yield from Transform._problems(self)
        if (self.model is None) == (self.endpoint is None):
            yield Problem("model", "or 'endpoint' says what answers; give one of the two")
        if self.model is not None:
            yield from model_problems(self.model, self.instance_type)


def _input_problems(transform: BatchTransformSettings) -> Iterator[Problem]:
    return file_problems("input", transform.input)


TrainingKey = Annotated[Training, local_files("training_job", training_file_problems)]
"""A training job of the settings, whose script and local data are there."""
BatchTransformKey = Annotated[BatchTransformSettings, local_files("batch_transform", _input_problems)]
"""A batch transform of the settings, whose input, if it is local, can be uploaded."""


def job_problems(
    training_jobs: Mapping[str, Training],
    batch_transforms: Mapping[str, BatchTransformSettings],
    endpoints: Mapping[str, EndpointSettings],
    component_endpoints: Mapping[str, ComponentEndpointSettings],
) -> Iterator[Problem]:
    """Check that every training job and endpoint that is named is one of these settings."""
    models = {f"endpoints.{name}.{path}": model for name, each in endpoints.items() for path, model in _models(each)}
    for name, fleet in component_endpoints.items():
        path = f"inference_component_endpoints.{name}.inference_components"
        models |= {f"{path}.{part}.model": each.model for part, each in fleet.inference_components.items()}
    models |= {f"batch_transforms.{name}.model": each.model for name, each in batch_transforms.items() if each.model}
    for path, model in models.items():
        location = model.location
        if isinstance(location, TrainedArtifact) and location.training_job not in training_jobs:
            yield Problem(f"{path}.artifact", f"names no training job: {_choose(location.training_job, training_jobs)}")
    for name, transform in batch_transforms.items():
        if transform.endpoint is not None:
            yield from _endpoint_problems(f"batch_transforms.{name}", transform, transform.endpoint, endpoints)


def job_region_problems(
    training_jobs: Mapping[str, Training],
    batch_transforms: Mapping[str, BatchTransformSettings],
    endpoints: Mapping[str, EndpointSettings],
    region: str,
) -> Iterator[Problem]:
    """Give the images that AWS does not keep in a region, as problems of ``region``."""
    for training in training_jobs.values():
        image = training_image(training, instance_type(training.instance_type, use=Use.TRAINING))
        try:
            _ = image if isinstance(image, str) else image.uri(region)
        except RegionError as error:
            yield Problem("region", str(error))
    for transform in batch_transforms.values():
        model = endpoints[transform.endpoint].model if transform.endpoint else transform.model
        if model is not None:
            yield from region_problems(model, transform.instance_type, region)


def _endpoint_problems(
    path: str, transform: BatchTransformSettings, name: str, endpoints: Mapping[str, EndpointSettings]
) -> Iterator[Problem]:
    """Check that batch transform can run the model of an endpoint."""
    if name not in endpoints:
        yield Problem(f"{path}.endpoint", f"names no endpoint: {_choose(name, endpoints)}")
        return
    model = endpoints[name].model
    if not isinstance(model, get_args(AnyModel)):
        why = "serves several models; give the one that is to answer as 'model'"
        yield Problem(f"{path}.endpoint", f"'{name}' {why}")
        return
    for problem in model_problems(model, transform.instance_type):
        field = "instance_type" if problem.field == "instance_type" else "endpoint"
        yield Problem(f"{path}.{field}", problem.message)


def _models(endpoint: EndpointSettings) -> Iterator[tuple[str, Model]]:
    """Give every model of an endpoint with the path of its key."""
    found: list[tuple[str, Model | None]] = [("model", endpoint.model)]
    found += [(f"variants.{index}.model", each.model) for index, each in enumerate(endpoint.variants or ())]
    found += [("shadow.model", endpoint.shadow.model)] if endpoint.shadow else []
    for path, model in found:
        if isinstance(model, MultiContainerModel):
            yield from ((f"{path}.containers.{name}", each) for name, each in model.containers.items())
        elif model is not None:
            yield path, model


def _choose(name: str, names: Mapping[str, object]) -> str:
    if not names:
        return f"got '{name}', and the settings have none"
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"got '{name}'; {hint}choose one of {', '.join(names)}"
