"""Alarms and a dashboard for an endpoint, and one dashboard for many endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from constructs_lib.sagemaker.endpoint_place import elsewhere_problems
from constructs_lib.sagemaker.monitoring.alarms import AlarmRule, component_rules, make_alarm, variant_rules
from constructs_lib.sagemaker.monitoring.dashboard import endpoint_body, stack_body
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.monitoring.watched_endpoint import Watched, WatchedEndpoint, watch_endpoint
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.field_types import held_problems, text_problems
from constructs_lib.serving.names import twin_name_problems
from constructs_lib.serving.problems import Problems

if TYPE_CHECKING:
    from constructs_lib.sagemaker.async_inference import AsyncInference
    from constructs_lib.sagemaker.endpoint import IEndpoint
    from constructs_lib.sagemaker.inference_components.endpoint import InferenceComponentEndpoint
    from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
    from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
    from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
    from constructs_lib.sagemaker.variants import AnyVariant


class EndpointMonitoring(Construct):
    """Defines CloudWatch alarms for every variant and inference component of an endpoint, and a dashboard.

    Neither alarms nor dashboard have names of their own: CloudFormation gives them.

    Parameters
    ----------
    scope, id
        Where in the construct tree they stand.
    endpoint
        The endpoint, made here or imported, of the stack's own account and region: CloudWatch has its metrics there.
    variants
        Its production variants, at least one, each name once.
    monitoring
        Thresholds, and the topics to notify. None: the defaults of `Monitoring`, without a topic.
    label
        What the dashboards call the endpoint. None: the id of the construct around this one.
    async_inference
        That of the endpoint, whose scaling may take away the last instance. None: the endpoint answers at once.
    inference_components
        The inference components that the endpoint hosts, by their names: requests, errors and latency are theirs, and
        the instances the variant's. None: its variants have models of their own.
    managed_instance_scaling
        How SageMaker counts the instances under inference components. None: their number does not change.

    Raises
    ------
    InvalidValueError
        When there is no variant, or a name twice, or the endpoint is in another account or region.

    Examples
    --------
    >>> EndpointMonitoring(
    ...     stack,
    ...     "Monitoring",
    ...     endpoint=Endpoint.from_endpoint_name(stack, "ranking"),
    ...     variants=[InstanceVariant(instance_type="ml.g5.xlarge")],
    ...     monitoring=Monitoring(latency_p99_ms=200, alarm_topics=(topic.topic_arn,)),
    ... )
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoint: IEndpoint,
        variants: Sequence[AnyVariant],
        monitoring: Monitoring | None = None,
        label: str | None = None,
        async_inference: AsyncInference | None = None,
        inference_components: Mapping[str, ComponentSpecification] | None = None,
        managed_instance_scaling: ManagedInstanceScaling | None = None,
    ) -> None:
        problems = Problems("EndpointMonitoring")
        problems.extend(text_problems("endpoint", endpoint, "Endpoint.from_endpoint_name(self, "))
        problems.raise_any()
        choices = monitoring or Monitoring()
        watched = watch_endpoint(
            label=label or scope.node.id,
            endpoint_name=endpoint.endpoint_name,
            variants=variants,
            async_inference=async_inference,
            inference_components=inference_components,
            managed_instance_scaling=managed_instance_scaling,
        )
        if not watched.variants:
            problems.add("variants", "is empty; give those of the endpoint")
        problems.extend(twin_name_problems("variants", [variant.name for variant in watched.variants]))
        facts = StackFacts.of(scope)
        problems.extend(elsewhere_problems("endpoint", endpoint, facts.place))
        problems.raise_any()
        super().__init__(scope, id)
        facts.include(self)
        self.alarms: dict[str, cloudwatch.CfnAlarm] = self._make_alarms(watched, choices)
        """The alarms, by variant or inference component and subject: ``AllTraffic-Errors``."""
        self.watched = replace(
            watched,
            alarm_arns=tuple(alarm.attr_arn for alarm in self.alarms.values()),
            latency_p99_ms=choices.latency_p99_ms,
        )
        """What a dashboard shows of the endpoint."""
        self.dashboard: cloudwatch.CfnDashboard | None = None
        """The endpoint's dashboard. None: it has none."""
        if choices.dashboard:
            body = endpoint_body(self.watched, region=facts.place.region)
            self.dashboard = cloudwatch.CfnDashboard(self, "Dashboard", dashboard_body=body)

    def _make_alarms(self, endpoint: WatchedEndpoint, monitoring: Monitoring) -> dict[str, cloudwatch.CfnAlarm]:
        rules: list[tuple[Watched, list[AlarmRule]]] = [
            *((variant, variant_rules(variant, monitoring)) for variant in endpoint.variants),
            *((component, component_rules(component, monitoring)) for component in endpoint.components),
        ]
        return {
            f"{owner.name}-{rule.name}": make_alarm(
                self,
                f"{owner.name}-{rule.name}",
                rule=rule,
                owner=owner.name,
                dimensions=owner.dimensions(endpoint.endpoint_name),
                topics=monitoring.alarm_topics,
            )
            for owner, found in rules
            for rule in found
        }


class InferenceDashboard(Construct):
    """Defines one CloudWatch dashboard for several endpoints: their alarms, traffic, errors, latency and CPU.

    Parameters
    ----------
    scope, id
        Where in the construct tree the dashboard stands.
    endpoints
        At least one: endpoints made here, with or without monitoring of their own, or the `EndpointMonitoring` of
        any other. Each is called by its construct's id, or by the label of its monitoring.

    Raises
    ------
    InvalidValueError
        When there is no endpoint, or one is in another account or region.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        endpoints: Sequence[InferenceEndpoint | InferenceComponentEndpoint | EndpointMonitoring],
    ) -> None:
        problems = Problems("InferenceDashboard")
        problems.extend(held_problems("endpoints", endpoints, Sequence[Any]))
        problems.raise_any()
        if not endpoints:
            problems.add("endpoints", "is empty; give at least one")
        place = StackFacts.of(scope).place
        for number, endpoint in enumerate(endpoints):
            name, given = f"endpoints.{number}", cast("object", endpoint)
            if isinstance(given, Construct):
                problems.extend(elsewhere_problems(name, given, place))
            else:
                problems.add(name, "is no endpoint that is made here; give the EndpointMonitoring of an imported one")
        problems.raise_any()
        super().__init__(scope, id)
        body = stack_body([endpoint.watched for endpoint in endpoints], region=place.region)
        self._resource = cloudwatch.CfnDashboard(self, "Resource", dashboard_body=body)

    @property
    def dashboard_name(self) -> str:
        """Name that CloudFormation gives the dashboard; a token."""
        return self._resource.ref
