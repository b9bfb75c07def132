"""A SageMaker job as a resource of a stack: run by the deployment, run again when what it is asked to do changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.jobs.job_names import job_name
from constructs_lib.jobs.provider import JobProvider
from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.execution_role import ExecutionRole, role_problems
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.artifacts import split_s3_uri
from constructs_lib.serving.job_timeout import timeout_problems
from constructs_lib.serving.problems import Problems

JobKind = Literal["CompilationJob", "TrainingJob", "TransformJob"]

# CloudFormation gives up on a custom resource after an hour; this leaves time to answer.
_WAIT = 3300


class SageMakerJob(Construct):
    """Defines a SageMaker job that the deployment runs and waits for.

    It runs when it is deployed first, and again when its request or its ``triggers`` change; a new role, time limit,
    network or tag alone does not run it again, nor do a training's instances, spot capacity and metrics. A deployment
    that is rolled back keeps the previous job's results. A job that is still running when it is no longer wanted is
    stopped; results in S3 stay.

    Parameters
    ----------
    scope, id
        Where in the construct tree the job stands.
    kind
        ``"CompilationJob"``, ``"TrainingJob"`` or ``"TransformJob"``.
    request
        What SageMaker's ``Create…`` operation takes, in its own form, without the job's name and ``RoleArn``. CDK
        tokens may stand in for values.
    role
        Role that the job takes on; it is given ``statements``. None: a role is created that may do just these. A
        ``TransformJob`` has none of its own: it runs with its model's.
    statements
        What the job's role has to be allowed, as statements of an IAM policy. Default: nothing.
    timeout
        Seconds that the deployment waits for the job, 60 to 43 200; then it fails, and the job is stopped. Default:
        3300.
    triggers
        What the job depends on beyond its request, such as the version of its data: any change runs it again.
        None: nothing.

    Raises
    ------
    InvalidValueError
        When the time limit is out of range or shorter than the job's own.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        kind: JobKind,
        request: Mapping[str, Any],
        role: iam.IRole | None = None,
        statements: Sequence[permissions.Statement] = (),
        timeout: int = _WAIT,
        triggers: Mapping[str, str] | None = None,
    ) -> None:
        problems = Problems("SageMakerJob")
        problems.extend(role_problems(role))
        if kind not in get_args(JobKind):
            problems.add("kind", f"must be one of {', '.join(get_args(JobKind))}, got '{kind}'")
        limits = request.get("StoppingCondition", {})
        problems.extend(
            timeout_problems(timeout, limits.get("MaxWaitTimeInSeconds", limits.get("MaxRuntimeInSeconds")))
        )
        problems.raise_any()
        super().__init__(scope, id)
        self._request = dict(request)
        self._execution_role = None if kind == "TransformJob" else ExecutionRole(self, role)
        if self._execution_role:
            self._request["RoleArn"] = self._execution_role.arn
        provider, stack = JobProvider.of(scope), StackFacts.of(scope).stack
        name = job_name(provider.name_prefix, stack, self)
        token = provider.serve(kind, name, role_arn=self._request.get("RoleArn"), output=_output_uri(request))
        self._resource = self._step(
            "Resource",
            kind,
            token,
            timeout,
            {
                "Name": name,
                "Request": stack.to_json_string(self._request),
                **({"Triggers": stack.to_json_string(dict(triggers))} if triggers else {}),
            },
        )
        if self._execution_role and statements:
            self._execution_role.allow(statements, before=self._resource)
        self._last = self._resource
        # CloudFormation waits an hour for one resource, so a longer job is waited for by several, one after the other.
        for number, waited in enumerate(range(_WAIT, timeout, _WAIT), start=2):
            properties = {"JobName": self.result("JobName")}
            self._last = self._step(f"Wait{number}", kind, token, timeout - waited, properties)

    def _step(
        self, name: str, kind: JobKind, token: str, remaining: int, properties: Mapping[str, str]
    ) -> cdk.CfnResource:
        return cdk.CfnResource(
            self,
            name,
            type=f"Custom::SageMaker{kind}",
            properties={
                "ServiceToken": token,
                "Kind": kind,
                "WaitSeconds": str(min(remaining, _WAIT)),
                **({"Continues": "true"} if remaining > _WAIT else {}),
                **properties,
            },
        )

    @cached_property
    def job_name(self) -> str:
        """Name of the job that ran; a token."""
        return self.result("JobName")

    @cached_property
    def artifact(self) -> str:
        """Address of the archive that a compilation or a training left, as a model takes it; its key is a token."""
        bucket, _ = split_s3_uri(_output_uri(self._request))
        return f"s3://{bucket}/{self.result('ArtifactKey')}"

    @cached_property
    def image(self) -> str:
        """Address of the image that serves what a compilation left; its parts are tokens."""
        account, region, domain = (self.result(f"Image{part}") for part in ("Account", "Region", "Domain"))
        return f"{account}.dkr.ecr.{region}.{domain}/{self.result('ImageRepository')}:{self.result('ImageTag')}"

    @cached_property
    def output(self) -> str:
        """Prefix under which a batch transform left its answers; what uses it waits for the job."""
        return self.result("Output")

    @property
    def role(self) -> iam.IRole:
        """The job's role, to grant it more; what it needs to run: `grant.apply_before(job)`.

        Raises
        ------
        AttributeError
            When it is a batch transform, which runs with its model's role.
        """
        if self._execution_role is None:
            raise AttributeError("a TransformJob has no role of its own: grant to its model's")
        return self._execution_role.role

    def result(self, name: str) -> str:
        """Give one of the job's results; a token.

        Parameters
        ----------
        name
            As the handler names it: ``JobName``, ``JobArn``, ``ArtifactKey``, ``Output``, ``ImageAccount``….
        """
        return self._last.get_att(name).to_string()


def _output_uri(request: Mapping[str, Any]) -> str:
    found = request.get("OutputConfig") or request.get("OutputDataConfig") or request.get("TransformOutput") or {}
    return str(found.get("S3OutputLocation") or found.get("S3OutputPath") or "")
