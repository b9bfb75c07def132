"""``AWS::SageMaker::EndpointConfig``: which variants an endpoint has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.async_inference import AsyncInference
from constructs_lib.sagemaker.data_capture import DataCapture
from constructs_lib.sagemaker.endpoint_config_properties import async_config, capture_config, production_variant
from constructs_lib.sagemaker.endpoint_rules import variant_list_problems, volume_key_problems
from constructs_lib.sagemaker.model import IModel, host_needs_of
from constructs_lib.sagemaker.variants import AnyVariant, InstanceVariant
from constructs_lib.serving.field_types import held_problems, text_problems
from constructs_lib.serving.problems import Problems


@runtime_checkable
class IEndpointConfig(Protocol):
    """An endpoint configuration, made here or imported."""

    @property
    def endpoint_config_name(self) -> str:
        """Name of the configuration; a token for one that is made here."""
        ...

    @property
    def variants(self) -> tuple[AnyVariant, ...]:
        """The production variants, as far as they are known: an imported configuration knows of none."""
        ...

    @property
    def async_inference(self) -> AsyncInference | None:
        """How requests are answered asynchronously; None when they are answered at once, or nothing is known."""
        ...

    @property
    def data_capture(self) -> DataCapture | None:
        """What of the traffic is kept; None when nothing is, or nothing is known."""
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
        1 to 10 production variants, each name once; not all of weight 0.
    models
        By a variant's name, the model that it serves instead of ``model``. None: all serve ``model``.
    shadow
        A variant that gets copies of the requests; its answers are discarded. None: none.
    async_inference
        That requests are answered asynchronously, and where. None: they are answered at once. The models' execution
        roles must allow it; `InferenceEndpoint` sees to that.
    data_capture
        What of the traffic is kept. None: nothing is. The models' execution roles must allow it.
    volume_kms_key_arn
        ARN of the KMS key that the volumes of all instances are encrypted with; whoever deploys needs
        ``kms:CreateGrant`` on it. Instance types with disks of their own, such as ``ml.g5.xlarge``, are refused: their
        hardware encrypts those, and no key of yours. None: a key of AWS's.

    Raises
    ------
    InvalidValueError
        When there is no variant, more than 10, a name twice, or no weight above 0.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: IModel,
        variants: Sequence[AnyVariant],
        models: Mapping[str, IModel] | None = None,
        shadow: InstanceVariant | None = None,
        async_inference: AsyncInference | None = None,
        data_capture: DataCapture | None = None,
        volume_kms_key_arn: str | None = None,
    ) -> None:
        problems = Problems("EndpointConfig")
        problems.extend(text_problems("model", model, "Model.from_model_name("))
        problems.extend(held_problems("variants", variants, Sequence[AnyVariant]))
        problems.raise_any()
        problems.extend(variant_list_problems(variants))
        problems.extend(volume_key_problems(volume_kms_key_arn, [*variants, *([shadow] if shadow else [])]))
        problems.raise_any()
        super().__init__(scope, id)
        self.variants = tuple(variants)
        """The production variants, in the order given."""
        self.async_inference = async_inference
        """How requests are answered asynchronously; None when they are answered at once."""
        self.data_capture = data_capture
        """What of the traffic is kept; None when nothing is."""

        def rendered(variant: AnyVariant) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
            served = (models or {}).get(variant.name, model)
            return production_variant(variant, served.model_name, host_needs_of(served))

        self._resource = sagemaker.CfnEndpointConfig(
            self,
            "Resource",
            production_variants=[rendered(variant) for variant in variants],
            shadow_production_variants=[rendered(shadow)] if shadow else None,
            async_inference_config=async_config(async_inference),
            data_capture_config=capture_config(data_capture),
            kms_key_id=volume_kms_key_arn,
        )
        if any(getattr(each, "accelerator_type", None) for each in (*variants, shadow)):
            self._accept_accelerator()

    def _accept_accelerator(self) -> None:
        """Let this resource have a property that CloudFormation's own schema has dropped: CDK's rule F3002."""
        reason = "Elastic Inference is asked for by name, and inference:elastic-inference-retired warns of it"
        rule = cdk.Acknowledgment(id="CloudFormation-Validate::F3002", reason=reason)
        cdk.Validations.of(self._resource).acknowledge(rule)

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
    variants: tuple[AnyVariant, ...] = ()
    async_inference: AsyncInference | None = None
    data_capture: DataCapture | None = None

    def __init__(self, endpoint_config_name: str) -> None:
        self.endpoint_config_name = endpoint_config_name
