"""What runs the jobs of a stack: two functions behind the CDK's provider framework, for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import custom_resources as custom
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.inline_function import LOG_RETENTION, define_function
from constructs_lib.sagemaker.stack_facts import StackFacts

_ID = "SageMakerJobs"
_HANDLER = Path(__file__).parent / "handler" / "index.py"
_TIMEOUT = 120  # seconds; a function takes one or two
_INTERVAL = 10  # seconds between two looks at a job
_NAME_LENGTH = 20
# As SageMaker spells the kinds of job in ARNs.
_IN_ARN = {"CompilationJob": "compilation-job", "TrainingJob": "training-job", "TransformJob": "transform-job"}


class JobProvider(Construct):
    """Defines the functions, their role and their log group; use :meth:`of`, which makes them once per stack."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
    ) -> None:
        super().__init__(scope, id)
        facts = StackFacts.of(scope)
        self._place = facts.place
        self.name_prefix = cdk.Names.unique_resource_name(facts.stack, max_length=_NAME_LENGTH, separator="-").lower()
        """Beginning of the names of all jobs of the stack."""
        self._made: dict[str, list[str]] = {}
        self._left: dict[str, list[str]] = {}
        self._roles: list[str] = []
        log_group = logs.CfnLogGroup(self, "LogGroup", retention_in_days=LOG_RETENTION)
        self._log_group_arn = log_group.attr_arn
        trust = permissions.trust_policy("lambda.amazonaws.com")
        self._role = iam.CfnRole(self, "Role", assume_role_policy_document=trust)
        self._allow()
        self._token = custom.Provider(
            self,
            "Framework",
            on_event_handler=self._function("OnEvent", "on_event", log_group),
            is_complete_handler=self._function("IsComplete", "is_complete", log_group),
            query_interval=cdk.Duration.seconds(_INTERVAL),
            total_timeout=cdk.Duration.hours(1),
            log_group=logs.LogGroup.from_log_group_name(self, "FrameworkLog", log_group.ref),
        ).service_token

    @staticmethod
    def of(scope: Construct) -> JobProvider:
        """Give the provider of the stack that a construct is in."""
        stack = StackFacts.of(scope).stack
        if stack not in _PROVIDERS:
            _PROVIDERS[stack] = JobProvider(stack, _ID)
        return _PROVIDERS[stack]

    def serve(self, kind: str, name: str, *, role_arn: str | None, output: str) -> str:
        """Let the functions run one more job, and give what its custom resource calls.

        Parameters
        ----------
        kind
            ``CompilationJob``, ``TrainingJob`` or ``TransformJob``.
        name
            What the job's name begins with.
        role_arn
            ARN of the role that the job takes on. None: it takes on none.
        output
            ``s3://`` address under which it leaves its results.
        """
        bucket, _, prefix = output.removeprefix("s3://").partition("/")
        self._made.setdefault(kind, []).append(name)
        self._left.setdefault(bucket, []).append(f"{prefix}*")
        if role_arn:
            self._roles.append(role_arn)
        self._allow()
        return self._token

    def _function(self, name: str, entry: str, log_group: logs.CfnLogGroup) -> lambda_.IFunction:
        made = define_function(
            self,
            name,
            source=_HANDLER,
            entry=entry,
            description="Runs the SageMaker jobs of a stack",
            role_arn=self._role.attr_arn,
            log_group_name=log_group.ref,
            timeout=_TIMEOUT,
            memory_size=256,
        )
        return lambda_.Function.from_function_attributes(
            self, f"{name}Function", function_arn=made.attr_arn, same_environment=False, skip_permissions=True
        )

    def _allow(self) -> None:
        """Give the role its rights, with the role, not beside it: nothing of a stack that goes may lose them before."""
        document = permissions.document([*self._always(), *self._of_jobs()])
        self._role.policies = [iam.CfnRole.PolicyProperty(policy_name="Jobs", policy_document=document)]

    def _always(self) -> Iterator[permissions.Statement]:
        """Allow what is needed for a job that is not in the template any more, too: to look for it and to stop it."""
        for kind in _IN_ARN:
            actions = [f"sagemaker:Describe{kind}", f"sagemaker:Stop{kind}", "sagemaker:ListTags"]
            yield _statement(actions, self._jobs(kind, [self.name_prefix]))
        yield _statement(["logs:CreateLogStream", "logs:PutLogEvents"], [self._log_group_arn])

    def _of_jobs(self) -> Iterator[permissions.Statement]:
        """Allow what the jobs of the template need, in as few words as it takes: IAM counts a role's characters."""
        for kind, names in self._made.items():
            yield _statement([f"sagemaker:Create{kind}", "sagemaker:AddTags"], self._jobs(kind, names))
        for bucket, prefixes in self._left.items():
            listing = _statement(["s3:ListBucket"], [f"arn:{self._place.partition}:s3:::{bucket}"])
            yield {**listing, "Condition": {"StringLike": {"s3:prefix": list(dict.fromkeys(prefixes))}}}
        if self._roles:
            to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            yield {**_statement(["iam:PassRole"], list(dict.fromkeys(self._roles))), "Condition": to_sagemaker}

    def _jobs(self, kind: str, names: Sequence[str]) -> list[str]:
        place = self._place
        jobs = f"arn:{place.partition}:sagemaker:{place.region}:{place.account}:{_IN_ARN[kind]}"
        return [f"{jobs}/{name}-*" for name in names]


def _statement(actions: list[str], resources: list[str]) -> permissions.Statement:
    return {"Action": actions, "Effect": "Allow", "Resource": resources}


# By stack, as long as the process lives: the constructs are never released from jsii's kernel either.
_PROVIDERS: dict[cdk.Stack, JobProvider] = {}
