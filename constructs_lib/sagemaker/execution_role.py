"""The role that SageMaker takes on to fetch a model, pull its image, and write its logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker import permissions
from constructs_lib.sagemaker.fingerprint import fingerprint
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.field_types import text_problems
from constructs_lib.serving.problems import Problem

_OWNER_LENGTH = 75  # of the 128 characters of a policy's name, besides the region and what the policy allows


def role_problems(role: object) -> Iterator[Problem]:
    """Check that a role is not given by its ARN alone."""
    return text_problems("role", role, "iam.Role.from_role_arn(self, 'Role', ")


class ExecutionRole:
    """An execution role: one that is made for its owner, or a given one.

    Parameters
    ----------
    owner
        The construct that the role and its policy stand under.
    given
        A role to use instead of a new one, or one that another owner has, to share it. None: a role is made that only
        SageMaker may take on.
    """

    def __init__(self, owner: Construct, given: iam.IRole | ExecutionRole | None) -> None:
        self._owner = owner
        self._given: iam.IRole | None
        self._made: iam.CfnRole | None = None
        self._policies: dict[str, iam.CfnPolicy | iam.Policy] = {}
        if isinstance(given, ExecutionRole):
            self._given, self._made = given._given, given._made
            return
        self._given = given
        if given is None:
            self._made = iam.CfnRole(owner, "ExecutionRole", assume_role_policy_document=permissions.trust_policy())

    @cached_property
    def arn(self) -> str:
        """ARN of the role; a token for a role that is made here."""
        return self._made.attr_arn if self._made else self.role.role_arn

    @cached_property
    def role(self) -> iam.IRole:
        """The role as the CDK's own interface, so that others can grant to it."""
        if self._made:
            return iam.Role.from_role_name(self._owner, "Role", self._made.ref)
        return cast("iam.IRole", self._given)

    def allow(self, statements: Sequence[permissions.Statement], *, before: cdk.CfnResource) -> None:
        """Let the role do what the statements say, before a resource is made that relies on it.

        A role made here gets a policy whose name and logical id follow from what it allows. When an artifact changes,
        CloudFormation therefore first adds the new policy, then moves the endpoint, and removes the old policy last:
        while the old instances serve, they keep the right to fetch the old artifact.
        """
        text = json.dumps(statements, sort_keys=True)
        policy = self._policies.get(text) or self._define_policy(text, permissions.document(statements))
        self._policies[text] = policy
        if isinstance(policy, cdk.CfnResource):
            before.add_resource_dependency(policy)
        else:
            before.node.add_dependency(policy)

    def _define_policy(self, text: str, document: permissions.Statement) -> iam.CfnPolicy | iam.Policy:
        digest = fingerprint(text)
        name = f"ModelAccess{digest}"
        if any(fingerprint(other) == digest for other in self._policies):  # but for tokens
            resolved = cdk.Stack.of(self._owner).resolve(document)
            name += fingerprint(json.dumps(resolved, sort_keys=True))
        if self._made:
            return iam.CfnPolicy(self._owner, name, policy_name=name, policy_document=document, roles=[self._made.ref])
        # A policy of its own, not the role's default one: what others are granted on the endpoint may be in that, and
        # the model would wait for the endpoint that waits for the model.
        attached = iam.Policy(
            self._owner,
            name,
            policy_name=f"{self._owner_name()}-{name}",
            document=iam.PolicyDocument.from_json(document),
        )
        self.role.attach_inline_policy(attached)
        return attached

    def _owner_name(self) -> str:
        """Give a name that the owner has alone: stacks of one account that share a role keep to their own policies."""
        name = cdk.Names.unique_resource_name(self._owner, max_length=_OWNER_LENGTH, separator="-")
        return f"{name}-{StackFacts.of(self._owner).place.region}"
