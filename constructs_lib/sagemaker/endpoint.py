"""``AWS::SageMaker::Endpoint``: the address that applications call."""

from __future__ import annotations

import re
from functools import cached_property

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.endpoint_config import IEndpointConfig
from constructs_lib.sagemaker.metrics import EndpointMetrics
from constructs_lib.sagemaker.variant_scaling import scale_variant
from constructs_lib.serving.names import name_problem
from constructs_lib.serving.problems import InvalidValueError, Problem, Problems, is_token

_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]+:[^:]+:endpoint/[^/:]+")

_INVOKE = [
    "sagemaker:InvokeEndpoint",
    "sagemaker:InvokeEndpointAsync",
    "sagemaker:InvokeEndpointWithResponseStream",
]


class IEndpoint(EndpointMetrics):
    """An endpoint, made here or imported: what it is called, who may call it, and its metrics."""

    @property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint."""
        raise NotImplementedError

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let somebody call this endpoint: in one answer, asynchronously, and as a stream.

        Parameters
        ----------
        grantee
            A role, a user, a function.
        """
        return iam.Grant.add_to_principal(grantee=grantee, actions=_INVOKE, resource_arns=[self.endpoint_arn])


class Endpoint(Construct, IEndpoint):
    """Defines an endpoint.

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoint stands.
    endpoint_config
        The configuration that it serves. Those of its variants that have ``autoscaling`` scale.
    endpoint_name
        Its name, unique in account and region without regard to case: 1 to 63 letters, digits and inner hyphens.
        None: CloudFormation makes one up. A change of name replaces the endpoint.
    retain_all_variant_properties
        Whether an update keeps the instance counts and weights that the endpoint has by then, rather than going back
        to those of its configuration. None: it keeps them if a variant scales.

    Raises
    ------
    InvalidValueError
        When SageMaker would refuse the name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoint_config: IEndpointConfig,
        endpoint_name: str | None = None,
        retain_all_variant_properties: bool | None = None,
    ) -> None:
        if endpoint_name is not None:
            _check_name(endpoint_name)
        super().__init__(scope, id)
        self._define(endpoint_config, endpoint_name, retain_all_variant_properties)

    def _define(
        self,
        endpoint_config: IEndpointConfig,
        endpoint_name: str | None,
        retain_all_variant_properties: bool | None = None,
    ) -> None:
        scaling = {variant.name: variant.autoscaling for variant in endpoint_config.variants if variant.autoscaling}
        retains = bool(scaling) if retain_all_variant_properties is None else retain_all_variant_properties
        self._resource = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_config_name=endpoint_config.endpoint_config_name,
            endpoint_name=endpoint_name,
            retain_all_variant_properties=retains or None,
        )
        self._known_variants = [variant.name for variant in endpoint_config.variants]
        self._scaled_variants: list[str] = []
        for variant_name, autoscaling in scaling.items():
            self.auto_scale_variant(variant_name, autoscaling)

    def auto_scale_variant(self, variant_name: str, autoscaling: Autoscaling) -> None:
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
        scale_variant(self, self.endpoint_name, variant_name, autoscaling)

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
        _check_name(endpoint_name)
        arn = cdk.Stack.of(scope).format_arn(
            service="sagemaker", resource="endpoint", resource_name=_lower(endpoint_name)
        )
        return _ImportedEndpoint(endpoint_name, arn)

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
        if not is_token(endpoint_arn) and not _ARN.fullmatch(endpoint_arn):
            shape = "arn:PARTITION:sagemaker:REGION:ACCOUNT:endpoint/NAME"
            raise InvalidValueError(
                "Endpoint", [Problem("endpoint_arn", f"must look like {shape}, got '{endpoint_arn}'")]
            )
        if is_token(endpoint_arn):
            name = cdk.Fn.select(1, cdk.Fn.split("/", endpoint_arn))
        else:
            name = endpoint_arn.rpartition("/")[2]
        return _ImportedEndpoint(name, endpoint_arn)

    @cached_property
    def endpoint_name(self) -> str:
        """Name of the endpoint; a token, so that what uses it waits for the endpoint."""
        return self._resource.attr_endpoint_name

    @cached_property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint; a token."""
        return self._resource.ref


class _ImportedEndpoint(IEndpoint):
    def __init__(self, endpoint_name: str, endpoint_arn: str) -> None:
        self._name, self._arn = endpoint_name, endpoint_arn

    @property
    def endpoint_name(self) -> str:
        return self._name

    @property
    def endpoint_arn(self) -> str:
        return self._arn


def _check_name(name: str) -> None:
    if wrong := name_problem(name):
        raise InvalidValueError("Endpoint", [Problem("endpoint_name", wrong)])


def _lower(name: str) -> str:
    """Spell a name as SageMaker does in ARNs: in lower case."""
    return name if is_token(name) else name.lower()
