"""An app as another team would write it: nothing but the published library, and a model of their own.

Usage: python app.py MODEL_DIRECTORY OUTPUT_DIRECTORY
"""

from __future__ import annotations

import sys

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from constructs_lib.sagemaker import Autoscaling, InferenceEndpoint
from constructs_lib.serving.models import PyTorchModel


class FraudStack(cdk.Stack):
    """One endpoint, somebody who may call it, and an alarm."""

    def __init__(self, scope: cdk.App, id: str, *, model_directory: str) -> None:  # noqa: A002
        super().__init__(scope, id)
        endpoint = InferenceEndpoint(
            self,
            "Fraud",
            model=PyTorchModel(artifact=model_directory, version="2.6", entry_point="inference.py"),
            instance_type="ml.g5.xlarge",
            autoscaling=Autoscaling(min=1, max=3, invocations_per_instance=120),
        )
        caller = iam.Role(self, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        endpoint.grant_invoke(caller)
        cloudwatch.Alarm(
            self,
            "Slow",
            metric=endpoint.metric_model_latency(statistic="p99"),
            threshold=200_000,
            evaluation_periods=3,
        )


app = cdk.App(outdir=sys.argv[2])
FraudStack(app, "Fraud", model_directory=sys.argv[1])
app.synth()
