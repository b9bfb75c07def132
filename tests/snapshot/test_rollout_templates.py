"""Rollouts, tags and overrides: the templates that they give."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib.sagemaker import (
    Endpoint,
    EndpointConfig,
    InferenceEndpoint,
    InstanceVariant,
    Overrides,
    Rollout,
)
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import only
from tests.snapshot.endpoint_templates import (
    CPU,
    OWN,
    Synthesize,
    config,
    hold_against_the_service,
    properties,
)


class TestRollout:
    def test_a_canary_with_alarms_of_its_own(self, stack: cdk.Stack, template: Synthesize) -> None:
        InferenceEndpoint(
            stack,
            "Ranking",
            endpoint_name="ranking",
            model=OWN,
            instance_type=CPU,
            instance_count=4,
            rollout=Rollout(
                strategy="canary", step_percent=25, wait=60, termination_wait=30, maximum_execution=1800, max_errors=5
            ),
        )

        synthesized = template()
        deployment = properties(synthesized, "AWS::SageMaker::Endpoint")["DeploymentConfig"]
        assert deployment["BlueGreenUpdatePolicy"] == {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 60,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            },
            "TerminationWaitInSeconds": 30,
            "MaximumExecutionTimeoutInSeconds": 1800,
        }
        alarms = synthesized.find_resources("AWS::CloudWatch::Alarm")
        assert deployment["AutoRollbackConfiguration"]["Alarms"] == [{"AlarmName": {"Ref": alarm}} for alarm in alarms]
        errors, latency = (alarm["Properties"] for alarm in alarms.values())
        assert (errors["Threshold"], latency["Threshold"]) == (5, 30_000_000)
        assert (errors["MetricName"], errors["Statistic"]) == ("Invocation5XXErrors", "Sum")
        assert (latency["MetricName"], latency["Statistic"]) == ("ModelLatency", "Average")
        assert errors["Dimensions"] == [
            {"Name": "EndpointName", "Value": "ranking"},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ]
        hold_against_the_service(synthesized)

    def test_the_role_may_see_the_alarms_and_no_others(self, stack: cdk.Stack, template: Synthesize) -> None:
        rollout = Rollout(strategy="canary", alarms=("mine", "theirs"))
        InferenceEndpoint(stack, "Ranking", model=OWN, instance_type=CPU, rollout=rollout)

        policies = template().find_resources("AWS::IAM::Policy").values()
        statements = [each for policy in policies for each in policy["Properties"]["PolicyDocument"]["Statement"]]
        seen = [each["Resource"] for each in statements if each["Action"] == "cloudwatch:DescribeAlarms"]
        assert [str(resource).rpartition(":alarm:")[2].rstrip("']}") for resource in seen] == ["mine", "theirs"]

    def test_alarms_of_several_variants_count_together(self, stack: cdk.Stack, template: Synthesize) -> None:
        variants = [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")]
        InferenceEndpoint(
            stack, "R", endpoint_name="r", model=OWN, variants=variants, rollout=Rollout(strategy="all_at_once")
        )

        errors, latency = (
            alarm["Properties"]["Metrics"] for alarm in template().find_resources("AWS::CloudWatch::Alarm").values()
        )
        assert [series["ReturnData"] for series in errors] == [False, False, True]
        assert (errors[-1]["Expression"], latency[-1]["Expression"]) == ("SUM(METRICS())", "MAX(METRICS())")

    def test_a_linear_one_with_an_alarm_construct(self, stack: cdk.Stack, template: Synthesize) -> None:
        metric = cloudwatch.Metric(namespace="Mine", metric_name="Wrong")
        alarm = cloudwatch.Alarm(stack, "Alarm", metric=metric, threshold=1, evaluation_periods=1)
        rollout = Rollout(strategy="linear", step_instances=2, alarms=(alarm.alarm_name,))
        InferenceEndpoint(stack, "R", model=OWN, instance_type=CPU, instance_count=8, rollout=rollout)

        synthesized = template()
        alarm_id, _ = only(synthesized, "AWS::CloudWatch::Alarm")
        deployment = properties(synthesized, "AWS::SageMaker::Endpoint")["DeploymentConfig"]
        assert deployment["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": {"Ref": alarm_id}}]}
        routing = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        assert routing["LinearStepSize"] == {"Type": "INSTANCE_COUNT", "Value": 2}
        hold_against_the_service(synthesized)

    def test_a_rolling_one_without_rollback(self, stack: cdk.Stack, template: Synthesize) -> None:
        rollout = Rollout(strategy="rolling", step_percent=50, wait=0, rollback_percent=100, alarms=())
        InferenceEndpoint(stack, "R", model=OWN, instance_type=CPU, rollout=rollout)

        synthesized = template()
        assert properties(synthesized, "AWS::SageMaker::Endpoint")["DeploymentConfig"] == {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 0,
                "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
            }
        }
        hold_against_the_service(synthesized)

    def test_fails_for_an_imported_configuration_without_alarms(self, stack: cdk.Stack) -> None:
        imported = EndpointConfig.from_endpoint_config_name("theirs")

        with pytest.raises(InvalidValueError, match=r"Endpoint: 'rollout\.alarms' is missing, and alarms can be made"):
            Endpoint(stack, "E", endpoint_config=imported, endpoint_name="e", rollout=Rollout(strategy="all_at_once"))


class TestTagsAndOverrides:
    def test_tags_are_on_every_resource(self, stack: cdk.Stack, template: Synthesize) -> None:
        InferenceEndpoint(stack, "E", model=OWN, instance_type=CPU, tags={"team": "vision"})

        synthesized = template()
        for kind in ("SageMaker::Model", "SageMaker::EndpointConfig", "SageMaker::Endpoint", "IAM::Role"):
            assert properties(synthesized, f"AWS::{kind}")["Tags"] == [{"Key": "team", "Value": "vision"}]

    def test_any_property_is_set_or_removed_by_its_name(self, stack: cdk.Stack, template: Synthesize) -> None:
        overrides = Overrides(
            model={"EnableNetworkIsolation": True},
            endpoint_config={
                "ProductionVariants.0.CoreDumpConfig": {"DestinationS3Uri": "s3://their-bucket/dumps/"},
                "ProductionVariants.0.InitialVariantWeight": None,
            },
            endpoint={"RetainDeploymentConfig": True},
        )
        InferenceEndpoint(stack, "E", model=OWN, instance_type=CPU, overrides=overrides)

        synthesized = template()
        assert properties(synthesized, "AWS::SageMaker::Model")["EnableNetworkIsolation"] is True
        (variant,) = config(synthesized)["ProductionVariants"]
        assert variant["CoreDumpConfig"] == {"DestinationS3Uri": "s3://their-bucket/dumps/"}
        assert "InitialVariantWeight" not in variant
        assert properties(synthesized, "AWS::SageMaker::Endpoint")["RetainDeploymentConfig"] is True
