"""What runs the jobs of a stack: two functions behind the CDK's provider framework, for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import custom_resources as custom

from constructs_lib.jobs.function_code import function_code
from constructs_lib.jobs.job_names import stack_prefix
from constructs_lib.sagemaker.permissions import Statement, allow, pass_roles
from constructs_lib.sagemaker.stack_function import StackFunction
from constructs_lib.serving.artifacts import split_s3_uri

_TIMEOUT = 120  # seconds; a function takes one or two
_INTERVAL = 10  # seconds between two looks at a job
# As SageMaker spells the kinds of job in ARNs.
_IN_ARN = {"CompilationJob": "compilation-job", "TrainingJob": "training-job", "TransformJob": "transform-job"}


class JobProvider(StackFunction):
    """Defines the functions, their role and their log group; use :meth:`of`, which makes them once per stack."""

    ID = "SageMakerJobs"

    def __init__(self, stack: cdk.Stack) -> None:
        super().__init__(stack)
        self._code = function_code(stack)
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
        bucket, prefix = split_s3_uri(output)
        self._made.setdefault(kind, []).append(name)
        self._left.setdefault(bucket, []).append(f"{prefix}*")
        if role_arn:
            self._roles.append(role_arn)
        self._allow("Jobs", [*self._always(), *self._of_jobs()])
        return self._token

    def _function(self, name: str, entry: str) -> lambda_.IFunction:
        entry = f"handler.index.{entry}"
        description = "Runs the SageMaker jobs of a stack"
        arn = self._define_function(name, source=self._code, entry=entry, description=description, timeout=_TIMEOUT)
        return lambda_.Function.from_function_attributes(
            self, f"{name}Function", function_arn=arn, same_environment=False, skip_permissions=True
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
            listing = allow(["s3:ListBucket"], [self._place.s3_arn(bucket)])
            yield {**listing, "Condition": {"StringLike": {"s3:prefix": list(dict.fromkeys(prefixes))}}}
        if self._roles:
            yield pass_roles(self._roles)

    def _jobs(self, kind: str, names: Sequence[str]) -> list[str]:
        return [self._place.arn("sagemaker", f"{_IN_ARN[kind]}/{name}-*") for name in names]
