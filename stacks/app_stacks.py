"""The stacks that a settings file describes, put together as an app."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from stacks.assignment import settings_by_stack
from stacks.extras import needs_extra
from stacks.inference_stack import InferenceStack
from stacks.limits import CLUSTER_STACK, WORKLOAD_STACK
from stacks.settings import Settings


def define_stacks(scope: Construct, settings: Settings, *, env: cdk.Environment | None = None) -> list[cdk.Stack]:
    """Define every stack, in the order of their deployment.

    Parameters
    ----------
    scope
        The app, or a stage of it.
    settings
        What to deploy.
    env
        Account and region. None: those of whoever deploys.

    Raises
    ------
    MissingExtraError
        When there is a cluster, and the packages that it needs are not installed.
    """
    first: list[cdk.Stack] = []
    if settings.cluster or settings.existing_cluster:
        with needs_extra("eks", "clusters and workloads"):
            from stacks.cluster_stack import ClusterStack  # EKS and cdk8s, where they are needed

        # Names of their own: workloads for a cluster that exists never take the place of the stack that made it.
        name = CLUSTER_STACK if settings.cluster else WORKLOAD_STACK
        first.append(ClusterStack(scope, name, settings=settings, env=env))
    parts = settings_by_stack(settings).items()
    stacks = [InferenceStack(scope, name, settings=part, env=env) for name, part in parts]
    for stack in stacks:
        for needed in first:
            stack.add_stack_dependency(needed)
    return [*first, *stacks]
