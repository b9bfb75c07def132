"""Which options of an endpoint go together, held by settings and constructs alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.variants import InstanceVariant, instance_count_problems
from constructs_lib.serving.compatibility import hosting_problems, image_device
from constructs_lib.serving.images import Device
from constructs_lib.serving.instances import InstanceTypeError, instance_type
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.problems import InvalidValueError, Problem, is_token

VARIANTS_MAX = 10  # botocore sagemaker ProductionVariantList

# A CPU instance of the architecture that serverless workers have: what image a model needs there.
SERVERLESS_HOST = "ml.m5.large"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """Everything about an endpoint that may clash, as its caller gave it.

    Attributes
    ----------
    model, instance_type, instance_count, autoscaling, variants, serverless, async_inference, shadow, data_capture,
    rollout, endpoint_name
        As `InferenceEndpoint` takes them.
    region
        Where it will run. None: not known yet, and not checked.
    """

    model: AnyModel
    instance_type: str | None = None
    instance_count: int | None = None
    autoscaling: Autoscaling | None = None
    variants: Sequence[InstanceVariant] | None = None
    serverless: ServerlessVariant | None = None
    async_inference: AsyncInference | None = None
    shadow: InstanceVariant | None = None
    data_capture: DataCapture | None = None
    rollout: Rollout | None = None
    endpoint_name: str | None = None
    region: str | None = None

    def production_variants(self) -> tuple[InstanceVariant | ServerlessVariant, ...]:
        """Give the production variants, however they were given; empty when none was.

        Raises
        ------
        InvalidValueError
            When there is no such instance type, or the count does not fit; `problems` tells that as well.
        """
        if self.serverless is not None:
            return (self.serverless,)
        if self.instance_type is None:
            return tuple(self.variants or ())
        one = InstanceVariant(
            instance_type=self.instance_type, instance_count=self.instance_count, autoscaling=self.autoscaling
        )
        return (one,)

    def problems(self) -> Iterator[Problem]:
        """Give every clash; its field is one of `InferenceEndpoint`'s, or a path into it."""
        yield from self._kind_problems()
        if self.instance_type is not None:
            yield from instance_count_problems(self.instance_count, self.autoscaling)
            scaled = self.autoscaling is not None
            yield from hosting_problems(self.model, self.instance_type, autoscaled=scaled, region=self.region)
        for index, variant in enumerate(self.variants or ()):
            yield from self._fit_problems(f"variants.{index}.", variant)
        yield from () if self.variants is None else variant_list_problems(self.variants)
        if self.serverless is not None:
            yield from self._serverless_problems()
        if self.async_inference is not None:
            yield from self._async_problems(self.async_inference)
        if self.shadow is not None:
            yield from self._fit_problems("shadow.", self.shadow)
            yield from self._shadow_problems(self.shadow)
        if self.rollout is not None:
            with suppress(InvalidValueError):  # told already, as the instance type's or the count's problem
                yield from rollout_problems(self.rollout, self.production_variants(), self.endpoint_name)

    def _kind_problems(self) -> Iterator[Problem]:
        """Hold that there is exactly one way in which the endpoint gets its compute."""
        ways = ("instance_type", "variants", "serverless")
        given = [name for name in ways if getattr(self, name) is not None]
        if not given:
            yield Problem("instance_type", "is missing; give it, or 'variants', or 'serverless'")
        for name in given[1:]:
            yield Problem(name, f"is given as well as '{given[0]}'; give one of the two")
        if self.instance_type is not None:
            return
        owner = "the variant in 'variants'" if self.variants else "'serverless'"
        for name in ("instance_count", "autoscaling"):
            if getattr(self, name) is not None and given:
                yield Problem(name, f"belongs to 'instance_type', which is not given; move it into {owner}")

    def _fit_problems(self, path: str, variant: InstanceVariant) -> Iterator[Problem]:
        own = variant.model is not None
        found = hosting_problems(
            variant.model or self.model,
            variant.instance_type,
            autoscaled=variant.autoscaling is not None,
            region=self.region,
        )
        for problem in found:
            inherited = problem.field == "region" or (problem.field.startswith("model.") and not own)
            if inherited and problem.field != "region":
                message = f"{problem.message} (for '{path}instance_type': '{variant.instance_type}')"
                yield Problem(problem.field, message)
            else:
                yield Problem(problem.field if inherited else f"{path}{problem.field}", problem.message)

    def _serverless_problems(self) -> Iterator[Problem]:
        # Source: AWS, "Deploy models with Amazon SageMaker Serverless Inference", section "Feature exclusions".
        for name in ("async_inference", "shadow", "data_capture"):
            if getattr(self, name) is not None:
                why = "does not work with a serverless endpoint"
                yield Problem(name, f"{why}; leave it out, or give 'instance_type' instead of 'serverless'")
        for name in ("network_isolation", "vpc", "private_registry"):
            if getattr(self.model, name, None):
                why = "does not work with a serverless endpoint"
                yield Problem(f"model.{name}", f"{why}; leave it out, or give 'instance_type' instead of 'serverless'")
        if self.model.image is not None:
            device = image_device(self.model.image)
            if device not in (None, Device.CPU):
                yield Problem("model.image", f"'{self.model.image}' is built for {device}; {_NO_GPU}")
            return
        for problem in hosting_problems(self.model, SERVERLESS_HOST, autoscaled=False, region=self.region):
            if problem.field == "instance_type":
                yield Problem("serverless", f"has no image for this model: {_NO_GPU}")
            else:
                yield problem

    def _async_problems(self, settings: AsyncInference) -> Iterator[Problem]:
        variants = self.variants or ()
        if len(variants) > 1:
            yield Problem(
                "async_inference",
                "works with one variant: requests wait in one queue of the endpoint; give 'instance_type', or one "
                "variant",
            )
        scalings = [("autoscaling", self.autoscaling)]
        scalings += [(f"variants.{index}.autoscaling", each.autoscaling) for index, each in enumerate(variants)]
        for path, scaling in scalings:
            if scaling is not None:
                yield Problem(
                    path,
                    "follows requests that are answered at once, which an asynchronous endpoint has not; give "
                    "'async_inference.autoscaling', which follows the backlog",
                )
        if self.instance_type is not None and settings.autoscaling is not None and _burstable(self.instance_type):
            yield Problem(
                "async_inference.autoscaling",
                f"does not work with '{self.instance_type}': SageMaker does not scale burstable instances; choose "
                "another type, such as 'ml.c6i.large'",
            )

    def _shadow_problems(self, shadow: InstanceVariant) -> Iterator[Problem]:
        # Source: AWS, "Shadow tests", section "Exclusions"; botocore sagemaker ShadowProductionVariants.
        variants = self.variants or ()
        if len(variants) > 1:
            yield Problem("shadow", f"needs exactly one production variant, got {len(variants)}")
        if self.async_inference is not None:
            yield Problem("shadow", "does not work with 'async_inference'; leave one of the two out")
        if shadow.autoscaling is not None:
            yield Problem("shadow.autoscaling", "is for production variants; give a shadow an 'instance_count'")
        names = [variant.name for variant in variants] or ["AllTraffic"]
        if shadow.name in names:
            yield Problem("shadow.name", f"is '{shadow.name}', as of the production variant; choose another name")
        for path, name in self._instance_types():
            if name.startswith("ml.inf1."):
                yield Problem(path, f"is '{name}', but shadow variants do not work with Inf1; choose another type")

    def _instance_types(self) -> Iterator[tuple[str, str]]:
        if self.instance_type is not None:
            yield "instance_type", self.instance_type
        for index, variant in enumerate(self.variants or ()):
            yield f"variants.{index}.instance_type", variant.instance_type
        if self.shadow is not None:
            yield "shadow.instance_type", self.shadow.instance_type


