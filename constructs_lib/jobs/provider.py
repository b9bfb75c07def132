"""What runs the jobs of a stack: two functions behind the CDK's provider framework, for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import custom_resources as custom
from constructs import Construct

from constructs_lib.jobs.function_code import function_code
from constructs_lib.jobs.job_names import stack_prefix
from constructs_lib.sagemaker.inline_function import define_function
from constructs_lib.sagemaker.permissions import Statement, allow
from constructs_lib.sagemaker.stack_function import StackFunction

_TIMEOUT = 120  # seconds; a function takes one or two
_INTERVAL = 10  # seconds between two looks at a job
# As SageMaker spells the kinds of job in ARNs.
_IN_ARN = {"CompilationJob": "compilation-job", "TrainingJob": "training-job", "TransformJob": "transform-job"}


class JobProvider(StackFunction):
    """Defines the functions, their role and their log group; use :meth:`of`, which makes them once per stack."""

    ID = "SageMakerJobs"

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
    ) -> None:
        super().__init__(scope, id)
        self._code = function_code(scope)
        self.name_prefix = stack_prefix(self._facts.stack)
        """Beginning of the names of all jobs of the stack."""
        self._made: dict[str, list[str]] = {}
        self._left: dict[str, list[str]] = {}
        self._roles: list[str] = []
        self._allow("Jobs", [*self._always(), *self._of_jobs()])
        self._token = custom.Provider(
            self,
            "Framework",
            on_event_handler=self._function("OnEvent", "on_event"),
            is_complete_handler=self._function("IsComplete", "is_complete"),
            query_interval=cdk.Duration.seconds(_INTERVAL),
            total_timeout=cdk.Duration.hours(1),
            log_group=logs.LogGroup.from_log_group_name(self, "FrameworkLog", self._log_group_name),
        ).service_token

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
        self._allow("Jobs", [*self._always(), *self._of_jobs()])
        return self._token

    def _function(self, name: str, entry: str) -> lambda_.IFunction:
        made = define_function(
            self,
            name,
            source=self._code,
            entry=f"handler.index.{entry}",
            description="Runs the SageMaker jobs of a stack",
            role_arn=self._role_arn,
            log_group_name=self._log_group_name,
            timeout=_TIMEOUT,
            memory_size=256,
        )
        return lambda_.Function.from_function_attributes(
            self, f"{name}Function", function_arn=made.attr_arn, same_environment=False, skip_permissions=True
        )

    def _always(self) -> Iterator[Statement]:
        """Allow what is needed for a job that is not in the template any more, too: to look for it and to stop it."""
        for kind in _IN_ARN:
            actions = [f"sagemaker:Describe{kind}", f"sagemaker:Stop{kind}", "sagemaker:ListTags"]
            yield allow(actions, self._jobs(kind, [self.name_prefix]))
        yield self._logging

    def _of_jobs(self) -> Iterator[Statement]:
        """Allow what the jobs of the template need, in as few words as it takes: IAM counts a role's characters."""
        for kind, names in self._made.items():
            yield allow([f"sagemaker:Create{kind}", "sagemaker:AddTags"], self._jobs(kind, names))
        for bucket, prefixes in self._left.items():
            listing = allow(["s3:ListBucket"], [f"arn:{self._place.partition}:s3:::{bucket}"])
            yield {**listing, "Condition": {"StringLike": {"s3:prefix": list(dict.fromkeys(prefixes))}}}
        if self._roles:
            to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
            yield {**allow(["iam:PassRole"], list(dict.fromkeys(self._roles))), "Condition": to_sagemaker}

    def _jobs(self, kind: str, names: Sequence[str]) -> list[str]:
        place = self._place
        jobs = f"arn:{place.partition}:sagemaker:{place.region}:{place.account}:{_IN_ARN[kind]}"
        return [f"{jobs}/{name}-*" for name in names]
