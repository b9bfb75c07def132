"""EKS clusters for inference, and what pods in them may do.

Names are imported when they are first used, so that reading settings does not start jsii.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from constructs_lib.eks.add_on import AddOn
    from constructs_lib.eks.cluster_base import ClusterBase
    from constructs_lib.eks.cluster_options import ClusterOptions
    from constructs_lib.eks.existing_cluster import ExistingCluster
    from constructs_lib.eks.inference_cluster import InferenceCluster
    from constructs_lib.eks.network import ClusterVpc
    from constructs_lib.eks.workload_identity import WorkloadIdentity

_HOME = {
    "AddOn": "add_on",
    "ClusterBase": "cluster_base",
    "ClusterOptions": "cluster_options",
    "ClusterVpc": "network",
    "ExistingCluster": "existing_cluster",
    "InferenceCluster": "inference_cluster",
    "WorkloadIdentity": "workload_identity",
}

__all__ = [
    "AddOn",
    "ClusterBase",
    "ClusterOptions",
    "ClusterVpc",
    "ExistingCluster",
    "InferenceCluster",
    "WorkloadIdentity",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
