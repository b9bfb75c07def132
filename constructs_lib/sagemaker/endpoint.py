"""``AWS::SageMaker::Endpoint``: the address that applications call."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.endpoint_config import IEndpointConfig
from constructs_lib.sagemaker.endpoint_interface import IEndpoint
from constructs_lib.sagemaker.endpoint_rules import naming_problems, rollout_problems
from constructs_lib.sagemaker.imported_endpoint import endpoint_by_arn, endpoint_by_name
from constructs_lib.sagemaker.rollout import Rollout
from constructs_lib.sagemaker.rollout_deployment import deployment_config, rollback_alarms
from constructs_lib.sagemaker.variant_scaling import VariantScaling, scale_variant
from constructs_lib.serving.field_types import text_problems
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.scaling_guard.guard import ScalingGuard

__all__ = ["Endpoint", "IEndpoint"]


class Endpoint(Construct, IEndpoint):
    """Defines an endpoint.

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoint stands.
    endpoint_config
        The configuration that it serves. Those of its variants that have ``autoscaling`` scale.
    endpoint_name
        Its name, unique in account and region without regard to case: 1 to 63 letters, digits and inner hyphens. None:
        CloudFormation generates one. A change of name replaces the endpoint.
    retain_all_variant_properties
        Whether an update keeps the instance counts that the endpoint has by then, rather than going back to those of
        its configuration. The weights of several variants, and data capture, always follow the configuration. None: it
        keeps them if a variant scales.
    safe_update
        Whether a deployment may change the instance type of a variant that scales, or remove it, which SageMaker
        refuses otherwise: the deployment deregisters the scalable targets before and registers them again afterwards.
        It needs an ``endpoint_name``, and a configuration that is made here. Default: it may not.
    rollout
        How an update moves traffic to new instances, and what rolls it back. The models' execution roles must be
        allowed to describe its alarms; `InferenceEndpoint` sees to that. None: all at once, as SageMaker does.

    Raises
    ------
    InvalidValueError
        When SageMaker would refuse the name or the rollout, or ``safe_update`` lacks what it needs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoint_config: IEndpointConfig,
        endpoint_name: str | None = None,
        retain_all_variant_properties: bool | None = None,
        safe_update: bool = False,
        rollout: Rollout | None = None,
    ) -> None:
        problems = Problems("Endpoint")
        named = "EndpointConfig.from_endpoint_config_name("
        problems.extend(text_problems("endpoint_config", endpoint_config, named))
        problems.raise_any()
        variants = endpoint_config.variants
        problems.extend(
            naming_problems(endpoint_name, variants_known=bool(variants), rollout=rollout, safe_update=safe_update)
        )
        problems.extend(rollout_problems(rollout, variants) if rollout is not None else ())
        problems.raise_any()
        super().__init__(scope, id)
        retains = retain_all_variant_properties
        self._define(endpoint_config, endpoint_name, retains, safe_update=safe_update, rollout=rollout)

    def _define(
        self,
        endpoint_config: IEndpointConfig,
        endpoint_name: str | None,
        retain_all_variant_properties: bool | None = None,
        *,
        safe_update: bool = False,
        rollout: Rollout | None = None,
    ) -> None:
        self.rollback_alarm_names: list[str] = []
        """Names of the alarms that take an update back."""
        scaling = _scaling(endpoint_config)
        retains = bool(scaling) if retain_all_variant_properties is None else retain_all_variant_properties
        self._resource = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_config_name=endpoint_config.endpoint_config_name,
            endpoint_name=endpoint_name,
            retain_all_variant_properties=retains or None,
            exclude_retained_variant_properties=_not_retained(endpoint_config) if retains else None,
            deployment_config=self._deployment(rollout, endpoint_config, endpoint_name) if rollout else None,
        )
        self._known_variants = [variant.name for variant in endpoint_config.variants]
        self._scaled_variants: list[str] = []
        self._guard = self._guarded(endpoint_config, endpoint_name) if safe_update and endpoint_name else None
        for variant_name, autoscaling in scaling.items():
            self.auto_scale_variant(variant_name, autoscaling)

    def _deployment(
        self, rollout: Rollout, endpoint_config: IEndpointConfig, endpoint_name: str | None
    ) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
        if rollout.alarms is not None:
            self.rollback_alarm_names = list(rollout.alarms)
        else:
            watched = self._watched_in_rollouts(endpoint_config, endpoint_name or "")
            self.rollback_alarm_names = rollback_alarms(self, watched, rollout)
        return deployment_config(rollout, self.rollback_alarm_names)

    def _watched_in_rollouts(self, endpoint_config: IEndpointConfig, endpoint_name: str) -> list[dict[str, str]]:
        """Give the dimensions of the metrics that tell whether the endpoint answers as it should."""
        return [{"EndpointName": endpoint_name, "VariantName": each.name} for each in endpoint_config.variants]

    def auto_scale_variant(self, variant_name: str, autoscaling: VariantScaling) -> None:
        """Let the instance count of one variant follow its traffic.

        A variant that has ``autoscaling`` in the endpoint's own configuration scales without it. Use it for variants of
        an imported configuration, with ``retain_all_variant_properties=True``.

        Parameters
        ----------
        variant_name
            Name of a production variant that does not scale yet.
        autoscaling
            Range, target and cool-downs.

        Raises
        ------
        InvalidValueError
            When the variant scales already, or is not in the endpoint's configuration.
        """
        problems = Problems("Endpoint")
        if variant_name in self._scaled_variants:
            problems.add("variant_name", f"'{variant_name}' scales already; give all of its policy at once")
        if self._known_variants and variant_name not in self._known_variants:
            known = ", ".join(self._known_variants)
            problems.add("variant_name", f"'{variant_name}' is not in the endpoint's configuration, which has {known}")
        problems.raise_any()
        self._scaled_variants.append(variant_name)
        suffix = self._guard.policy_suffix(variant_name, autoscaling) if self._guard is not None else ""
        target = scale_variant(self, self.endpoint_name, variant_name, autoscaling, policy_suffix=suffix)
        if self._guard is not None:
            self._guard.before(target)

    def _guarded(self, endpoint_config: IEndpointConfig, endpoint_name: str) -> ScalingGuard:
        from constructs_lib.sagemaker.scaling_guard.guard import ScalingGuard  # Lambda, where it is needed

        # A serverless variant has no instances.
        types = {each.name: str(getattr(each, "instance_type", None) or "") for each in endpoint_config.variants}
        guard = ScalingGuard(self, "ScalingGuard", endpoint_name=endpoint_name, instance_types=types)
        guard.protect(self._resource)
        return guard

    @staticmethod
    def from_endpoint_name(scope: Construct, endpoint_name: str) -> IEndpoint:
        """Use an endpoint that exists already in the stack's own account and region.

        Parameters
        ----------
        scope
            Any construct of the stack that uses it.
        endpoint_name
            Its name.

        Raises
        ------
        InvalidValueError
            When no endpoint can have that name.
        """
        return endpoint_by_name(scope, endpoint_name)

    @staticmethod
    def from_endpoint_arn(scope: Construct, endpoint_arn: str) -> IEndpoint:
        """Use an endpoint that exists already, in any account and region.

        Parameters
        ----------
        scope
            Any construct of the stack that uses it.
        endpoint_arn
            Its ARN.

        Raises
        ------
        InvalidValueError
            When it is no endpoint's ARN.
        """
        return endpoint_by_arn(endpoint_arn)

    @cached_property
    def endpoint_name(self) -> str:
        """Name of the endpoint; a token, so that what uses it waits for the endpoint."""
        return self._resource.attr_endpoint_name

    @cached_property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint; a token."""
        return self._resource.ref


def _not_retained(
    endpoint_config: IEndpointConfig,
) -> list[sagemaker.CfnEndpoint.VariantPropertyProperty] | None:
    """Name what an update takes from the configuration although it retains the instance counts."""
    weights = len(endpoint_config.variants) > 1
    captures = endpoint_config.data_capture is not None
    kinds = [*(["DesiredWeight"] if weights else []), *(["DataCaptureConfig"] if captures else [])]
    make = sagemaker.CfnEndpoint.VariantPropertyProperty
    return [make(variant_property_type=kind) for kind in kinds] or None


def _scaling(endpoint_config: IEndpointConfig) -> dict[str, VariantScaling]:
    """Give what the variants' counts follow, by the variants' names."""
    found: dict[str, VariantScaling] = {
        variant.name: variant.autoscaling for variant in endpoint_config.variants if variant.autoscaling
    }
    asynchronous = endpoint_config.async_inference
    if asynchronous is not None and asynchronous.autoscaling is not None:
        found |= {variant.name: asynchronous.autoscaling for variant in endpoint_config.variants}
    return found
