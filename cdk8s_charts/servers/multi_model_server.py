"""Multi Model Server, once ``mxnet-model-server``, from which TorchServe came.

Sources: awslabs/multi-model-server, docs/configuration.md and docs/server.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from cdk8s_charts.container import MODELS, USER, Form, Port, ServerContainer
from cdk8s_charts.placement import Placement
from cdk8s_charts.servers import model_archives
from cdk8s_charts.servers.server import Server
from constructs_lib.serving.models import AnyModel, ContainerModel, FrameworkModel, PyTorchModel
from constructs_lib.serving.notices import Notice
from constructs_lib.serving.problems import Problem, Problems
from constructs_lib.serving.ranges import choice_problems

Command = Literal["multi-model-server", "mxnet-model-server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiModelServer(Server):
    """Multi Model Server, as AWS's PyTorch images before 1.6 and MXNet images have it.

    The management API stays inside the pod.

    Attributes
    ----------
    model_name
        Name in the paths of requests, ``/predictions/NAME``. None: the workload's.
    archive
        File name of the ``.mar`` where the artifact is a prefix. None: ``model_name`` with ``.mar``.
    command
        ``multi-model-server``, or ``mxnet-model-server`` as images of 2020 and before name it. Default: the former.
    workers
        Processes that run the model. None: one for each GPU, or for each CPU.
    properties
        More lines of ``config.properties``; they take precedence over those that the chart writes.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}
    label = "Multi Model Server"
    serves = (PyTorchModel, ContainerModel)
    reads = (Form.MAR, Form.PREFIX)

    model_name: str | None = None
    archive: str | None = None
    command: Command = "multi-model-server"
    workers: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["multi-model-server"] = "multi-model-server"

    def __post_init__(self) -> None:
        problems = Problems(type(self).__name__)
        problems.extend(model_archives.name_problems(self.model_name, self.archive))
        problems.extend(model_archives.property_problems(self.properties))
        problems.extend(choice_problems("command", self.command, Command))
        if self.workers is not None and self.workers < 1:
            problems.add("workers", f"must be at least 1, got {self.workers}")
        problems.raise_any()

    def problems(self, model: AnyModel, placement: Placement) -> Iterator[Problem]:
        """Find what keeps the server from serving a model there, images aside."""
        yield from Server.problems(self, model, placement)
        yield from model_archives.archive_problems(self.archive, model)
        if isinstance(model, PyTorchModel) and model.image is None:
            yield Problem(
                "model.image", "is missing: AWS's images for Kubernetes that had this server are not listed any more"
            )

    def notices(self, placement: Placement) -> Iterator[Notice]:
        """Warn that the server is not looked after."""
        yield model_archives.unmaintained(self.label)

    def container(self, name: str, model: AnyModel, placement: Placement) -> ServerContainer:
        """Describe the container that serves a ``.mar`` archive."""
        served = self.model_name or name
        archive = model_archives.archive_of(self.archive, served, model)
        version = model.version if isinstance(model, FrameworkModel) else None
        lines = {
            "inference_address": "http://0.0.0.0:8080",
            "management_address": "http://127.0.0.1:8081",
            **({"default_workers_per_model": str(self.workers)} if self.workers else {}),
            **self.properties,
        }
        return ServerContainer(
            image=model.image or placement.image("pytorch", version),
            command=(self.command,),
            args=model_archives.arguments("--mms-config", served, archive),
            environment={**model_archives.ENVIRONMENT, **model.environment},
            ports=(Port(name="http", number=8080),),
            ready_path="/ping",
            live_path="/ping",
            model_directory=MODELS,
            config={model_archives.CONFIG: model_archives.properties_text(lines)},
            user=USER,
            memory="4Gi",
            shared_memory="512Mi",
        )
