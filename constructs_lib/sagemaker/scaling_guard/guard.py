"""Custom resources around an endpoint that take its scalable targets away for an update, and put them back.

SageMaker refuses to change the instance type of a variant, or to remove it, while it is a scalable target, and
CloudFormation cannot deregister before it updates: https://github.com/aws/aws-cdk/issues/29626. Why there are three, in
the order in which CloudFormation visits them, forward and on the way back:

1. ``Recover…`` does nothing until it is deleted. Its logical id follows from the instance types, so that each change of
   them makes a new one and deletes one in the clean-up, after an update as well as after a rollback. It catches every
   way back on which the third is not visited, as when another resource fails while the endpoint still updates.
2. ``Release`` deregisters what the endpoint's update would stumble over. It is updated in place, because on the way
   back it must come before the endpoint again.
3. ``Restore`` registers again, before CloudFormation updates the targets, which must exist then.

A policy that is put again has another ARN than the one that CloudFormation knows it by. So the policies' names follow
from the instance type and from what they say: CloudFormation never updates one, but creates the new and deletes the
old, and whatever uses its ARN, as the alarm of a step policy does, gets the new one. ``Restore`` leaves out those that
belong to another instance type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.fingerprint import fingerprint
from constructs_lib.sagemaker.scaling_guard.function import ScalingGuardFunction

_SERVICE_TIMEOUT = 420  # seconds; more than the function's own, so that its answer comes first


class ScalingGuard(Construct):
    """Defines what lets the instance types and the set of an endpoint's variants change while they scale.

    Parameters
    ----------
    scope, id
        Where in the construct tree it stands.
    endpoint_name
        The endpoint's name, not a token of the endpoint: its targets are looked up before the endpoint is updated.
    instance_types
        Instance type of each of its variants, by the variant's name; empty for a variant without.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoint_name: str,
        instance_types: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        self._endpoint_name = endpoint_name
        self._instance_types = dict(sorted(instance_types.items()))
        self._service_token = ScalingGuardFunction.of(scope).serve(endpoint_name)

    def protect(self, endpoint: cdk.CfnResource) -> None:
        """Let the endpoint be updated between the deregistration and the registration of its targets."""
        recover = self._step(f"Recover{fingerprint(json.dumps(self._instance_types))}", "Recover")
        self._release = self._step("Release", "Release")
        self._release.add_resource_dependency(recover)
        endpoint.add_resource_dependency(self._release)
        self._restore.add_resource_dependency(endpoint)

    def before(self, scalable_target: cdk.CfnResource) -> None:
        """Let CloudFormation touch one of the endpoint's scalable targets only when it is registered again."""
        scalable_target.add_resource_dependency(self._restore)

    def policy_suffix(self, variant_name: str, scaling: object) -> str:
        """Give the end of the names of a variant's policies.

        Parameters
        ----------
        variant_name
            Name of the variant.
        scaling
            The value that says how the variant scales.
        """
        return f"-{self._instance_types.get(variant_name, '')}-{fingerprint(repr(scaling))}"

    @cached_property
    def _restore(self) -> cdk.CfnResource:
        return self._step("Restore", "Restore")

    def _step(self, name: str, action: str) -> cdk.CfnResource:
        properties = {
            "ServiceToken": self._service_token,
            "ServiceTimeout": _SERVICE_TIMEOUT,
            "Action": action,
            "EndpointName": self._endpoint_name,
            "InstanceTypes": self._instance_types,
        }
        return cdk.CfnResource(self, name, type=f"Custom::ScalingGuard{action}", properties=properties)
