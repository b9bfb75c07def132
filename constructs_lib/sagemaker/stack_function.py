"""The base of the library's own Lambda functions that a stack has once each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.lambda_function import LOG_RETENTION, define_function
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.artifacts import S3Artifact


class StackFunction(Construct):
    """Defines the role and the log group of a function; use :meth:`of`, which makes it once per stack.

    A subclass defines the function, and allows what it does as more of it is asked for.
    """

    ID: ClassVar[str]
    """Its id in the stack."""

    def __init__(self, stack: cdk.Stack) -> None:
        super().__init__(stack, self.ID)
        self._facts = StackFacts.of(stack)
        self._place = self._facts.place
        log_group = logs.CfnLogGroup(self, "LogGroup", retention_in_days=LOG_RETENTION)
        self._log_group_name = log_group.ref
        self._logging = permissions.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.attr_arn])
        trust = permissions.trust_policy("lambda.amazonaws.com")
        self._role = iam.CfnRole(self, "Role", assume_role_policy_document=trust)
        self._role_arn = self._role.attr_arn

    @classmethod
    def of(cls, scope: Construct) -> Self:
        """Give the one of the stack that a construct is in."""
        stack = StackFacts.of(scope).stack
        if (stack, cls) not in _MADE:
            _MADE[stack, cls] = cls(stack)
        return cast("Self", _MADE[stack, cls])

    def _define_function(
        self,
        name: str,
        *,
        source: Path | S3Artifact,
        description: str,
        timeout: int,
        memory_size: int = 256,
        entry: str = "handler",
    ) -> str:
        """Define a function that has this role and log group, as `define_function` does, and give its ARN."""
        return define_function(
            self,
            name,
            source=source,
            entry=entry,
            description=description,
            role_arn=self._role_arn,
            log_group_name=self._log_group_name,
            timeout=timeout,
            memory_size=memory_size,
        ).attr_arn

    def _allow(self, policy_name: str, statements: Sequence[permissions.Statement]) -> None:
        """Let the function do this, and nothing else."""
        # With the role, not beside it: nothing of a stack that goes may be left without its rights.
        document = permissions.document(list(statements))
        self._role.policies = [iam.CfnRole.PolicyProperty(policy_name=policy_name, policy_document=document)]


# As long as the process lives: the constructs are never released from jsii's kernel either.
_MADE: dict[tuple[cdk.Stack, type[StackFunction]], StackFunction] = {}
