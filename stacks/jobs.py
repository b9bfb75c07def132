"""The jobs that settings describe: training before the endpoints, batch transforms after them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.jobs.batch_transform import BatchTransform
from constructs_lib.jobs.training_job import TrainingJob
from constructs_lib.serving.artifacts import TrainedArtifact
from stacks.each_model import change_models
from stacks.settings import Settings


def train(stack: cdk.Stack, settings: Settings) -> Settings:
    """Define the training jobs, and put what they leave in the place of their names.

    Returns
    -------
    Settings
        The settings, whose models have the artifacts of the jobs.
    """
    scope = Construct(stack, "TrainingJobs")
    jobs = {}
    for name, training in settings.training_jobs.items():
        jobs[name] = TrainingJob(scope, name, training=training)
        cdk.CfnOutput(stack, f"{name}TrainingJobName", value=jobs[name].job.job_name)
        cdk.CfnOutput(stack, f"{name}TrainingJobArtifact", value=jobs[name].artifact)

    def trained(_name: str, model: Any) -> Any:
        location = model.location
        if not isinstance(location, TrainedArtifact):
            return model
        return jobs[location.training_job].model(partial(replace, model))

    return change_models(settings, trained)


def define_batch_transforms(stack: cdk.Stack, settings: Settings) -> None:
    """Define the batch transforms, each with a SageMaker model of its own."""
    scope = Construct(stack, "BatchTransforms")
    for name, transform in settings.batch_transforms.items():
        model: Any = settings.endpoints[transform.endpoint].model if transform.endpoint else transform.model
        made = BatchTransform(scope, name, model=model, transform=transform)
        cdk.CfnOutput(stack, f"{name}BatchTransformOutput", value=made.output)
