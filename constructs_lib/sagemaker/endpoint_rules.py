"""Which options of an endpoint go together, checked for settings and constructs alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.instance_pools import shared_model_problems
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant
from constructs_lib.serving.arns import key_problems
from constructs_lib.serving.compatibility import hosting_problems
from constructs_lib.serving.field_types import held_problems
from constructs_lib.serving.images import Device
from constructs_lib.serving.instance_storage import disk_key_problems
from constructs_lib.serving.instances import InstanceTypeError, instance_type
from constructs_lib.serving.names import name_problem, twin_name_problems
from constructs_lib.serving.problems import Problem, is_token

if TYPE_CHECKING:
    from constructs_lib.sagemaker.endpoint_options import EndpointOptions

VARIANTS_MAX = 10  # botocore sagemaker ProductionVariantList


def kind_problems(options: EndpointOptions) -> Iterator[Problem]:
    """Check that there is exactly one way in which the endpoint gets its compute."""
    ways = ("instance_type", "variants", "serverless")
    given = [name for name in ways if getattr(options, name) is not None]
    if not given:
        yield Problem("instance_type", "is missing; give it, or 'variants', or 'serverless'")
    for name in given[1:]:
        yield Problem(name, f"is given as well as '{given[0]}'; give one of the two")
    if options.instance_type is not None:
        return
    owner = "the variant in 'variants'" if options.variants else "'serverless'"
    for name in ("instance_count", "autoscaling", "accelerator_type"):
        if getattr(options, name) is not None and given:
            yield Problem(name, f"belongs to 'instance_type', which is not given; move it into {owner}")


def fit_problems(options: EndpointOptions, path: str, variant: InstanceVariant) -> Iterator[Problem]:
    """Check that one variant's model and instances can be hosted together."""
    own, model = variant.model is not None, variant.model or options.model
    found = hosting_problems(
        model,
        variant.instance_type,
        autoscaled=variant.autoscaling is not None,
        accelerator_type=variant.accelerator_type,
    )
    for problem in (*found, *shared_model_problems(model, variant.instance_type, variant.fallback_instance_types)):
        if problem.field.startswith("model.") and not own:
            message = f"{problem.message} (for '{path}instance_type': '{variant.instance_type}')"
            yield Problem(problem.field, message)
        else:
            yield Problem(f"{path}{problem.field}", problem.message)
    yield from gpu_scaling_problems(path, variant.autoscaling, variant.instance_type)


def gpu_scaling_problems(path: str, scaling: Autoscaling | None, name: str) -> Iterator[Problem]:
    """Check that instances follow the use of GPUs only if they have some: others have no such metric."""
    if scaling is None or scaling.gpu_utilization is None:
        return
    with suppress(InstanceTypeError):  # told already, as the instance type's problem
        if instance_type(name).device is not Device.GPU:
            yield Problem(
                f"{path}autoscaling.gpu_utilization",
                f"is the use of GPUs, and '{name}' has none; give 'cpu_utilization', or a GPU instance such as "
                "'ml.g5.xlarge'",
            )


def async_problems(options: EndpointOptions, settings: AsyncInference) -> Iterator[Problem]:
    """Check that there is one queue of requests, and that the instances follow it alone."""
    variants = options.variants or ()
    if len(variants) > 1:
        yield Problem(
            "async_inference",
            "works with one variant: requests wait in one queue of the endpoint; give 'instance_type', or one variant",
        )
    scalings = [("autoscaling", options.autoscaling)]
    scalings += [(f"variants.{index}.autoscaling", each.autoscaling) for index, each in enumerate(variants)]
    for path, scaling in scalings:
        if scaling is not None:
            yield Problem(
                path,
                "follows requests that are answered at once, which an asynchronous endpoint has not; give "
                "'async_inference.autoscaling', which follows the backlog",
            )
    if options.instance_type is not None and settings.autoscaling is not None and _burstable(options.instance_type):
        yield Problem(
            "async_inference.autoscaling",
            f"does not work with '{options.instance_type}': SageMaker does not scale burstable instances; choose "
            "another type, such as 'ml.c6i.large'",
        )


