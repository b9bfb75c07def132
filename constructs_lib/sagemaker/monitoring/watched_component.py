"""What alarms and dashboards need to know of an inference component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedComponent:
    """One inference component, as its metrics are read.

    Attributes
    ----------
    name
        Name of the component.
    max_copies
        Most copies that its autoscaling allows. None: their number does not change.
    can_be_empty
        Whether its autoscaling may take away the last copy.
    has_accelerators
        Whether its copies have GPUs, or Neuron devices.
    """

    name: str
    max_copies: int | None = None
    can_be_empty: bool = False
    has_accelerators: bool = False

    def dimensions(self, _endpoint_name: str) -> dict[str, str]:
        """Give the dimensions of its metrics."""
        return {"InferenceComponentName": self.name}


def watch_component(name: str, specification: ComponentSpecification) -> WatchedComponent:
    """Look at a component.

    Parameters
    ----------
    name
        Its name.
    specification
        What each of its copies has, and how many there are.
    """
    scaling = specification.autoscaling
    most = scaling.most_copies if scaling else None
    return WatchedComponent(
        name=name,
        max_copies=None if scaling is None or most == scaling.min else most,
        can_be_empty=scaling is not None and scaling.can_be_empty,
        has_accelerators=specification.accelerators is not None,
    )
