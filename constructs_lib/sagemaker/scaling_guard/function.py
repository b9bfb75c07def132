"""The function behind the scaling guards of a stack: one for all of its endpoints."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk

from constructs_lib.sagemaker.permissions import Statement, allow
from constructs_lib.sagemaker.stack_function import StackFunction

_HANDLER = Path(__file__).parent / "handler" / "index.py"
_TIMEOUT = 300  # seconds; a guard takes one or two

_REGISTRATION = [
    "application-autoscaling:DeregisterScalableTarget",
    "application-autoscaling:ListTagsForResource",
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:PutScheduledAction",
    "application-autoscaling:RegisterScalableTarget",
    "application-autoscaling:TagResource",
]
# None of them has a resource to name: AWS, Service Authorization Reference.
_LOOKING = [
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    "cloudwatch:DescribeAlarms",
]


class ScalingGuardFunction(StackFunction):
    """Defines the function, its role and its log group; use :meth:`of`, which makes them once per stack."""

    ID = "ScalingGuardFunction"

    def __init__(self, stack: cdk.Stack) -> None:
        super().__init__(stack)
        self._endpoint_names: list[str] = []
        description = "Lets endpoints be updated whose variants scale"
        self._arn = self._define_function("Resource", source=_HANDLER, description=description, timeout=_TIMEOUT)

    def serve(self, endpoint_name: str) -> str:
        """Let the function guard one more endpoint, and give its ARN.

        Parameters
        ----------
        endpoint_name
            Name of the endpoint.
        """
        self._endpoint_names.append(endpoint_name)
        self._allow("ScalingGuard", self._statements())
        return self._arn

    def _statements(self) -> list[Statement]:
        arn = self._place.arn
        endpoints = [arn("sagemaker", f"endpoint/{_lower(name)}") for name in self._endpoint_names]
        parameters = arn("ssm", "parameter/inference-constructs/scaling-guard/*")
        alarms = [arn("cloudwatch", f"alarm:{start}-*") for start in ("TargetTracking", cdk.Aws.STACK_NAME)]
        return [
            allow(["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"], endpoints),
            # CloudFormation names the configurations.
            allow(["sagemaker:DescribeEndpointConfig"], [arn("sagemaker", "endpoint-config/*")]),
            {
                # A target's ARN is an opaque id.
                **allow(_REGISTRATION, [arn("application-autoscaling", "scalable-target/*")]),
                "Condition": {"StringEqualsIfExists": {"application-autoscaling:service-namespace": "sagemaker"}},
            },
            allow(_LOOKING, ["*"]),
            # Application Auto Scaling keeps the alarms of target tracking with the rights of its caller.
            allow(["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"], alarms),
            allow(["ssm:DeleteParameter", "ssm:GetParametersByPath", "ssm:PutParameter"], [parameters]),
            self._logging,
        ]


def _lower(name: str) -> str:
    """Spell a name as SageMaker does in ARNs: in lower case."""
    return name if cdk.Token.is_unresolved(name) else name.lower()
