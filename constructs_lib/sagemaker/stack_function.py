"""What the library's own functions have in common that serve a whole stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.inline_function import LOG_RETENTION
from constructs_lib.sagemaker.stack_facts import StackFacts


class StackFunction(Construct):
    """Has a role and a log group for a function; use :meth:`of`, which makes it once per stack.

    A subclass says its id in the stack, defines its function, and allows what that does as more of it is asked for.
    """

    ID: ClassVar[str]

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
    ) -> None:
        super().__init__(scope, id)
        self._facts = StackFacts.of(scope)
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
            _MADE[stack, cls] = cls(stack, cls.ID)
        return cast("Self", _MADE[stack, cls])

    def _allow(self, policy_name: str, statements: Sequence[permissions.Statement]) -> None:
        """Let the function do this, and nothing else."""
        # With the role, not beside it: nothing of a stack that goes may be left without its rights.
        document = permissions.document(list(statements))
        self._role.policies = [iam.CfnRole.PolicyProperty(policy_name=policy_name, policy_document=document)]


# As long as the process lives: the constructs are never released from jsii's kernel either.
_MADE: dict[tuple[cdk.Stack, type[StackFunction]], StackFunction] = {}
