"""What does not work with many models, several containers, or a product of AWS Marketplace behind one endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from constructs_lib.serving.models import ModelPackageModel
from constructs_lib.serving.multi_container import HostedModel, MultiContainerModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import Problem

if TYPE_CHECKING:
    from constructs_lib.sagemaker.endpoint_options import EndpointOptions

_MARKETPLACE = "a product of AWS Marketplace"


def model_group_problems(options: EndpointOptions) -> Iterator[Problem]:
    """Check that SageMaker serves a group of models, or a product of AWS Marketplace, in the way that is asked for.

    Sources: SageMaker developer guide, exclusions of "Serverless Inference", "Shadow tests", "Deployment guardrails";
    botocore sagemaker-runtime: ``InvokeEndpointAsync`` has neither ``TargetModel`` nor ``TargetContainerHostname``.
    """
    own = (variant.model for variant in options.instance_variants)
    models = [model for model in (options.model, *own) if model is not None]
    for kind, target in dict.fromkeys((_kind(model), target_of(model)) for model in models):
        if kind is None:
            continue
        if options.serverless is not None:
            yield Problem("serverless", f"does not work with {kind}; give 'instance_type' instead")
        if options.shadow is not None:
            yield Problem("shadow", f"does not work with {kind}; leave it out")
        if options.async_inference is not None and target is not None:
            what = f"has no '{target}' in its requests, which {kind} needs"
            yield Problem("async_inference", f"{what}; leave it out, or give each model an endpoint of its own")
        if options.rollout is not None and kind == _MARKETPLACE:
            yield Problem("rollout", f"does not work with {kind}; leave it out")


def target_of(model: HostedModel) -> str | None:
    """Give the parameter by which each request names its model or its container; None when it names none."""
    if isinstance(model, MultiModel):
        return "TargetModel"
    if not isinstance(model, MultiContainerModel):
        return None
    if model.inference_execution_mode == "Direct":
        return "TargetContainerHostname"
    return "TargetModel" if any(isinstance(each, MultiModel) for each in model.containers.values()) else None


def _kind(model: HostedModel) -> str | None:
    if isinstance(model, MultiModel):
        return "a multi-model endpoint"
    if isinstance(model, ModelPackageModel) and model.marketplace:
        return _MARKETPLACE
    return "a multi-container endpoint" if isinstance(model, MultiContainerModel) else None
