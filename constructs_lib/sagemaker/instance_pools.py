"""Instance pools: further instance types that a variant is given when its own has no capacity.

Source: AWS, "Deploy to multiple instance types with instance pools": up to five types in order, for one model or
inference components, answered at once or asynchronously; `InstancePools` stands in the place of `InstanceType`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from constructs_lib.serving.compatibility import instance_type_problems
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.multi_container import HostedModel, containers_of
from constructs_lib.serving.problems import Problem
from constructs_lib.serving.servers import sagemaker_environment

_FALLBACKS_MAX = 4  # of five in all: botocore sagemaker InstancePoolList


def pool_problems(first: str, fallbacks: Sequence[str], *, autoscaled: bool, accelerated: bool) -> Iterator[Problem]:
    """Check that a variant's further types exist, and run the same image.

    Yields
    ------
    Problem
        About ``fallback_instance_types`` or one of them; nothing while the first type is wrong itself.
    """
    if len(fallbacks) > _FALLBACKS_MAX:
        yield Problem("fallback_instance_types", f"must be at most {_FALLBACKS_MAX}, got {len(fallbacks)}")
    if fallbacks and accelerated:
        yield Problem("fallback_instance_types", "does not work with Elastic Inference; leave 'accelerator_type' out")
    known = not any(instance_type_problems(first, autoscaled=False))
    for number, name in enumerate(fallbacks):
        field = f"fallback_instance_types.{number}"
        if name in (first, *fallbacks[:number]):
            yield Problem(field, f"is '{name}' again; name each type once")
            continue
        wrong = list(instance_type_problems(name, autoscaled=autoscaled))
        yield from (Problem(field, problem.message) for problem in wrong)
        if wrong or not known:
            continue
        own, other = instance_type(first), instance_type(name)
        if (own.device, own.architecture) != (other.device, other.architecture):
            yield Problem(
                field,
                f"is '{name}' ({other.device}, {other.architecture}), which cannot run the image for '{first}' "
                f"({own.device}, {own.architecture}); name types of one kind",
            )


def shared_model_problems(model: HostedModel, first: str, fallbacks: Sequence[str]) -> Iterator[Problem]:
    """Check that the model's containers get the same environment on all types of a variant.

    Yields
    ------
    Problem
        About ``fallback_instance_types``.
    """
    for each in containers_of(model).values():
        wanted = sagemaker_environment(each, instance_type(first))
        for number, name in enumerate(fallbacks):
            given = sagemaker_environment(each, instance_type(name))
            if differing := sorted(key for key, value in wanted.items() if given.get(key) != value):
                yield Problem(
                    f"fallback_instance_types.{number}",
                    f"is '{name}', on which {', '.join(differing)} would not be as on '{first}'; name types with as "
                    "many accelerators, or set 'tensor_parallel_degree'",
                )
