"""Endpoints in another team's stack: grants, metrics, scaling."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Match, Template

from constructs_lib.sagemaker import Autoscaling, Endpoint, EndpointConfig, InferenceEndpoint, InstanceVariant, Model
from constructs_lib.sagemaker.endpoint import IEndpoint
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import only
from tests.snapshot.construct_templates import OWN_IMAGE

INVOCATIONS, INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"


def made(stack: cdk.Stack) -> IEndpoint:
    config = EndpointConfig.from_endpoint_config_name("their-config")
    return Endpoint(stack, "Endpoint", endpoint_config=config, endpoint_name="digits")


def made_in_one(stack: cdk.Stack) -> IEndpoint:
    return InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", endpoint_name="digits")


def imported_by_name(stack: cdk.Stack) -> IEndpoint:
    return Endpoint.from_endpoint_name(stack, "digits")


def imported_by_arn(stack: cdk.Stack) -> IEndpoint:
    return Endpoint.from_endpoint_arn(stack, "arn:aws:sagemaker:eu-west-1:222222222222:endpoint/digits")


EVERY_KIND = pytest.mark.parametrize("endpoint_of", [made, made_in_one, imported_by_name, imported_by_arn])


class TestGrants:
    @EVERY_KIND
    def test_grant_invoke_lets_somebody_call_this_endpoint(
        self, endpoint_of: Callable[[cdk.Stack], IEndpoint], stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        caller = iam.User(stack, "Caller")
        endpoint = endpoint_of(stack)
        expected = stack.resolve(endpoint.endpoint_arn)

        endpoint.grant_invoke(caller)

        callers = [
            policy["Properties"]["PolicyDocument"]["Statement"]
            for policy in template().find_resources("AWS::IAM::Policy").values()
            if "Users" in policy["Properties"]
        ]
        assert callers == [
            [
                {
                    "Effect": "Allow",
                    "Action": [
                        "sagemaker:InvokeEndpoint",
                        "sagemaker:InvokeEndpointAsync",
                        "sagemaker:InvokeEndpointWithResponseStream",
                    ],
                    "Resource": expected,
                }
            ]
        ]

    def test_the_arn_of_a_made_endpoint_waits_for_it(self, stack: cdk.Stack) -> None:
        assert "Ref" in stack.resolve(made(stack).endpoint_arn)
        assert "Fn::GetAtt" in stack.resolve(made_in_one(stack).endpoint_name)


class TestMetrics:
    @pytest.mark.parametrize(
        ("method", "name", "statistic", "namespace"),
        [
            ("metric_invocations", "Invocations", "Sum", INVOCATIONS),
            ("metric_invocations_per_instance", "InvocationsPerInstance", "Sum", INVOCATIONS),
            ("metric_model_latency", "ModelLatency", "Average", INVOCATIONS),
            ("metric_overhead_latency", "OverheadLatency", "Average", INVOCATIONS),
            ("metric_invocation_4xx_errors", "Invocation4XXErrors", "Sum", INVOCATIONS),
            ("metric_invocation_5xx_errors", "Invocation5XXErrors", "Sum", INVOCATIONS),
            ("metric_invocation_model_errors", "InvocationModelErrors", "Sum", INVOCATIONS),
            ("metric_cpu_utilization", "CPUUtilization", "Average", INSTANCES),
            ("metric_memory_utilization", "MemoryUtilization", "Average", INSTANCES),
            ("metric_disk_utilization", "DiskUtilization", "Average", INSTANCES),
            ("metric_gpu_utilization", "GPUUtilization", "Average", INSTANCES),
            ("metric_gpu_memory_utilization", "GPUMemoryUtilization", "Average", INSTANCES),
            ("metric_model_cache_hit", "ModelCacheHit", "Average", INVOCATIONS),
            ("metric_model_loading_wait_time", "ModelLoadingWaitTime", "Average", INVOCATIONS),
            ("metric_loaded_model_count", "LoadedModelCount", "Average", INSTANCES),
        ],
    )
    def test_a_metric_has_sagemakers_name_and_the_statistic_it_is_read_with(
        self, method: str, name: str, statistic: str, namespace: str, stack: cdk.Stack
    ) -> None:
        metric: cloudwatch.Metric = getattr(imported_by_name(stack), method)()

        assert (metric.metric_name, metric.statistic, metric.namespace) == (name, statistic, namespace)
        assert metric.dimensions == {"EndpointName": "digits", "VariantName": "AllTraffic"}
        assert metric.period.to_seconds() == 300

    @EVERY_KIND
    def test_every_kind_of_endpoint_has_metrics_with_options_of_your_own(
        self, endpoint_of: Callable[[cdk.Stack], IEndpoint], stack: cdk.Stack
    ) -> None:
        endpoint = endpoint_of(stack)

        metric = endpoint.metric_model_latency(
            variant="blue", statistic="p99", period=cdk.Duration.minutes(1), label="slowest"
        )

        assert (metric.statistic, metric.period.to_seconds(), metric.label) == ("p99", 60, "slowest")
        assert metric.dimensions == {"EndpointName": endpoint.endpoint_name, "VariantName": "blue"}

    def test_any_other_metric_is_there_by_its_name(self, stack: cdk.Stack) -> None:
        metric = made(stack).metric("ModelSetupTime", statistic="Maximum")

        assert (metric.namespace, metric.metric_name, metric.statistic) == (INVOCATIONS, "ModelSetupTime", "Maximum")

    def test_one_of_several_containers_has_metrics_of_its_own(self, stack: cdk.Stack) -> None:
        metric = imported_by_name(stack).metric("ContainerLatency", container="fraud")

        assert metric.dimensions == {"EndpointName": "digits", "VariantName": "AllTraffic", "ContainerName": "fraud"}


class TestScaling:
    def test_each_variant_of_an_endpoint_scales_on_its_own(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        config = EndpointConfig.from_endpoint_config_name("their-config")
        endpoint = Endpoint(stack, "Endpoint", endpoint_config=config)
        endpoint.auto_scale_variant("blue", Autoscaling(max=2, invocations_per_instance=60))
        endpoint.auto_scale_variant("green", Autoscaling(max=3, invocations_per_instance=60))

        targets = template().find_resources("AWS::ApplicationAutoScaling::ScalableTarget").values()
        assert {
            target["Properties"]["ResourceId"]["Fn::Join"][1][-1]: target["Properties"]["MaxCapacity"]
            for target in targets
        } == {"/variant/blue": 2, "/variant/green": 3}

    def test_the_variants_of_a_configuration_scale_as_they_say(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        scaling = Autoscaling(max=2, invocations_per_instance=60)
        variants = [
            InstanceVariant(name="steady", instance_type="ml.c6i.large"),
            InstanceVariant(name="scaled", instance_type="ml.c6i.large", autoscaling=scaling),
        ]
        config = EndpointConfig(stack, "Config", model=Model.from_model_name("m"), variants=variants)
        Endpoint(stack, "Endpoint", endpoint_config=config)

        synthesized = template()
        _, target = only(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["Properties"]["ResourceId"]["Fn::Join"][1][-1] == "/variant/scaled"
        synthesized.has_resource_properties("AWS::SageMaker::Endpoint", {"RetainAllVariantProperties": True})

    def test_fails_at_a_variant_that_scales_already_or_is_not_there(self, stack: cdk.Stack) -> None:
        scaling = Autoscaling(max=2, invocations_per_instance=60)
        variant = InstanceVariant(name="blue", instance_type="ml.c6i.large", autoscaling=scaling)
        config = EndpointConfig(stack, "Config", model=Model.from_model_name("m"), variants=[variant])
        endpoint = Endpoint(stack, "Endpoint", endpoint_config=config)

        with pytest.raises(
            InvalidValueError, match=r"^Endpoint: 'variant_name' 'blue' scales already; give all of its"
        ):
            endpoint.auto_scale_variant("blue", scaling)
        with pytest.raises(InvalidValueError, match=r"'green' is not in the endpoint's configuration, which has blue$"):
            endpoint.auto_scale_variant("green", scaling)

    def test_counts_may_be_known_at_deployment_only(self, stack: cdk.Stack, template: Callable[[], Template]) -> None:
        most = cdk.CfnParameter(stack, "Most", type="Number", default=4).value_as_number
        scaling = Autoscaling(max=most, invocations_per_instance=60)  # type: ignore[arg-type]
        InferenceEndpoint(
            stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", instance_count=2, autoscaling=scaling
        )

        _, target = only(template(), "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["Properties"]["MaxCapacity"] == {"Ref": "Most"}


class TestInferenceEndpoint:
    def test_its_parts_can_be_reached(self, stack: cdk.Stack) -> None:
        scaling = Autoscaling(min=2, max=4, invocations_per_instance=60)
        endpoint = InferenceEndpoint(
            stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large", autoscaling=scaling
        )

        assert isinstance(endpoint.variant, InstanceVariant)
        assert endpoint.variant.initial_instance_count == 2
        assert endpoint.model.image_uri == "example/mine:1"
        assert endpoint.endpoint_config.variants == (endpoint.variant,)
        assert endpoint.role.role_arn

    def test_cloudformation_names_an_endpoint_without_a_name(
        self, stack: cdk.Stack, template: Callable[[], Template]
    ) -> None:
        InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large")

        template().has_resource_properties("AWS::SageMaker::Endpoint", {"EndpointName": Match.absent()})

    def test_every_resource_is_the_default_child_of_its_construct(self, stack: cdk.Stack) -> None:
        endpoint = InferenceEndpoint(stack, "Digits", model=OWN_IMAGE, instance_type="ml.c6i.large")

        types = [
            part.node.default_child.cfn_resource_type  # type: ignore[union-attr]
            for part in (endpoint.model, endpoint.endpoint_config, endpoint)
        ]
        assert types == ["AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint"]
