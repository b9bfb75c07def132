"""``AWS::SageMaker::EndpointConfig``: which variants an endpoint has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.model import IModel
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.problems import Problems

_VARIANTS_MAX = 10  # botocore sagemaker ProductionVariantList


@runtime_checkable
class IEndpointConfig(Protocol):
    """An endpoint configuration, made here or imported."""

    @property
    def endpoint_config_name(self) -> str:
        """Name of the configuration; a token for one that is made here."""
        ...

    @property
    def variants(self) -> tuple[InstanceVariant, ...]:
        """The production variants, as far as they are known: an imported configuration knows of none."""
        ...


class EndpointConfig(Construct):
    """Defines an endpoint configuration.

    The configuration gets no name of its own: SageMaker's configurations never change, so a change makes a new one.

    Parameters
    ----------
    scope, id
        Where in the construct tree the configuration stands.
    model
        The model that the variants serve.
    variants
        1 to 10 production variants, each name once.

    Raises
    ------
    InvalidValueError
        When there is no variant, more than 10, or a name twice.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: IModel,
        variants: Sequence[InstanceVariant],
    ) -> None:
        _check(variants)
        super().__init__(scope, id)
        self.variants = tuple(variants)
        """The production variants, in the order given."""
        self._resource = sagemaker.CfnEndpointConfig(
            self, "Resource", production_variants=[_variant(variant, model) for variant in variants]
        )

    @staticmethod
    def from_endpoint_config_name(endpoint_config_name: str) -> IEndpointConfig:
        """Use a configuration that exists already.

        Parameters
        ----------
        endpoint_config_name
            Name of an endpoint configuration in the stack's own account and region.
        """
        return _ImportedEndpointConfig(endpoint_config_name)

    @cached_property
    def endpoint_config_name(self) -> str:
        """Name that CloudFormation gives the configuration; a token."""
        return self._resource.attr_endpoint_config_name


class _ImportedEndpointConfig:
    variants: tuple[InstanceVariant, ...] = ()

    def __init__(self, endpoint_config_name: str) -> None:
        self.endpoint_config_name = endpoint_config_name


def _check(variants: Sequence[InstanceVariant]) -> None:
    problems = Problems("EndpointConfig")
    if not 1 <= len(variants) <= _VARIANTS_MAX:
        problems.add("variants", f"must be 1 to {_VARIANTS_MAX}, got {len(variants)}")
    names = [variant.name for variant in variants]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add("variants", f"must each have a name of its own, got '{name}' {names.count(name)} times")
    problems.raise_any()


def _variant(variant: InstanceVariant, model: IModel) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=variant.name,
        model_name=model.model_name,
        instance_type=variant.instance_type,
        initial_instance_count=variant.initial_instance_count,
        initial_variant_weight=variant.weight,
    )
