"""Batch transform as a resource of a stack: a model's answers to everything under an S3 prefix."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

from constructs_lib.jobs.job import SageMakerJob
from constructs_lib.jobs.job_data import file_problems, is_local
from constructs_lib.jobs.results_bucket import own_output
from constructs_lib.jobs.transform import Transform
from constructs_lib.jobs.transform_request import transform_request
from constructs_lib.jobs.transform_rules import model_data_problems, model_problems
from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.model import IModel, Model
from constructs_lib.sagemaker.s3_prefixes import split_prefix
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving import models as values
from constructs_lib.serving.artifacts import split_s3_uri
from constructs_lib.serving.field_types import held_problems, text_problems
from constructs_lib.serving.instances import Use, instance_type
from constructs_lib.serving.models import AnyModel
from constructs_lib.serving.multi_container import containers_of
from constructs_lib.serving.problems import Problems

_LOG_GROUP = "TransformJobs"


class BatchTransform(Construct):
    """Defines a batch transform job that the deployment runs, and EventBridge too if asked to.

    A deployment runs it when it is deployed first, and again when the model, a byte of local data, the input's address,
    its ``data_version`` or an option changes.

    Parameters
    ----------
    scope, id
        Where in the construct tree the job stands.
    model
        What answers: a model's value, of which a SageMaker model is made, or a SageMaker model. The role of one that is
        made here is given the right to read the input and to write the output; an imported one's must have it.
    transform
        What the model is asked, how, and where the answers go.

    Raises
    ------
    InvalidValueError
        When the model's artifact is not compressed, no image serves it on the instance type, or local data is missing.
    RegionError
        When AWS keeps no registry for the image in the stack's region.
    ArchiveError
        When local files cannot be packaged.

    Examples
    --------
    >>> BatchTransform(
    ...     stack,
    ...     "Scores",
    ...     model=OnnxModel(artifact="model/"),
    ...     transform=Transform(
    ...         input="s3://my-data/today/",
    ...         content_type="text/csv",
    ...         split_type="Line",
    ...         assemble_with="Line",
    ...         instance_type="ml.c6i.large",
    ...         schedule="rate(1 day)",
    ...     ),
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: AnyModel | IModel,
        transform: Transform,
    ) -> None:
        problems = Problems("BatchTransform")
        problems.extend(held_problems("transform", transform, Transform))
        problems.extend(text_problems("model", model, "Model.from_model_name("))
        problems.raise_any()
        problems.extend(file_problems("input", transform.input))
        if isinstance(model, values.Model):
            problems.extend(model_problems(model, transform.instance_type))
        elif isinstance(model, Model):
            for each in containers_of(model.served).values():
                problems.extend(model_data_problems(each))
        problems.raise_any()
        super().__init__(scope, id)
        facts = StackFacts.of(scope)
        self.model = self._sagemaker_model(model, transform)
        """The SageMaker model that answers."""
        source = transform.input
        if is_local(source):
            source = facts.upload_directory(Path(source)).uri
        output = transform.output or own_output(self, "transform")
        if isinstance(self.model, Model):
            logs = permissions.write_log_group(facts.place, _LOG_GROUP) if self.model is model else []
            self.model.allow([*_statements(facts.place, transform, source, output), *logs])
        request = transform_request(transform, model_name=self.model.model_name, source=source, output=output)
        self.job = self._run(request, transform) if transform.on_deploy else None
        """The job that the deployment runs. None: it runs none."""
        self.output = self.job.output if self.job else output
        """``s3://BUCKET/PREFIX`` under which the answers are, each object's with ``.out`` at the end of its name."""
        if transform.schedule is not None or transform.on_new_objects:
            from constructs_lib.jobs.transform_starter import TransformStarter  # EventBridge, where needed

            TransformStarter(
                self,
                "Starter",
                request=request,
                schedule=transform.schedule,
                new_objects=source if transform.on_new_objects else None,
            )

    def _sagemaker_model(self, model: AnyModel | IModel, transform: Transform) -> IModel:
        if not isinstance(model, values.Model):
            return model
        instance = instance_type(transform.instance_type, use=Use.TRANSFORM)
        return Model(self, "Model", model=model, instance_type=instance, log_group=_LOG_GROUP)

    def _run(self, request: dict[str, object], transform: Transform) -> SageMakerJob:
        return SageMakerJob(
            self,
            "Job",
            kind="TransformJob",
            request=request,
            timeout=transform.max_runtime_seconds,
            triggers={"data": transform.data_version} if transform.data_version else None,
        )


def _statements(
    place: permissions.Place, transform: Transform, source: str, output: str
) -> list[permissions.Statement]:
    return [
        *permissions.read_prefix(place, *split_s3_uri(source)),
        *permissions.write_prefix(place, *split_prefix(output)),
        *permissions.use_key(transform.output_kms_key_arn),
        *permissions.use_volume_key(transform.volume_kms_key_arn),
    ]
