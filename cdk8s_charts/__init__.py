"""Serving workloads on Kubernetes as cdk8s charts, of the same model values as the SageMaker constructs.

Names are imported when they are first used: values read settings without cdk8s, which takes a second to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdk8s_charts.autoscaling import KedaTrigger, PodAutoscaling, ScalingRule
    from cdk8s_charts.clients import Clients
    from cdk8s_charts.neuron_compilation import NeuronCompilation
    from cdk8s_charts.neuron_compilation_chart import NeuronCompilationChart
    from cdk8s_charts.resources import Resources
    from cdk8s_charts.servers.multi_model_server import MultiModelServer
    from cdk8s_charts.servers.sagemaker_container import SageMakerContainer
    from cdk8s_charts.servers.tensorflow_serving import Batching, TensorFlowServing, VersionPolicy
    from cdk8s_charts.servers.torchserve import TorchServe
    from cdk8s_charts.servers.triton import Triton
    from cdk8s_charts.servers.vllm import Vllm
    from cdk8s_charts.service import Ingress, Service
    from cdk8s_charts.serving_chart import ServingChart
    from cdk8s_charts.workload import Workload
    from cdk8s_charts.write import write_charts

_HOME = {
    "Batching": "servers.tensorflow_serving",
    "Clients": "clients",
    "Ingress": "service",
    "KedaTrigger": "autoscaling",
    "MultiModelServer": "servers.multi_model_server",
    "NeuronCompilation": "neuron_compilation",
    "NeuronCompilationChart": "neuron_compilation_chart",
    "PodAutoscaling": "autoscaling",
    "Resources": "resources",
    "SageMakerContainer": "servers.sagemaker_container",
    "ScalingRule": "autoscaling",
    "Service": "service",
    "ServingChart": "serving_chart",
    "TensorFlowServing": "servers.tensorflow_serving",
    "TorchServe": "servers.torchserve",
    "Triton": "servers.triton",
    "VersionPolicy": "servers.tensorflow_serving",
    "Vllm": "servers.vllm",
    "Workload": "workload",
    "write_charts": "write",
}

__all__ = [
    "Batching",
    "Clients",
    "Ingress",
    "KedaTrigger",
    "MultiModelServer",
    "NeuronCompilation",
    "NeuronCompilationChart",
    "PodAutoscaling",
    "Resources",
    "SageMakerContainer",
    "ScalingRule",
    "Service",
    "ServingChart",
    "TensorFlowServing",
    "TorchServe",
    "Triton",
    "VersionPolicy",
    "Vllm",
    "Workload",
    "write_charts",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
