"""What alarms and dashboards need to know of a production variant, whatever kind it is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.problems import is_token

if TYPE_CHECKING:
    from constructs_lib.sagemaker.async_inference import AsyncInference
    from constructs_lib.sagemaker.variants import AnyVariant


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedVariant:
    """One production variant, as its metrics are read.

    Attributes
    ----------
    name
        Name of the variant.
    vcpus
        vCPUs of one instance, over which SageMaker sums ``CPUUtilization``. None: it is serverless, and has none.
    gpus
        GPUs of one instance, over which SageMaker sums ``GPUUtilization``.
    max_instances
        Most instances that its autoscaling allows. None: its count does not change.
    can_be_empty
        Whether its autoscaling may take away the last instance.
    hosts_components
        Whether it has no model of its own, but hosts inference components, which get its requests.
    """

    name: str
    vcpus: int | None = None
    gpus: int = 0
    max_instances: int | None = None
    can_be_empty: bool = False
    hosts_components: bool = False

    def dimensions(self, endpoint_name: str) -> dict[str, str]:
        """Give the dimensions of its metrics."""
        return {"EndpointName": endpoint_name, "VariantName": self.name}

    @property
    def has_instances(self) -> bool:
        """Whether it runs on instances, which report their use."""
        return self.vcpus is not None


def watch(variant: AnyVariant, async_inference: AsyncInference | None = None) -> WatchedVariant:
    """Look at a variant of any kind.

    Parameters
    ----------
    variant
        Any production variant.
    async_inference
        That of its endpoint, by which its instances may follow the backlog. None: the endpoint answers at once.
    """
    if isinstance(variant, ServerlessVariant):
        return WatchedVariant(name=variant.name)
    scaling = (async_inference.autoscaling if async_inference else None) or variant.autoscaling
    fewest, most = (scaling.min, scaling.max) if scaling else (None, None)
    found = instance_type(variant.instance_type)
    accelerator = found.accelerator
    return WatchedVariant(
        name=variant.name,
        vcpus=found.vcpus,
        gpus=accelerator.count if accelerator and accelerator.kind == "gpu" else 0,
        max_instances=None if is_token(most) or most == fewest else most,
        can_be_empty=fewest == 0,
    )
