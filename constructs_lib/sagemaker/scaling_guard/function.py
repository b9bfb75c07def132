"""The function behind the scaling guards of a stack: one for all of its endpoints."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.inline_function import LOG_RETENTION, define_function
from constructs_lib.sagemaker.stack_facts import StackFacts

_ID = "ScalingGuardFunction"
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


class ScalingGuardFunction(Construct):
    """Defines the function, its role and its log group; use :meth:`of`, which makes them once per stack."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
    ) -> None:
        super().__init__(scope, id)
        self._place = StackFacts.of(scope).place
        self._endpoint_names: list[str] = []
        log_group = logs.CfnLogGroup(self, "LogGroup", retention_in_days=LOG_RETENTION)
        self._log_group_arn = log_group.attr_arn
        trust = permissions.trust_policy("lambda.amazonaws.com")
        self._role = iam.CfnRole(self, "Role", assume_role_policy_document=trust)
        self._arn = define_function(
            self,
            "Resource",
            source=_HANDLER,
            description="Lets endpoints be updated whose variants scale",
            role_arn=self._role.attr_arn,
            log_group_name=log_group.ref,
            timeout=_TIMEOUT,
            memory_size=256,
        ).attr_arn

    @staticmethod
    def of(scope: Construct) -> ScalingGuardFunction:
        """Give the function of the stack that a construct is in."""
        stack = StackFacts.of(scope).stack
        if stack not in _FUNCTIONS:
            _FUNCTIONS[stack] = ScalingGuardFunction(stack, _ID)
        return _FUNCTIONS[stack]

    def serve(self, endpoint_name: str) -> str:
        """Let the function guard one more endpoint, and give its ARN.

        Parameters
        ----------
        endpoint_name
            Name of the endpoint.
        """
        self._endpoint_names.append(endpoint_name)
        # With the role, not beside it: nothing of a stack that goes may be left without its rights.
        self._role.policies = [
            iam.CfnRole.PolicyProperty(
                policy_name="ScalingGuard", policy_document=permissions.document(self._statements())
            )
        ]
        return self._arn

    def _statements(self) -> list[permissions.Statement]:
        place = self._place

        def arn(service: str, resource: str) -> str:
            return f"arn:{place.partition}:{service}:{place.region}:{place.account}:{resource}"

        endpoints = [arn("sagemaker", f"endpoint/{_lower(name)}") for name in self._endpoint_names]
        parameters = arn("ssm", "parameter/inference-constructs/scaling-guard/*")
        alarms = [arn("cloudwatch", f"alarm:{start}-*") for start in ("TargetTracking", cdk.Aws.STACK_NAME)]
        return [
            _allow(["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"], endpoints),
            # CloudFormation names the configurations.
            _allow(["sagemaker:DescribeEndpointConfig"], [arn("sagemaker", "endpoint-config/*")]),
            {
                # A target's ARN is an opaque id.
                **_allow(_REGISTRATION, [arn("application-autoscaling", "scalable-target/*")]),
                "Condition": {"StringEqualsIfExists": {"application-autoscaling:service-namespace": "sagemaker"}},
            },
            _allow(_LOOKING, ["*"]),
            # Application Auto Scaling keeps the alarms of target tracking with the rights of its caller.
            _allow(["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"], alarms),
            _allow(["ssm:DeleteParameter", "ssm:GetParametersByPath", "ssm:PutParameter"], [parameters]),
            _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [self._log_group_arn]),
        ]


def _allow(actions: list[str], resources: list[str]) -> permissions.Statement:
    return {"Action": actions, "Effect": "Allow", "Resource": resources}


def _lower(name: str) -> str:
    """Spell a name as SageMaker does in ARNs: in lower case."""
    return name if cdk.Token.is_unresolved(name) else name.lower()


# By stack, as long as the process lives: the constructs are never released from jsii's kernel either.
_FUNCTIONS: dict[cdk.Stack, ScalingGuardFunction] = {}
