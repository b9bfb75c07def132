"""A container that runs: opened with its execution role's rights, asked, closed."""

from __future__ import annotations

import http.client
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import telemetry
from local_aws.api import Parameters
from local_aws.execution_role import ExecutionRole
from local_aws.services.sagemaker.http_client import HttpClient, Reply
from local_aws.services.sagemaker.model_data import ModelData
from local_aws.services.sagemaker.models import ECR_IMAGE
from local_aws.services.sagemaker.plane import Host, plane
from local_aws.services.sagemaker.state import is_multi_model

_SERVICE_NAMESPACES = (
    "/aws/sagemaker/Endpoints",
    "/aws/sagemaker/TrainingJobs",
    "/aws/sagemaker/TransformJobs",
    "AWS/SageMaker",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a container runs, and where its log goes.

    Parameters
    ----------
    owner
        What it runs for; the first part of its directory's name.
    log_group, log_stream
        In CloudWatch Logs.
    startup_timeout
        Seconds until its first answered ``/ping``.
    """

    owner: str
    log_group: str
    log_stream: str
    startup_timeout: float


@dataclass(slots=True, kw_only=True)
class RunningContainer:
    """A container whose host runs.

    One host serves for all instances, or copies, that there are said to be.
    """

    name: str
    definition: Parameters
    role: ExecutionRole
    place: Place
    workdir: Path
    host: Host
    client: HttpClient = field(init=False)

    def __post_init__(self) -> None:
        """Make the client of the host."""
        self.client = HttpClient(lambda: self.host.url)

    @property
    def is_multi_model(self) -> bool:
        """Whether it loads the model that each request names."""
        return is_multi_model(self.definition)

    def ask(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
        path: str = "/invocations",
        in_parts: bool = False,
    ) -> Reply | str:
        """Return the container's answer, or what SageMaker says when none comes."""
        try:
            return self.client.post(path, body, headers, timeout=timeout, in_parts=in_parts)
        except TimeoutError:
            return (
                f"Your invocation timed out while waiting for a response from container {self.name}. Review the "
                "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
        except (OSError, http.client.HTTPException) as error:
            return f"Failed to establish connection to container {self.name}: {error}"

    def close(self) -> None:
        """Stop the container and delete what it had on disk."""
        self.client.close()
        plane().close(self.host)
        shutil.rmtree(self.workdir, ignore_errors=True)


def open_container(role: ExecutionRole, definition: Parameters, place: Place, *, name: str) -> RunningContainer:
    """Start a container, doing whatever its execution role does with that role's rights.

    Raises
    ------
    ServiceError
        When the role lacks a right.
    Exception
        The plane's ``HostFailedError`` when the container does not start.
    """
    scope = role.scope
    require_rights(role, definition["Image"], place.log_group, place.log_stream)
    workdir = plane().directory / f"{place.owner}-{secrets.token_hex(4)}"
    workdir.mkdir(parents=True)
    try:
        data = None if is_multi_model(definition) else ModelData.of_container(definition)
        archive = data.fetch(role, workdir) if data is not None else None
        sources = ModelData.additional(definition)
        additional = {name: source.fetch(role, workdir / f"additional-{name}") for name, source in sources.items()}
        telemetry.open_log_stream(scope, place.log_group, place.log_stream)
        container: dict[str, Any] = {
            "image": definition["Image"],
            "environment": {
                "AWS_REGION": scope.region,
                "AWS_DEFAULT_REGION": scope.region,
                **role.credentials(),
                **definition.get("Environment", {}),
            },
            "archive": archive,
            "additional": additional,
            "hostname": definition.get("ContainerHostname"),
            "multi_model": is_multi_model(definition),
        }
        host = plane().open(
            container,
            workdir=workdir,
            log=lambda line: telemetry.put_log_lines(scope, place.log_group, place.log_stream, [line]),
            startup_timeout=place.startup_timeout,
        )
    except BaseException:
        shutil.rmtree(workdir, ignore_errors=True)
        raise
    return RunningContainer(name=name, definition=definition, role=role, place=place, workdir=workdir, host=host)


def require_rights(role: ExecutionRole, image: str, log_group: str, log_stream: str) -> None:
    """Refuse unless the role may pull the image, write the logs and publish the instance metrics.

    These are the actions of "CreateModel API: Execution Role Permissions" in the SageMaker developer guide; those of
    "CreateTrainingJob API" there are the same.
    """
    parts = ECR_IMAGE.fullmatch(image)
    if parts is not None:
        repository = f"arn:aws:ecr:{parts['region']}:{parts['account']}:repository/{parts['repository']}"
        role.require("ecr:GetAuthorizationToken", ["*"])
        for action in ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
            role.require(action, [repository])
    group_arn = role.scope.arn("logs", f"log-group:{log_group}")
    stream_arn = f"{group_arn}:log-stream:{log_stream}"
    role.require("logs:CreateLogGroup", [group_arn, f"{group_arn}:*"])
    role.require("logs:CreateLogStream", [f"{group_arn}:*", group_arn, stream_arn])
    role.require("logs:PutLogEvents", [stream_arn, f"{group_arn}:*"])
    if not any(
        role.allows("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": name}) for name in _SERVICE_NAMESPACES
    ):
        role.require("cloudwatch:PutMetricData", ["*"], {"cloudwatch:namespace": _SERVICE_NAMESPACES[0]})
