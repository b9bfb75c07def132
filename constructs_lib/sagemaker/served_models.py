"""The SageMaker models behind the variants of one endpoint: one per distinct model and kind of host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.sagemaker.containers import resolve
from constructs_lib.sagemaker.model import Model
from constructs_lib.sagemaker.serverless_rules import SERVERLESS_HOST
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant
from constructs_lib.serving import servers
from constructs_lib.serving.instances import InstanceType, instance_type
from constructs_lib.serving.multi_container import HostedModel, containers_of


@dataclass(slots=True)
class _Served:
    model: HostedModel
    host: InstanceType
    variants: list[str] = field(default_factory=list)


class ServedModels:
    """Which models an endpoint needs, found before anything of it is added to the tree.

    Parameters
    ----------
    scope
        Any construct of the stack that the endpoint will be in.
    model
        What those variants serve that have no model of their own.
    variants
        Production and shadow variants. Two that serve the same model with the same image and environment share one.

    Raises
    ------
    RegionError
        When AWS keeps no registry for an image in the stack's region.
    ArchiveError
        When a local artifact cannot be packaged.
    """

    def __init__(self, scope: Construct, model: HostedModel, variants: Sequence[AnyVariant]) -> None:
        self._served: list[_Served] = []
        for variant in variants:
            own = variant.model if isinstance(variant, InstanceVariant) else None
            host = variant.host if isinstance(variant, InstanceVariant) else instance_type(SERVERLESS_HOST)
            self._find(own or model, host).variants.append(variant.name)
        for served in self._served:
            resolve(scope, served.model, served.host)

    def _find(self, model: HostedModel, host: InstanceType) -> _Served:
        for served in self._served:
            if served.model == model and (served.host == host or _alike(model, served.host, host)):
                return served
        self._served.append(_Served(model, host))
        return self._served[-1]

    def make(self, owner: Construct, *, endpoint_name: str | None, role: iam.IRole | None) -> dict[str, Model]:
        """Make the models, and give them by the names of the variants that serve them.

        Parameters
        ----------
        owner
            The construct that they stand under: the first as ``Model``, each other under its first variant's name.
        endpoint_name, role
            As `Model` takes them.
        """
        found: dict[str, Model] = {}
        for position, served in enumerate(self._served):
            made = Model(
                owner,
                f"{served.variants[0]}Model" if position else "Model",
                model=served.model,
                instance_type=served.host,
                endpoint_name=endpoint_name,
                role=role,
            )
            found |= dict.fromkeys(served.variants, made)
        return found


def _alike(model: HostedModel, first: InstanceType, second: InstanceType) -> bool:
    """Tell whether a model is the same on two types: image and environment, which may say how many accelerators."""
    if (first.device, first.architecture) != (second.device, second.architecture):
        return False
    containers = containers_of(model).values()
    environments = [[servers.sagemaker_environment(each, host) for each in containers] for host in (first, second)]
    return environments[0] == environments[1]
