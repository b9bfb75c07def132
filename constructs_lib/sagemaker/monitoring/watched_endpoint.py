"""What alarms and dashboards need to know of an endpoint, whatever serves its requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from constructs_lib.sagemaker.monitoring.watched_component import WatchedComponent, watch_component
from constructs_lib.sagemaker.monitoring.watched_variant import WatchedVariant, watch
from constructs_lib.serving.problems import is_token

if TYPE_CHECKING:
    from constructs_lib.sagemaker.async_inference import AsyncInference
    from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
    from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
    from constructs_lib.sagemaker.variants import AnyVariant

Watched = WatchedVariant | WatchedComponent


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedEndpoint:
    """An endpoint as a dashboard shows it.

    Attributes
    ----------
    label
        What people call it.
    endpoint_name
        Its name, which may be a token.
    variants
        Its production variants.
    components
        The inference components that it hosts; empty when its variants have models of their own.
    alarm_arns
        ARNs of its alarms, which may be tokens.
    latency_p99_ms
        Latency above which an alarm goes off. None: there is no such alarm.
    """

    label: str
    endpoint_name: str
    variants: tuple[WatchedVariant, ...]
    components: tuple[WatchedComponent, ...] = ()
    alarm_arns: tuple[str, ...] = ()
    latency_p99_ms: float | None = None

    @property
    def asked(self) -> tuple[Watched, ...]:
        """Who gets its requests."""
        return self.components or self.variants


def watch_endpoint(
    *,
    label: str,
    endpoint_name: str,
    variants: Sequence[AnyVariant],
    async_inference: AsyncInference | None = None,
    inference_components: Mapping[str, ComponentSpecification] | None = None,
    managed_instance_scaling: ManagedInstanceScaling | None = None,
) -> WatchedEndpoint:
    """Look at an endpoint of any kind.

    Parameters
    ----------
    label
        What people call it.
    endpoint_name
        Its name, which may be a token.
    variants
        Its production variants.
    async_inference
        By which its instances may follow the backlog. None: the endpoint answers at once.
    inference_components
        The inference components that it hosts, by their names. None: its variants have models of their own.
    managed_instance_scaling
        How SageMaker counts the instances under inference components. None: their number does not change.
    """
    watched = tuple(watch(variant, async_inference) for variant in variants)
    if inference_components:
        watched = tuple(_as_host(variant, managed_instance_scaling) for variant in watched)
    components = tuple(watch_component(*each) for each in (inference_components or {}).items())
    return WatchedEndpoint(label=label, endpoint_name=endpoint_name, variants=watched, components=components)


def _as_host(variant: WatchedVariant, scaling: ManagedInstanceScaling | None) -> WatchedVariant:
    """Look at a variant that hosts inference components."""
    if scaling is None:
        return replace(variant, hosts_components=True)
    fewest, most = scaling.min_instance_count, scaling.max_instance_count
    return replace(
        variant,
        hosts_components=True,
        max_instances=None if is_token(most) or most == fewest else most,
        can_be_empty=fewest == 0,
    )
