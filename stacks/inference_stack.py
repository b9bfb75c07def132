"""The stack that `cdk deploy InferenceStack` deploys: the endpoints of a settings file, and what to call them by."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from stacks.settings import Settings


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
        endpoints = Construct(self, "Endpoints")  # where a name that the CDK itself uses in a stack is free
        for name, endpoint in settings.endpoints.items():
            made = InferenceEndpoint(
                endpoints,
                name,
                endpoint_name=name,
                model=endpoint.model,
                instance_type=endpoint.instance_type,
                instance_count=endpoint.instance_count,
                autoscaling=endpoint.autoscaling,
            )
            cdk.CfnOutput(self, f"{name}EndpointName", value=made.endpoint_name)
            cdk.CfnOutput(self, f"{name}EndpointArn", value=made.endpoint_arn)
