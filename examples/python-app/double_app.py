"""A CDK app of one's own: an endpoint, the role that it runs as, and a role that may call it and do nothing else."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker import InferenceEndpoint
from constructs_lib.serving.models import OnnxModel

MODEL = Path(__file__).resolve().parents[1] / "onnx" / "model"


class DoubleStack(cdk.Stack):
    """Serves a model that gives twice what it gets."""

    def __init__(self, scope: Construct, id: str) -> None:  # noqa: A002 - the CDK's own name for it
        super().__init__(scope, id)
        endpoint = InferenceEndpoint(
            self,
            "Endpoint",
            model=OnnxModel(artifact=str(MODEL)),
            instance_type="ml.c5.xlarge",
            instance_count=1,
            endpoint_name="double-in-python",
        )
        caller = iam.Role(self, "Caller", assumed_by=iam.AccountRootPrincipal())
        endpoint.grant_invoke(caller)
        cdk.CfnOutput(self, "CallerRoleArn", value=caller.role_arn)
        cdk.CfnOutput(self, "ExecutionRoleArn", value=endpoint.model.role.role_arn)
        # The ONNX runtime runs in AWS's PyTorch image, of which 2.6 is the last: known, and not said again.
        cdk.Annotations.of(self).acknowledge_warning("inference:image-end-of-patch")


if __name__ == "__main__":
    app = cdk.App()
    DoubleStack(app, "DoubleStack")
    app.synth()
