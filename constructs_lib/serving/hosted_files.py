"""What is wrong with the local files of whatever an endpoint serves: one model, many, or several containers."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.serving.artifacts import LocalArtifact
from constructs_lib.serving.file_checks import requirements
from constructs_lib.serving.multi_container import ContainerValue, HostedModel, container_path, containers_of
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.packaging import file_problems
from constructs_lib.serving.problems import Problem

_SHARED = ("entry_point", "source_dir")  # the same for all models
_LISTED = 3


def hosted_file_problems(model: HostedModel) -> list[Problem]:
    """Find what is wrong with a model's local files, as `packaging.file_problems` does for a single model."""
    return [
        Problem(f"{container_path(model, hostname)}{problem.field}", problem.message)
        for hostname, each in containers_of(model).items()
        for problem in _container_file_problems(each)
    ]


def _container_file_problems(model: ContainerValue) -> Iterator[Problem]:
    if not isinstance(model, MultiModel):
        yield from file_problems(model)
        yield from additional_file_problems(model)
        return
    for name in model.models:
        yield from multi_model_file_problems(model, name)


def additional_file_problems(model: ContainerValue) -> Iterator[Problem]:
    """Find what is wrong with the local files of a model's additional sources."""
    for name, source in model.additional_sources.items():
        for problem in file_problems(source):
            yield Problem(f"additional_model_data_sources.{name}", problem.message)


def multi_model_file_problems(model: MultiModel, name: str) -> Iterator[Problem]:
    """Find what is wrong with the local files of one of many models."""
    member = model.member(name)
    found = file_problems(member)
    for problem in found:
        yield Problem(problem.field if problem.field in _SHARED else f"models.{name}", problem.message)
    if not found and model.image is None and isinstance(member.location, LocalArtifact):
        yield from _not_installed(f"models.{name}", requirements(member, member.location) or "")


def _not_installed(path: str, text: str) -> Iterator[Problem]:
    # aws/sagemaker-pytorch-inference-toolkit, torchserve.py: it installs /opt/ml/model/code/requirements.txt alone, and
    # a multi-model container has no /opt/ml/model.
    wanted = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    if wanted:
        named = ", ".join(wanted[:_LISTED]) + (" …" if len(wanted) > _LISTED else "")
        yield Problem(
            path,
            f"has a code/requirements.txt ({named}), which a multi-model container does not install; remove it, or "
            "give an 'image' that has the packages",
        )
