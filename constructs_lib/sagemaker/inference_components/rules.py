"""Which inference components fit on which instances, checked for settings and constructs alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.instances import InstanceType, InstanceTypeError, instance_type
from constructs_lib.serving.language_models import parallel_units
from constructs_lib.serving.models import LargeLanguageModel
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import Problem, below, is_token

if TYPE_CHECKING:
    from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions


_ROOM = {"accelerators": "{} accelerators", "cpu_cores": "{:g} CPU cores", "min_memory_mb": "{} MB of memory"}


def copy_host(specification: ComponentSpecification, instance: InstanceType) -> InstanceType:
    """Give the instance as one copy sees it: with the copy's own accelerators only."""
    if instance.accelerator is None or specification.accelerators is None:
        return instance
    return replace(instance, accelerator=replace(instance.accelerator, count=specification.accelerators))


def component_problems(options: ComponentEndpointOptions) -> Iterator[Problem]:
    """Check that each component can be hosted, and that its copies find room; the field is a path into the options."""
    components = options.inference_components
    if not components:
        yield Problem("inference_components", "is empty; give at least one")
    yield from _name_problems(list(components))
    told: set[Problem] = set()
    for name, each in components.items():
        for problem in hosting_problems(each.model, options.instance_type, autoscaled=False):
            if problem.field != "instance_type":
                yield Problem(f"inference_components.{name}.{problem.field}", problem.message)
            elif problem not in told:  # the type is the same for all
                told.add(problem)
                yield problem
    try:
        instance = instance_type(options.instance_type)
    except InstanceTypeError:
        return
    unfit = [
        Problem(f"inference_components.{name}.{problem.field}", problem.message)
        for name, each in components.items()
        for problem in _size_problems(each, instance)
    ]
    yield from unfit or _room_problems(options, instance)
    yield from _network_problems(options)


def _name_problems(names: list[str]) -> Iterator[Problem]:
    lower = [name.lower() for name in names]
    for name in names:
        path = f"inference_components.{name}"
        if wrong := name_problem(name):
            yield Problem(path, wrong)
        if lower.count(name.lower()) > 1:
            yield Problem(path, "differs from another component's name in case only; choose another name")


def _size_problems(each: ComponentSpecification, instance: InstanceType) -> Iterator[Problem]:
    yield from _accelerator_problems(each, instance)
    has = f"'{instance.name}' has"
    if each.cpu_cores is not None and instance.vcpus is not None and below(instance.vcpus, each.cpu_cores):
        yield Problem("cpu_cores", f"is {each.cpu_cores:g}, but {has} {instance.vcpus}; choose fewer, or a larger type")
    memory = _memory_mb(instance)
    if memory is not None and not is_token(each.min_memory_mb) and each.min_memory_mb >= memory:
        yield Problem(
            "min_memory_mb", f"is {each.min_memory_mb}, but {has} {memory} in all; choose less, or a larger type"
        )


def _accelerator_problems(each: ComponentSpecification, instance: InstanceType) -> Iterator[Problem]:
    accelerator, wanted = instance.accelerator, each.accelerators
    if accelerator is None:
        if wanted is not None:
            yield Problem(
                "accelerators", f"is {wanted}, but '{instance.name}' has none; leave it out, or choose 'ml.g5.xlarge'"
            )
        return
    if wanted is None:
        if each.model.image is None:
            has = f"'{instance.name}' has {accelerator.count} ({accelerator.model})"
            yield Problem("accelerators", f"is missing: {has}, and its image needs them; give how many a copy gets")
        return
    if below(accelerator.count, wanted):
        has = f"'{instance.name}' has {accelerator.count} ({accelerator.model})"
        yield Problem("accelerators", f"is {wanted}, but {has}; choose fewer, or a larger type")
        return
    degree = each.model.tensor_parallel_degree if isinstance(each.model, LargeLanguageModel) else None
    units = parallel_units(copy_host(each, instance))
    if degree is not None and below(units, degree):
        why = f"is {degree}, but each copy has {units} to be split over"
        yield Problem("model.tensor_parallel_degree", f"{why}; give more 'accelerators', or a smaller degree")


def _room_problems(options: ComponentEndpointOptions, instance: InstanceType) -> Iterator[Problem]:
    """Check that there can be enough instances for the copies that a deployment waits for."""
    scaling = options.managed_instance_scaling
    instances = scaling.max_instance_count if scaling else options.initial_instance_count
    if below(instances, 1):
        return  # told already
    more = "managed_instance_scaling.max_instance_count" if scaling else "instance_count"
    each_has = {
        "accelerators": instance.accelerator.count if instance.accelerator else None,
        "cpu_cores": instance.vcpus,
        "min_memory_mb": _memory_mb(instance),
    }
    for name, has in each_has.items():
        needs = [(each.initial_copies, getattr(each, name) or 0) for each in options.inference_components.values()]
        if has is None or any(map(is_token, (instances, *itertools.chain(*needs)))):
            continue
        wanted, there = sum(copies * need for copies, need in needs), instances * has
        if wanted > there:
            yield Problem(
                "inference_components",
                f"start with copies that need {_ROOM[name].format(wanted)}, but {instances} of '{instance.name}' have "
                f"{there}; raise '{more}', or start with fewer 'copies'",
            )


def _memory_mb(instance: InstanceType) -> int | None:
    return None if instance.memory_gib is None else int(instance.memory_gib * 1024)


def _network_problems(options: ComponentEndpointOptions) -> Iterator[Problem]:
    """Check that all are in one network, which SageMaker sets for the endpoint as a whole."""
    models = {name: each.model for name, each in options.inference_components.items()}
    for setting in ("vpc", "network_isolation"):
        for name, model in models.items():
            first = next(iter(models))
            if getattr(model, setting) != getattr(models[first], setting):
                why = f"differs from that of '{first}'; SageMaker puts all components of an endpoint into one network"
                yield Problem(f"inference_components.{name}.model.{setting}", why)