def shadow_problems(options: EndpointOptions, shadow: InstanceVariant) -> Iterator[Problem]:
    """Check that SageMaker copies requests to this shadow.

    Source: AWS, "Shadow tests", section "Exclusions"; botocore sagemaker ShadowProductionVariants.
    """
    variants = options.variants or ()
    if len(variants) > 1:
        yield Problem("shadow", f"needs exactly one production variant, got {len(variants)}")
    if options.async_inference is not None:
        yield Problem("shadow", "does not work with 'async_inference'; leave one of the two out")
    if shadow.autoscaling is not None:
        yield Problem("shadow.autoscaling", "is for production variants; give a shadow an 'instance_count'")
    names = [variant.name for variant in variants] or ["AllTraffic"]
    if shadow.name in names:
        yield Problem("shadow.name", f"is '{shadow.name}', as of the production variant; choose another name")
    for path, name in _instance_types(options):
        if name.startswith("ml.inf1."):
            yield Problem(path, f"is '{name}', but shadow variants do not work with Inf1; choose another type")
    if options.accelerator_type or any(each.accelerator_type for each in (*variants, shadow)):
        yield Problem("shadow", "does not work with Elastic Inference; leave 'accelerator_type' out")


def _instance_types(options: EndpointOptions) -> Iterator[tuple[str, str]]:
    if options.instance_type is not None:
        yield "instance_type", options.instance_type
    for index, variant in enumerate(options.variants or ()):
        yield f"variants.{index}.instance_type", variant.instance_type
    if options.shadow is not None:
        yield "shadow.instance_type", options.shadow.instance_type


def variant_list_problems(variants: Sequence[AnyVariant]) -> Iterator[Problem]:
    """Check that there are 1 to 10 variants, each with a name of its own, and that at least one gets traffic."""
    if not 1 <= len(variants) <= VARIANTS_MAX:
        yield Problem("variants", f"must be 1 to {VARIANTS_MAX}, got {len(variants)}")
    yield from twin_name_problems("variants", [variant.name for variant in variants])
    weights = [variant.weight for variant in variants if isinstance(variant, InstanceVariant)]
    if weights and len(weights) == len(variants) and not any(is_token(weight) or weight for weight in weights):
        yield Problem("variants", "all have weight 0, so that none gets a request; give one of them a weight above 0")


def volume_key_problems(key_arn: str | None, variants: Sequence[AnyVariant]) -> Iterator[Problem]:
    """Check that there are volumes which a key of the user's encrypts. Source: botocore sagemaker, KmsKeyId."""
    if key_arn is None:
        return
    name = "volume_kms_key_arn"
    yield from key_problems(name, key_arn)
    for variant in variants:
        if isinstance(variant, ServerlessVariant):
            yield Problem(name, "is for the volumes of instances, which a serverless endpoint has not; leave it out")
            continue
        for host in (variant.instance_type, *variant.fallback_instance_types):
            yield from disk_key_problems(name, key_arn, instance_type(host))


def rollout_problems(rollout: Rollout, variants: Sequence[AnyVariant]) -> Iterator[Problem]:
    """Check that SageMaker rolls out these variants in this way. Source: AWS, "Deployment guardrails", exclusions."""
    if rollout.strategy == "rolling":
        instead = "choose 'all_at_once', 'canary' or 'linear'"
        if len(variants) > 1:
            yield Problem("rollout.strategy", f"'rolling' works with one variant, got {len(variants)}; {instead}")
        if any(isinstance(variant, ServerlessVariant) for variant in variants):
            yield Problem("rollout.strategy", f"'rolling' does not work with a serverless endpoint; {instead}")
    for variant in variants:
        if isinstance(variant, InstanceVariant) and variant.instance_type.startswith("ml.inf1."):
            name = variant.instance_type
            yield Problem("rollout", f"does not work with Inf1, got '{name}'; choose Inf2, such as 'ml.inf2.xlarge'")
        if isinstance(variant, InstanceVariant) and variant.accelerator_type:
            yield Problem("rollout", "does not work with Elastic Inference; leave 'accelerator_type' out")


def naming_problems(
    endpoint_name: str | None, *, variants_known: bool, rollout: Rollout | None, safe_update: bool
) -> Iterator[Problem]:
    """Check that SageMaker takes the name, and that there is one where something must find the endpoint by it."""
    mistyped = list(held_problems("endpoint_name", endpoint_name, str | None))
    yield from mistyped
    if endpoint_name is not None and not mistyped and (wrong := name_problem(endpoint_name)):
        yield Problem("endpoint_name", wrong)
    named = endpoint_name is not None
    if rollout is not None and rollout.alarms is None and not (named and variants_known):
        yield Problem(
            "rollout.alarms",
            "is missing, and alarms can be made only for an endpoint whose name and variants are known before it is; "
            "give 'endpoint_name', or alarms of your own",
        )
    if safe_update and not named:
        yield Problem("safe_update", "needs an 'endpoint_name', by which the scalable targets are found; give it one")
    if safe_update and not variants_known:
        yield Problem("safe_update", "needs to know the variants: give a configuration that is made here")


def _burstable(name: str) -> bool:
    try:
        return instance_type(name).burstable
    except InstanceTypeError:
        return False