_NO_GPU = "serverless endpoints have no accelerator; give 'instance_type' instead of 'serverless', or an image for CPU"


def variant_list_problems(variants: Sequence[InstanceVariant | ServerlessVariant]) -> Iterator[Problem]:
    """Hold that there are 1 to 10 variants, each with a name of its own, of which one gets traffic."""
    if not 1 <= len(variants) <= VARIANTS_MAX:
        yield Problem("variants", f"must be 1 to {VARIANTS_MAX}, got {len(variants)}")
    names = [variant.name for variant in variants]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem("variants", f"must each have a name of its own, got '{name}' {names.count(name)} times")
    weights = [variant.weight for variant in variants if isinstance(variant, InstanceVariant)]
    if weights and len(weights) == len(variants) and not any(is_token(weight) or weight for weight in weights):
        yield Problem("variants", "all have weight 0, so that none gets a request; give one of them a weight above 0")


def rollout_problems(
    rollout: Rollout, variants: Sequence[InstanceVariant | ServerlessVariant], endpoint_name: str | None
) -> Iterator[Problem]:
    """Hold that SageMaker rolls out these variants in this way. Source: AWS, "Deployment guardrails", exclusions."""
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
    if rollout.alarms is None and (endpoint_name is None or not variants):
        yield Problem(
            "rollout.alarms",
            "is missing, and alarms can be made only for an endpoint whose name and variants are known before it is; "
            "give 'endpoint_name', or alarms of your own",
        )


def _burstable(name: str) -> bool:
    try:
        return instance_type(name).burstable
    except InstanceTypeError:
        return False
