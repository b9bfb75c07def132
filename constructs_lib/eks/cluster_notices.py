"""What of a cluster still works but will not for long, or is not looked after any more."""

from __future__ import annotations

from collections.abc import Iterator

from constructs_lib.eks.cluster_options import ClusterOptions
from constructs_lib.eks.kubernetes_versions import version_notices
from constructs_lib.serving.notices import INF1_RETIRED, Notice


def cluster_notices(options: ClusterOptions) -> Iterator[Notice]:
    """Give the warnings about a cluster: its Kubernetes version, and nodes with Inferentia of the first generation."""
    yield from version_notices(options.version)
    old = [
        f"'{group.name}'" for group in options.node_groups if group.accelerator and group.accelerator.kind == "neuron"
    ]
    if old:
        yield Notice(
            INF1_RETIRED,
            f"node group {', '.join(old)} is Inferentia of the first generation, for which AWS makes no new software: "
            "use inf2 or trn1 instances, and compile the models for them",
        )
