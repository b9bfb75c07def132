"""The models of settings that SageMaker Neo compiles, before anything serves them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.jobs.neo_compilation import NeoCompilation
from stacks.each_model import change_models
from stacks.settings import Settings


def compile_models(stack: cdk.Stack, settings: Settings) -> Settings:
    """Define a compilation for each model that asks for one, and put what it leaves in the model's place.

    Models that are the same are compiled once.
    """
    scope = Construct(stack, "Compilations")
    made: list[tuple[Any, NeoCompilation]] = []

    def compiled(name: str, model: Any) -> Any:
        if getattr(model, "compile", None) is None:
            return model
        compilation = next((each for same, each in made if same == model), None)
        if compilation is None:
            compilation = NeoCompilation(scope, name, model=model)
            made.append((model, compilation))
            # Under the construct, as CloudFormation takes neither dots nor hyphens: 'a.b' and 'ab' are two places.
            cdk.CfnOutput(compilation, "JobName", value=compilation.job.job_name)
            cdk.CfnOutput(compilation, "Artifact", value=compilation.artifact)
        return compilation.model

    return change_models(settings, compiled)
