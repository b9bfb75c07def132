"""What every kind of model has: where its data is, its image and environment, and its place in the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

from constructs_lib.serving import model_checks as check
from constructs_lib.serving.artifacts import Artifact, LocalArtifact, parse_artifact
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import Problem, Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What every kind of model has.

    Attributes
    ----------
    artifact
        Where the weights are: ``s3://…/model.tar.gz``, ``s3://…/prefix/``, a local directory, or a local ``.tar.gz``. A
        local directory is packaged unchanged: weights at the top, handler and ``requirements.txt`` in ``code/``. None:
        the model has no artifact; its container brings or fetches its own weights.
    image
        URI of the container image. None: the newest AWS Deep Learning Container that fits framework, version and
        instance type.
    environment
        Environment variables of the container, at most 100. They take precedence over those that the library sets.
    network_isolation
        Whether the containers have no network access, not even to AWS; SageMaker downloads the artifact for them.
        Default: they have access.
    vpc
        Your VPC's subnets and security groups, through which the containers reach the network. None: they use
        SageMaker's network, which has internet access.
    artifact_kms_key_arn
        ARN of the KMS key that the objects of the artifact and of the additional sources are encrypted with: the role
        may decrypt with it. None: S3's own key, or a key whose policy already allows the role.
    additional_model_data_sources
        Up to 5 places of more data, such as a draft model or an adapter, by channel name (1 to 64 letters, digits,
        ``.``, ``_`` and ``-``): each is written like ``artifact``, and the container finds its files in
        ``/opt/ml/additional-model-data-sources/CHANNEL``. CloudFormation has no such property, so a Lambda function of
        the stack creates the SageMaker model. Empty: none.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    artifact: str | None = None
    image: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    network_isolation: bool = False
    vpc: VpcConfig | None = None
    artifact_kms_key_arn: str | None = None
    additional_model_data_sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        problems.extend(self._problems())
        problems.raise_any()

    def _problems(self) -> list[Problem]:
        return [
            *check.artifact(self.artifact),
            *check.image(self.image),
            *check.environment(self.environment),
            *check.additional_sources(self.additional_model_data_sources),
            *check.artifact_key(
                [self.artifact, *self.additional_model_data_sources.values()], self.artifact_kms_key_arn
            ),
        ]

    @property
    def location(self) -> Artifact | None:
        """The artifact's address, read; None when the model has none."""
        return None if self.artifact is None else parse_artifact(self.artifact)

    @property
    def additional_sources(self) -> dict[str, Model]:
        """Each additional source as a model of its own, which is packaged and checked as such, by its channel."""
        return {name: Model(artifact=source) for name, source in self.additional_model_data_sources.items()}

    def relative_to(self, directory: Path) -> Self:
        """Read relative local paths as seen from ``directory`` instead of from the current one."""
        moved: dict[str, Any] = {}
        if isinstance(self.location, LocalArtifact):
            moved["artifact"] = str(directory / self.location.path)
        if self.additional_model_data_sources:
            sources = {name: each.relative_to(directory).artifact for name, each in self.additional_sources.items()}
            moved["additional_model_data_sources"] = sources
        return replace(self, **moved) if moved else self
