"""Keys that one kind of endpoint has and another lacks, and why."""

from __future__ import annotations

from constructs_lib.sagemaker.inference_components.specification import NO_GROUP
from stacks.yaml_source import KeyPath

_COMPONENTS = "inference_component_endpoints"
_REASONS = {
    "model": "each of 'inference_components' has a 'model' of its own",
    "autoscaling": "each component counts its copies by its own 'autoscaling', and SageMaker the instances by "
    "'managed_instance_scaling'",
    "variants": "all components share the instances of one variant; give another endpoint for other instances",
    "serverless": "copies of components have their place on instances; leave it out",
    # botocore sagemaker-runtime InvokeEndpointAsyncInput has no InferenceComponentName.
    "async_inference": "an asynchronous request cannot name a component; put the model into 'endpoints'",
    "shadow": "a shadow variant serves a model, and a variant that hosts components has none; put the model into "
    "'endpoints'",
    "accelerator_type": "AWS has ended Elastic Inference; give an 'instance_type' with accelerators of its own",
    "safe_update": "every update of it is safe, as no scalable target keeps SageMaker from changing the instances; "
    "leave it out",
}


def why_no_framework(path: KeyPath, framework: str) -> str | None:
    """Say why what an endpoint can serve is nothing for an inference component; None when there is no such thing."""
    if path[0] == _COMPONENTS and framework in ("multi-model", "multi-container"):
        return f"{framework} {NO_GROUP}"
    return None


def why_refused(path: KeyPath) -> str | None:
    """Say why a key that other endpoints have is none of an endpoint that hosts inference components.

    Parameters
    ----------
    path
        The keys that lead to it, and the key.

    Returns
    -------
    str or None
        The reason, and what to do. None: it is no key of any endpoint, or is one here.
    """
    if len(path) == 3 and path[0] == _COMPONENTS:
        return _REASONS.get(str(path[2]))
    return None
