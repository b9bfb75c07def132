"""What a host is asked to run, and how it says that it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a SageMaker Model, as the host must run it.

    Parameters
    ----------
    image
        The image URI of the ContainerDefinition.
    environment
        The environment of the ContainerDefinition; in it, ``/opt/ml`` is mapped to the host's own directory.
    archive
        The downloaded ``model.tar.gz``; None when the Model has no model data.
    additional
        The downloaded archives of the additional model data sources, by channel name.
    hostname
        The ContainerHostname, which the container sees as ``HOSTNAME``.
    multi_model
        Whether it is a container of a multi-model endpoint, which loads models when it is told to.
    """

    image: str
    environment: Mapping[str, str]
    archive: Path | None
    additional: Mapping[str, Path] = field(default_factory=dict)
    hostname: str | None = None
    multi_model: bool = False


class HostFailedError(Exception):
    """A model that cannot be served; ``str(e)`` is the cause in one line, fit for an endpoint's FailureReason."""
