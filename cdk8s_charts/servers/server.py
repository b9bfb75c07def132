"""What every server can tell of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from cdk8s_charts.container import Form, ServerContainer
from cdk8s_charts.placement import Placement
from constructs_lib.serving.artifacts import MAR_SUFFIX, S3Artifact
from constructs_lib.serving.images import Device
from constructs_lib.serving.models import AnyModel, FrameworkModel
from constructs_lib.serving.notices import Notice
from constructs_lib.serving.problems import Problem

_AS_SAGEMAKER = ", or set the server's kind to sagemaker, which reads it as SageMaker does"


class Server:
    """A model server: which models it serves, what it reads, and how its container is run.

    Attributes
    ----------
    label
        Its name, as its makers write it.
    serves
        The classes of models that it serves; a `ContainerModel` says that its image has the server in it.
    reads
        The forms that it can read a model's files in.
    devices
        What there are images of it for.
    runs_handlers
        Whether it runs the ``entry_point`` of a model, as SageMaker's containers do.
    """

    __slots__ = ()

    label: ClassVar[str]
    serves: ClassVar[tuple[type[AnyModel], ...]]
    reads: ClassVar[tuple[Form, ...]]
    devices: ClassVar[tuple[Device, ...]] = (Device.CPU, Device.GPU)
    runs_handlers: ClassVar[bool] = False

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a model.

        Parameters
        ----------
        name
            Name of the workload.
        model
            What is served; `problems` finds nothing wrong with it.
        placement
            What it runs on.

        Raises
        ------
        ImageNotFoundError, RegionError
            When AWS has no image for it there.
        """
        raise NotImplementedError

    def problems(self, model: AnyModel, placement: Placement) -> Iterator[Problem]:
        """Find what keeps the server from serving a model there, images aside."""
        if not isinstance(model, self.serves):
            kinds = ", ".join(f"'{kind.__dataclass_fields__['framework'].default}'" for kind in self.serves)
            yield Problem("model.framework", f"'{model.framework}' is not served by {self.label}; it serves {kinds}")
            return
        if placement.device not in self.devices:
            names = ", ".join(device.value for device in self.devices)
            yield Problem("server", f"is {self.label}, which does not run on {placement.device}; it runs on {names}")
        handler = model.entry_point if isinstance(model, FrameworkModel) else None
        if handler and not self.runs_handlers:
            where = f"{self.label}, which runs no handler beside the model; build it into the model, or"
            yield Problem("model.entry_point", f"'{handler}' is not run by {where} set the server's kind to sagemaker")
        location = model.location
        if isinstance(location, S3Artifact) and form_of(location) not in self.reads:
            forms = " or ".join(self.reads)
            wrong = f"'{location.uri}' is {form_of(location)}, which {self.label} does not read; give {forms}"
            archive = form_of(location) is Form.ARCHIVE
            yield Problem("model.artifact", f"{wrong}{_AS_SAGEMAKER if archive else ''}")

    def notices(self, placement: Placement) -> Iterator[Notice]:
        """Give the warnings about the server itself; most have none."""
        yield from ()


def form_of(artifact: S3Artifact) -> Form:
    """Tell in which form an artifact lies in S3."""
    if artifact.key.endswith("/"):
        return Form.PREFIX
    return Form.MAR if artifact.key.endswith(MAR_SUFFIX) else Form.ARCHIVE
