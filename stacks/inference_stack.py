"""The stack that `cdk deploy InferenceStack` deploys: the endpoints of a settings file, and what to call them by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from stacks.each_model import models_of
from stacks.endpoint_apis import define_api
from stacks.settings import Settings

if TYPE_CHECKING:
    from constructs_lib.sagemaker.inference_components.endpoint import InferenceComponentEndpoint


class InferenceStack(cdk.Stack):
    """Deploys every endpoint of the settings.

    Parameters
    ----------
    scope, id
        Where in the construct tree the stack stands.
    settings
        What to deploy.
    env
        Account and region. None: those of whoever deploys.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        settings: Settings,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, env=env, description="Deep-learning inference endpoints")
        for warning in settings.acknowledged_warnings:
            cdk.Annotations.of(self).acknowledge_warning(warning)
        if settings.training_jobs:
            from stacks.jobs import train

            settings = train(self, settings)
        if any(getattr(model, "compile", None) for model in models_of(settings)):
            from stacks.compilations import compile_models

            settings = compile_models(self, settings)
        endpoints = Construct(self, "Endpoints")  # where a name that the CDK itself uses in a stack is free
        made_endpoints: list[InferenceEndpoint | InferenceComponentEndpoint] = []
        for name, endpoint in settings.endpoints.items():
            made = InferenceEndpoint(endpoints, name, endpoint_name=name, **endpoint.options())
            cdk.CfnOutput(self, f"{name}EndpointName", value=made.endpoint_name)
            cdk.CfnOutput(self, f"{name}EndpointArn", value=made.endpoint_arn)
            define_api(made, name, endpoint.api, endpoint=made)
            made_endpoints.append(made)
        if settings.inference_component_endpoints:
            from stacks.component_endpoints import define_component_endpoints

            made_endpoints += define_component_endpoints(self, endpoints, settings.inference_component_endpoints)
        if settings.batch_transforms:
            from stacks.jobs import define_batch_transforms

            define_batch_transforms(self, settings)
        if settings.dashboard:
            from constructs_lib.sagemaker.monitoring.endpoint_monitoring import (
                InferenceDashboard,  # CloudWatch, where it is wanted
            )

            InferenceDashboard(self, "Dashboard", endpoints=made_endpoints)
