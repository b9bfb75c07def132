"""A production variant that serves: opened with its execution role's rights, invoked, closed."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from local_aws import backend
from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.execution_role import ExecutionRole
from local_aws.scope import Scope
from local_aws.services.sagemaker.http_client import HttpClient
from local_aws.services.sagemaker.model_data import ModelData
from local_aws.services.sagemaker.models import ECR_IMAGE, execution_role
from local_aws.services.sagemaker.plane import Host, plane
from local_aws.services.sagemaker.state import Model

# "If the container does not pass the health checks within 8 minutes …" (SageMaker's hosting documentation).
_STARTUP_TIMEOUT = 480.0
_SERVICE_NAMESPACES = ("/aws/sagemaker/Endpoints", "AWS/SageMaker")


@dataclass(slots=True, kw_only=True)
class RunningVariant:
    """A variant whose container runs.

    One container serves for all instances that the variant is said to have: instance counts are kept, not run.
    """

    config: Parameters
    model: Model
    log_group: str
    log_stream: str
    workdir: Path
    host: Host
    client: HttpClient
    weight: float = 1.0
    instance_count: int | None = None
    images: list[Parameters] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The variant's name."""
        name: str = self.config["VariantName"]
        return name

    def summary(self) -> Parameters:
        """Return the variant as DescribeEndpoint shows it."""
        described: Parameters = {
            "VariantName": self.name,
            "DeployedImages": self.images,
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
        }
        if self.instance_count is not None:
            described |= {"CurrentInstanceCount": self.instance_count, "DesiredInstanceCount": self.instance_count}
        for key in ("ManagedInstanceScaling", "RoutingConfig"):
            if key in self.config:
                described[key] = self.config[key]
        if "ServerlessConfig" in self.config:
            described["CurrentServerlessConfig"] = described["DesiredServerlessConfig"] = self.config[
                "ServerlessConfig"
            ]
        return described

    def close(self) -> None:
        """Stop the container and delete what it had on disk."""
        self.client.close()
        plane().close(self.host)
        shutil.rmtree(self.workdir, ignore_errors=True)


def open_variant(scope: Scope, endpoint_name: str, config: Parameters, model: Model) -> RunningVariant:
    """Start a variant's container, doing whatever its execution role does with that role's rights.

    Raises
    ------
    ServiceError
        When the role lacks a right.
    Exception
        The plane's ``HostFailedError`` when the container does not start.
    """
    if len(model.containers) != 1:
        raise ServiceError(
            "ValidationException",
            f"local AWS does not run inference pipelines: model {model.name} has {len(model.containers)} containers",
        )
    container = model.containers[0]
    role = execution_role(scope, model)
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    stream = f"{config['VariantName']}/i-{secrets.token_hex(9)[:17]}"
    _require_rights(role, container["Image"], group, stream)
    workdir = plane().directory / f"{endpoint_name}-{config['VariantName']}-{secrets.token_hex(4)}"
    workdir.mkdir(parents=True)
    try:
        data = ModelData.of_container(container)
        archive = data.fetch(role, workdir) if data is not None else None
        backend.open_log_stream(scope, group, stream)
        host = plane().open(
            {
                "image": container["Image"],
                "environment": {
                    "AWS_REGION": scope.region,
                    "AWS_DEFAULT_REGION": scope.region,
                    **role.credentials(),
                    **container.get("Environment", {}),
                },
                "archive": archive,
                "hostname": container.get("ContainerHostname"),
            },
            workdir=workdir,
            log=lambda line: backend.put_log_lines(scope, group, stream, [line]),
            startup_timeout=float(config.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_TIMEOUT)),
        )
    except BaseException:
        shutil.rmtree(workdir, ignore_errors=True)
        raise
    return RunningVariant(
        config=config,
        model=model,
        log_group=group,
        log_stream=stream,
        workdir=workdir,
        host=host,
        client=HttpClient(host.url),
        weight=float(config.get("InitialVariantWeight", 1.0)),
        instance_count=config.get("InitialInstanceCount"),
        images=[{"SpecifiedImage": container["Image"], "ResolutionTime": model.created}],
    )


def _require_rights(role: ExecutionRole, image: str, group: str, stream: str) -> None:
    """Refuse unless the role may pull the image, write the logs and publish the instance metrics.

    These are the actions of "CreateModel API: Execution Role Permissions" in the SageMaker developer guide.
    """
    scope = role.scope
    parts = ECR_IMAGE.fullmatch(image)
    if parts is not None:
        repository = f"arn:aws:ecr:{parts['region']}:{parts['account']}:repository/{parts['repository']}"
        role.require("ecr:GetAuthorizationToken", ["*"])
        for action in ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
            role.require(action, [repository])
    group_arn = scope.arn("logs", f"log-group:{group}")
    stream_arn = f"{group_arn}:log-stream:{stream}"
    role.require("logs:CreateLogGroup", [group_arn, f"{group_arn}:*"])
    role.require("logs:CreateLogStream", [f"{group_arn}:*", group_arn, stream_arn])
    role.require("logs:PutLogEvents", [stream_arn, f"{group_arn}:*"])
    if not any(
        role.allows("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": name}) for name in _SERVICE_NAMESPACES
    ):
        role.require("cloudwatch:PutMetricData", ["*"], {"cloudwatch:namespace": _SERVICE_NAMESPACES[0]})
