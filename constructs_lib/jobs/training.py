"""What is trained, on what, and with what: a training job as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from constructs_lib.jobs import training_rules as rules
from constructs_lib.jobs.channel import Channel
from constructs_lib.jobs.spot import Spot
from constructs_lib.jobs.training_rules import TrainingFramework
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A SageMaker training job: a script in one of AWS's framework containers, or a container of your own.

    The script gets what SageMaker's script mode provides: each hyperparameter as ``--NAME VALUE``, channels in
    ``SM_CHANNEL_NAME``, and ``SM_MODEL_DIR``, whose content becomes ``model.tar.gz``. A ``requirements.txt`` in
    ``source_dir`` is installed first. What the model needs to be served goes into ``SM_MODEL_DIR`` too: the script
    copies its handler to ``code/``.

    Attributes
    ----------
    framework
        ``pytorch`` or ``tensorflow``, for the image. None: ``image`` is given.
    version
        Framework version that has a training image, such as ``"2.10"``. None: the newest one.
    py_version
        Python of the image, such as ``"py312"``. None: the newest that the version comes with.
    image
        URI of the container image. None: AWS's for the framework, version and instance type.
    entry_point
        Path of the script inside ``source_dir``, such as ``train.py``. None: the ``image`` knows what to run.
    source_dir
        Local directory with the script and what it imports; packaged and uploaded under its content's digest.
    instance_type
        Type of each instance, such as ``ml.m5.large`` or ``ml.g5.xlarge``.
    instance_count
        How many instances train together, at least 1. Each runs the script, which finds the others in ``SM_HOSTS`` and
        itself in ``SM_CURRENT_HOST``. Default: 1.
    volume_size_gb
        Storage of each instance in GB, at least 1; types with disks of their own ignore it. Default: 30.
    hyperparameters
        Texts by name, at most 100 of at most 2500 characters; no secrets, since they are in the template.
    channels
        Data sets by name, at most 20.
    environment
        Environment variables of the container, at most 100.
    metric_definitions
        Regular expressions by the name of the metric, at most 40: what the first group finds in the log goes to
        CloudWatch. None are defined by default.
    spot
        Runs the job on Spot capacity. None: on demand.
    max_runtime_seconds
        When the training is stopped, 1 to 41400, as a deployment waits 12 hours at most. Default: 3600.
    output
        ``s3://BUCKET/PREFIX`` under which the model is written. None: a bucket of the stack, which stays when the stack
        is deleted.
    output_kms_key_arn
        ARN of the KMS key to encrypt the model with. None: as the bucket encrypts.
    volume_kms_key_arn
        ARN of the KMS key to encrypt the instances' storage with; types with disks of their own take none. None: a key
        of SageMaker's.
    vpc
        Your VPC's subnets and security groups, through which the containers reach the network. None: they use
        SageMaker's network.
    network_isolation
        Whether the containers have no network access, not even to AWS; SageMaker downloads code and data for them.
        Default: they have access.
    encrypt_traffic
        Whether traffic between instances is encrypted, which makes training slower. Default: no.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid"}

    framework: TrainingFramework | None = None
    version: str | None = None
    py_version: str | None = None
    image: str | None = None
    entry_point: str | None = None
    source_dir: str | None = None
    instance_type: str
    instance_count: int = 1
    volume_size_gb: int = 30
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    metric_definitions: Mapping[str, str] = field(default_factory=dict)
    spot: Spot | None = None
    max_runtime_seconds: int = 3600
    output: str | None = None
    output_kms_key_arn: str | None = None
    volume_kms_key_arn: str | None = None
    vpc: VpcConfig | None = None
    network_isolation: bool = False
    encrypt_traffic: bool = False

    def __post_init__(self) -> None:
        problems = Problems.of(self)
        for rule in rules.ALL:
            problems.extend(rule(self))
        problems.raise_any()

    @property
    def deployment_timeout(self) -> int:
        """Seconds that a deployment waits for the job: as long as it may run, and half an hour to start and to end."""
        return rules.deployment_timeout(self)

    def relative_to(self, directory: Path) -> Training:
        """Read relative local paths as seen from ``directory`` instead of from the current one."""
        channels = {name: channel.relative_to(directory) for name, channel in self.channels.items()}
        source_dir = None if self.source_dir is None else str(directory / self.source_dir)
        return replace(self, channels=channels, source_dir=source_dir)
