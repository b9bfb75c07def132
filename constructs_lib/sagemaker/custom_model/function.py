"""The function that creates a stack's models in CloudFormation's place: one for all of them."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker

from constructs_lib.sagemaker.permissions import Statement, allow, pass_roles
from constructs_lib.sagemaker.stack_function import StackFunction

_HANDLER = Path(__file__).parent / "handler" / "index.py"
_TIMEOUT = 300  # seconds; a model takes one or two, and a minute until its role's rights hold everywhere
_SERVICE_TIMEOUT = 360  # seconds; more than the function's own, so that its answer comes first
_PREFIX_LENGTH = 20  # of a model's 63; the function adds 42


class ModelFunction(StackFunction):
    """Defines the function, its role and its log group; use :meth:`of`, which makes them once per stack."""

    ID = "ModelFunction"

    def __init__(self, stack: cdk.Stack) -> None:
        super().__init__(stack)
        self._prefix = cdk.Names.unique_resource_name(
            self._facts.stack, max_length=_PREFIX_LENGTH, separator="-"
        ).lower()
        self._role_arns: list[str] = []
        description = "Creates models that CloudFormation cannot describe"
        self._arn = self._define_function("Resource", source=_HANDLER, description=description, timeout=_TIMEOUT)

    def create(self, model: sagemaker.CfnModel, *, role_arn: str) -> None:
        """Let the function create a model of these properties, and of others that its type lacks.

        ``Ref`` is then the model's name, and no longer its ARN. Tags of the template reach the model, those of
        ``cdk deploy --tags`` do not: CloudFormation hands them to its own types alone.

        Parameters
        ----------
        model
            The model, which becomes a custom resource.
        role_arn
            ARN of its execution role.
        """
        self._role_arns.append(role_arn)
        self._allow("Models", self._statements())
        model.add_override("Type", "Custom::SageMakerModel")
        model.add_property_override("ServiceToken", self._arn)
        model.add_property_override("ServiceTimeout", _SERVICE_TIMEOUT)
        model.add_property_override("NamePrefix", self._prefix)

    def _statements(self) -> list[Statement]:
        models = self._place.arn("sagemaker", f"model/{self._prefix}-*")
        changes = [f"sagemaker:{name}" for name in ("AddTags", "CreateModel", "DeleteModel", "DeleteTags")]
        return [
            allow([*changes, "sagemaker:DescribeModel"], [models]),
            pass_roles(self._role_arns),
            self._logging,
        ]
