"""SageMaker hosting: one construct per CloudFormation resource, and `InferenceEndpoint` on top of them.

Names are imported when they are first used, so that reading settings does not start jsii.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_lib.sagemaker.api.endpoint_api import EndpointApi
    from constructs_lib.sagemaker.api.front import ApiFront
    from constructs_lib.sagemaker.async_inference import AsyncInference, BacklogScaling
    from constructs_lib.sagemaker.autoscaling import Autoscaling
    from constructs_lib.sagemaker.data_capture import DataCapture
    from constructs_lib.sagemaker.endpoint import Endpoint, IEndpoint
    from constructs_lib.sagemaker.endpoint_config import EndpointConfig
    from constructs_lib.sagemaker.inference_components.component_interface import IInferenceComponent
    from constructs_lib.sagemaker.inference_components.copy_rollout import CopyRollout
    from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling
    from constructs_lib.sagemaker.inference_components.endpoint import InferenceComponentEndpoint
    from constructs_lib.sagemaker.inference_components.inference_component import InferenceComponent
    from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
    from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
    from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
    from constructs_lib.sagemaker.model import IModel, Model
    from constructs_lib.sagemaker.monitoring.endpoint_monitoring import EndpointMonitoring, InferenceDashboard
    from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
    from constructs_lib.sagemaker.multi_model.endpoint import MultiModelEndpoint
    from constructs_lib.sagemaker.overrides import Overrides
    from constructs_lib.sagemaker.rollout import Rollout
    from constructs_lib.sagemaker.scaling_rules import (
        CopyStepScaling,
        ScheduledCapacity,
        ScheduledCopies,
        StepAdjustment,
        StepScaling,
    )
    from constructs_lib.sagemaker.serverless import ProvisionedConcurrencyScaling, ServerlessVariant
    from constructs_lib.sagemaker.variants import InstanceVariant

_HOME = {
    "ApiFront": "api.front",
    "AsyncInference": "async_inference",
    "Autoscaling": "autoscaling",
    "BacklogScaling": "async_inference",
    "ComponentSpecification": "inference_components.specification",
    "CopyRollout": "inference_components.copy_rollout",
    "CopyScaling": "inference_components.copy_scaling",
    "CopyStepScaling": "scaling_rules",
    "DataCapture": "data_capture",
    "Endpoint": "endpoint",
    "EndpointApi": "api.endpoint_api",
    "EndpointConfig": "endpoint_config",
    "EndpointMonitoring": "monitoring.endpoint_monitoring",
    "IEndpoint": "endpoint",
    "IInferenceComponent": "inference_components.component_interface",
    "IModel": "model",
    "InferenceComponent": "inference_components.inference_component",
    "InferenceComponentEndpoint": "inference_components.endpoint",
    "InferenceDashboard": "monitoring.endpoint_monitoring",
    "InferenceEndpoint": "inference_endpoint",
    "InstanceVariant": "variants",
    "ManagedInstanceScaling": "inference_components.managed_instance_scaling",
    "Model": "model",
    "Monitoring": "monitoring.monitoring",
    "MultiModelEndpoint": "multi_model.endpoint",
    "Overrides": "overrides",
    "ProvisionedConcurrencyScaling": "serverless",
    "Rollout": "rollout",
    "ScheduledCapacity": "scaling_rules",
    "ScheduledCopies": "scaling_rules",
    "ServerlessVariant": "serverless",
    "StepAdjustment": "scaling_rules",
    "StepScaling": "scaling_rules",
}

__all__ = [
    "ApiFront",
    "AsyncInference",
    "Autoscaling",
    "BacklogScaling",
    "ComponentSpecification",
    "CopyRollout",
    "CopyScaling",
    "CopyStepScaling",
    "DataCapture",
    "Endpoint",
    "EndpointApi",
    "EndpointConfig",
    "EndpointMonitoring",
    "IEndpoint",
    "IInferenceComponent",
    "IModel",
    "InferenceComponent",
    "InferenceComponentEndpoint",
    "InferenceDashboard",
    "InferenceEndpoint",
    "InstanceVariant",
    "ManagedInstanceScaling",
    "Model",
    "Monitoring",
    "MultiModelEndpoint",
    "Overrides",
    "ProvisionedConcurrencyScaling",
    "Rollout",
    "ScheduledCapacity",
    "ScheduledCopies",
    "ServerlessVariant",
    "StepAdjustment",
    "StepScaling",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
