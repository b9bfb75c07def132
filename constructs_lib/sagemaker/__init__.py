"""SageMaker hosting: one construct per CloudFormation resource, and `InferenceEndpoint` on top of them.

Names are imported when they are first used, so that reading settings does not start jsii.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_lib.sagemaker.autoscaling import Autoscaling
    from constructs_lib.sagemaker.endpoint import Endpoint, IEndpoint
    from constructs_lib.sagemaker.endpoint_config import EndpointConfig
    from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
    from constructs_lib.sagemaker.model import IModel, Model
    from constructs_lib.sagemaker.variants import InstanceVariant

_HOME = {
    "Autoscaling": "autoscaling",
    "Endpoint": "endpoint",
    "EndpointConfig": "endpoint_config",
    "IEndpoint": "endpoint",
    "IModel": "model",
    "InferenceEndpoint": "inference_endpoint",
    "InstanceVariant": "variants",
    "Model": "model",
}

__all__ = [
    "Autoscaling",
    "Endpoint",
    "EndpointConfig",
    "IEndpoint",
    "IModel",
    "InferenceEndpoint",
    "InstanceVariant",
    "Model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
