"""What starts a batch transform between deployments: EventBridge rules, and the function that they call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.inline_function import LOG_RETENTION, define_function
from constructs_lib.sagemaker.stack_facts import StackFacts

_HANDLER = Path(__file__).parent / "handler" / "start_transform.py"
_TIMEOUT = 60  # seconds; it takes one
_NAME_LENGTH = 26  # of the 63 that SageMaker takes; an event's id has 36, and a hyphen goes between


class TransformStarter(Construct):
    """Defines what starts a batch transform by a schedule and for new objects.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    request
        What CreateTransformJob takes, without a name.
    schedule
        EventBridge expression of when the job runs. None: by no schedule.
    new_objects
        ``s3://BUCKET/PREFIX`` of which each new object is transformed. None: none is.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        request: Mapping[str, Any],
        schedule: str | None,
        new_objects: str | None,
    ) -> None:
        super().__init__(scope, id)
        self._facts = StackFacts.of(scope)
        self._function = self._define_function(request)
        if schedule is not None:
            self._define_rule("Schedule", schedule_expression=schedule)
        if new_objects is not None:
            bucket, _, prefix = new_objects.removeprefix("s3://").partition("/")
            detail = {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": prefix}]}}
            self._define_rule(
                "NewObjects",
                event_pattern={"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail},
            )

    def _define_function(self, request: Mapping[str, Any]) -> lambda_.CfnFunction:
        name = cdk.Names.unique_resource_name(self, max_length=_NAME_LENGTH, separator="-").strip("-")
        place = self._facts.place
        jobs = f"arn:{place.partition}:sagemaker:{place.region}:{place.account}:transform-job/{name.lower()}-*"
        log_group = logs.CfnLogGroup(self, "LogGroup", retention_in_days=LOG_RETENTION)
        statements: list[permissions.Statement] = [
            {"Action": "sagemaker:CreateTransformJob", "Effect": "Allow", "Resource": jobs},
            {
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Effect": "Allow",
                "Resource": log_group.attr_arn,
            },
        ]
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=permissions.trust_policy("lambda.amazonaws.com"),
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="StartTransform", policy_document=permissions.document(statements)
                )
            ],
        )
        return define_function(
            self,
            "Resource",
            source=_HANDLER,
            description="Starts a batch transform job",
            role_arn=role.attr_arn,
            log_group_name=log_group.ref,
            timeout=_TIMEOUT,
            environment={"NAME": name.lower(), "REQUEST": self._facts.stack.to_json_string(dict(request))},
        )

    def _define_rule(self, name: str, **properties: Any) -> None:
        target = events.CfnRule.TargetProperty(arn=self._function.attr_arn, id="Start")
        rule = events.CfnRule(self, name, targets=[target], **properties)
        lambda_.CfnPermission(
            self,
            f"{name}Permission",
            action="lambda:InvokeFunction",
            function_name=self._function.ref,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
