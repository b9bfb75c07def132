"""What starts a batch transform between deployments: EventBridge rules, a queue, and the function that empties it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from constructs_lib.jobs.function_code import function_code
from constructs_lib.jobs.job_names import job_name, stack_prefix
from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.lambda_function import LOG_RETENTION, define_function
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.artifacts import split_s3_uri

_TIMEOUT = 60  # seconds; it takes one
_AGAIN_AFTER = 6 * _TIMEOUT  # seconds; Lambda developer guide, "Configuring a queue to use with Lambda"
_TRIES = 1000  # the most that SQS counts: four days of them
_KEPT = 14 * 24 * 3600  # seconds; the most that SQS keeps a message
_AT_A_TIME = 2  # the fewest functions that Lambda lets a queue be emptied by


class TransformStarter(Construct):
    """Defines what starts a batch transform by a schedule and for new objects.

    Events wait in a queue until SageMaker takes their job, so that none is lost while your quota of instances is used
    up. One that is refused for four days goes to a second queue, ``Refused``, which keeps it for ten more.

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
        facts = StackFacts.of(scope)
        refused = sqs.CfnQueue(self, "Refused", message_retention_period=_KEPT, sqs_managed_sse_enabled=True)
        queue = sqs.CfnQueue(
            self,
            "Events",
            message_retention_period=_KEPT,
            sqs_managed_sse_enabled=True,
            visibility_timeout=_AGAIN_AFTER,
            redrive_policy={"deadLetterTargetArn": refused.attr_arn, "maxReceiveCount": _TRIES},
        )
        self._queue_arn = queue.attr_arn
        function = self._define_function(facts, job_name(stack_prefix(facts.stack), facts.stack, scope), request)
        lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=function.ref,
            event_source_arn=self._queue_arn,
            batch_size=1,
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=_AT_A_TIME),
        )
        rules = []
        if schedule is not None:
            rules.append(self._define_rule("Schedule", schedule_expression=schedule))
        if new_objects is not None:
            bucket, prefix = split_s3_uri(new_objects)
            detail = {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": prefix}]}}
            pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
            rules.append(self._define_rule("NewObjects", event_pattern=pattern))
        sqs.CfnQueuePolicy(
            self,
            "Policy",
            queues=[queue.ref, refused.ref],
            policy_document=permissions.document(
                [permissions.refuse_without_tls("sqs", [self._queue_arn, refused.attr_arn]), _let_in(rules, queue)]
            ),
        )

    def _define_function(self, facts: StackFacts, name: str, request: Mapping[str, Any]) -> lambda_.CfnFunction:
        jobs = facts.place.arn("sagemaker", f"transform-job/{name}-*")
        log_group = logs.CfnLogGroup(self, "LogGroup", retention_in_days=LOG_RETENTION)
        statements = [
            permissions.allow(["sagemaker:CreateTransformJob"], jobs),
            permissions.allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], self._queue_arn),
            permissions.allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group.attr_arn),
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
            source=function_code(self),
            entry="handler.start_transform.handler",
            description="Starts a batch transform job",
            role_arn=role.attr_arn,
            log_group_name=log_group.ref,
            timeout=_TIMEOUT,
            environment={"NAME": name, "REQUEST": facts.stack.to_json_string(dict(request))},
        )

    def _define_rule(self, name: str, **properties: Any) -> events.CfnRule:
        target = events.CfnRule.TargetProperty(arn=self._queue_arn, id="Queue")
        return events.CfnRule(self, name, targets=[target], **properties)


def _let_in(rules: Sequence[events.CfnRule], queue: sqs.CfnQueue) -> permissions.Statement:
    return {
        "Action": "sqs:SendMessage",
        "Condition": {"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Resource": queue.attr_arn,
    }
