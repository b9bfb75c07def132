"""A training job as a resource of a stack: its model is what an endpoint of the same stack serves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.jobs.job import SageMakerJob
from constructs_lib.jobs.job_data import is_local
from constructs_lib.jobs.results_bucket import own_output
from constructs_lib.jobs.training import Training
from constructs_lib.jobs.training_files import training_file_problems
from constructs_lib.jobs.training_image import training_image
from constructs_lib.jobs.training_request import TrainingPlaces, data_versions, training_request
from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.execution_role import role_problems
from constructs_lib.sagemaker.s3_prefixes import split_prefix
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.archive import build_archive
from constructs_lib.serving.artifacts import split_s3_uri
from constructs_lib.serving.field_types import held_problems
from constructs_lib.serving.images import Image
from constructs_lib.serving.instances import Use, instance_type
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

AModel = TypeVar("AModel")


class TrainingJob(Construct):
    """Defines a training job that the deployment runs and waits for.

    It trains when it is deployed first, and again when what it learns from changes: a byte of the script or of local
    data, a channel's address or ``data_version``, the image, a hyperparameter, an environment variable. How it runs, on
    which instances, in which network, for how long, with which metrics and role, is for the next training and starts
    none. A deployment whose training fails is rolled back, and the previous model keeps serving.

    Parameters
    ----------
    scope, id
        Where in the construct tree the job stands.
    training
        What is trained, on what, and with what.
    role
        Role that the job takes on; it is given the permissions that the job needs. None: a role is created that may
        read exactly its code and data, write its output, pull its image, and write its logs and metrics.

    Raises
    ------
    InvalidValueError
        When the script or local data is missing.
    RegionError
        When AWS keeps no registry for the image in the stack's region.
    ArchiveError
        When local files cannot be packaged.

    Examples
    --------
    >>> trained = TrainingJob(
    ...     stack,
    ...     "Training",
    ...     training=Training(
    ...         framework="pytorch",
    ...         source_dir="src/",
    ...         entry_point="train.py",
    ...         instance_type="ml.g5.xlarge",
    ...         channels={"train": Channel(data="s3://my-data/images/")},
    ...         hyperparameters={"epochs": "20"},
    ...     ),
    ... )
    >>> InferenceEndpoint(stack, "Endpoint", model=trained.model(PyTorchModel), instance_type="ml.g5.xlarge")
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        training: Training,
        role: iam.IRole | None = None,
    ) -> None:
        problems = Problems("TrainingJob")
        problems.extend(held_problems("training", training, Training))
        problems.extend(role_problems(role))
        problems.raise_any()
        problems.extend(training_file_problems(training))
        problems.raise_any()
        facts = StackFacts.of(scope)
        image = training_image(training, instance_type(training.instance_type, use=Use.TRAINING))
        image_uri = facts.image_uri(image) if isinstance(image, Image) else image
        super().__init__(scope, id)
        self._training = training
        self.image_uri = image_uri
        """Address of the container image, in the stack's region."""
        places = TrainingPlaces(
            image=image_uri,
            region=facts.place.region,
            code=facts.upload(build_archive(Path(training.source_dir))) if training.source_dir else None,
            data={
                name: facts.upload_directory(Path(channel.data)).uri if is_local(channel.data) else channel.data
                for name, channel in training.channels.items()
            },
            output=training.output or own_output(self, "training"),
        )
        request = training_request(training, places)
        self._output = request["OutputDataConfig"]["S3OutputPath"]
        self.job = SageMakerJob(
            self,
            "Job",
            kind="TrainingJob",
            request=request,
            role=role,
            statements=_statements(facts.place, training, request, places),
            timeout=training.deployment_timeout,
            triggers=data_versions(training),
        )
        """The job itself: its name, its role, its results."""

    @cached_property
    def artifact(self) -> str:
        """Address of the ``model.tar.gz`` that the training left, as a model's ``artifact`` takes it."""
        # AWS API reference, "ModelArtifacts". What is known at synth stands in it, so that another training's policy is
        # another policy, and old instances keep theirs while an update rolls.
        return f"{self._output}/{self.job.job_name}/output/model.tar.gz"

    def model(self, kind: Callable[..., AModel], **fields: Any) -> AModel:
        """Give the trained model as a value, for an endpoint or a batch transform.

        Parameters
        ----------
        kind
            Class of the model: `PyTorchModel`, `TensorFlowModel`, `OnnxModel`….
        fields
            Its fields, other than ``artifact``.
        """
        return kind(artifact=self.artifact, artifact_kms_key_arn=self._training.output_kms_key_arn, **fields)

    def metric(self, name: str) -> cloudwatch.Metric:
        """Give one of the ``metric_definitions`` as CloudWatch has it.

        Parameters
        ----------
        name
            The metric's name.
        """
        from aws_cdk import aws_cloudwatch as cloudwatch  # only where it is asked for

        return cloudwatch.Metric(
            namespace="/aws/sagemaker/TrainingJobs",
            metric_name=name,
            dimensions_map={"TrainingJobName": self.job.job_name},
        )

    @property
    def role(self) -> iam.IRole:
        """The job's role, to grant it more."""
        return self.job.role


def _statements(
    place: permissions.Place, training: Training, request: dict[str, Any], places: TrainingPlaces
) -> list[permissions.Statement]:
    """Give what the job's role has to be allowed.

    Source: AWS, "SageMaker AI Roles", section "CreateTrainingJob API: Execution Role Permissions".
    """
    found = [
        *permissions.write_prefix(place, *split_prefix(request["OutputDataConfig"]["S3OutputPath"])),
        *permissions.use_key(training.output_kms_key_arn),
        *permissions.use_volume_key(training.volume_kms_key_arn),
        *permissions.pull_image(place, places.image),
        *permissions.write_log_group(place, "TrainingJobs"),
    ]
    if places.code is not None:
        found += permissions.read_prefix(place, places.code.bucket, places.code.key)
    for uri in places.data.values():
        found += permissions.read_prefix(place, *split_s3_uri(uri))
    if training.spot is not None:
        checkpoints = request["CheckpointConfig"]["S3Uri"]
        found += permissions.read_prefix(place, *split_s3_uri(checkpoints))
        found += permissions.write_prefix(place, *split_prefix(checkpoints))
    if training.vpc is not None:
        found += permissions.use_network(place, training.vpc.subnets, training.vpc.security_group_ids)
    return permissions.distinct(found)
