"""Variants, rollouts, serverless, asynchronous and shadow endpoints, data capture: the templates that they give.

What goes to SageMaker and to Application Auto Scaling is held against botocore's model of the service as well.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template

from constructs_lib.sagemaker import (
    AsyncInference,
    Autoscaling,
    BacklogScaling,
    DataCapture,
    Endpoint,
    EndpointConfig,
    InferenceEndpoint,
    InstanceVariant,
    Model,
    Overrides,
    ProvisionedConcurrencyScaling,
    Rollout,
    ScheduledCapacity,
    ServerlessVariant,
    StepAdjustment,
    StepScaling,
)
from constructs_lib.serving.models import ContainerModel, LargeLanguageModel, PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from local_aws.validation import check, service_model
from stacks.inference_stack import InferenceStack
from stacks.settings import load_settings
from tests.snapshot.conftest import FIXED, ROOT, Json, new_app, only

OWN = ContainerModel(image="example/mine:1")
OTHER = ContainerModel(image="example/other:1")
PYTORCH = PyTorchModel(artifact="s3://my-models/model.tar.gz")
CPU, GPU = "ml.c6i.large", "ml.g5.xlarge"

Synthesize = Callable[[], Template]


def properties(template: Template, resource_type: str) -> Json:
    found: Json = only(template, resource_type)[1]["Properties"]
    return found


def enumerated(*values: str) -> list[tuple[str, str]]:
    return [(f"V{number}", value) for number, value in enumerate(values)]


def config(template: Template) -> Json:
    return properties(template, "AWS::SageMaker::EndpointConfig")


def allowed(template: Template) -> list[tuple[Any, Any]]:
    """Give action and resource of everything that any policy of the template allows."""
    policies = template.find_resources("AWS::IAM::Policy").values()
    return [
        (statement["Action"], statement["Resource"])
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def resolved(value: Any) -> Any:
    """Stand in for what CloudFormation resolves."""
    if isinstance(value, dict):
        if len(value) == 1 and (only_key := next(iter(value))) and (only_key == "Ref" or only_key.startswith("Fn::")):
            return "resolved"
        return {key: resolved(each) for key, each in value.items()}
    return [resolved(each) for each in value] if isinstance(value, list) else value


def hold_against_the_service(template: Template) -> None:
    """Check every endpoint configuration and endpoint of a template as SageMaker checks the request."""
    model = service_model("sagemaker")
    for resource_type, operation, name in (
        ("AWS::SageMaker::EndpointConfig", "CreateEndpointConfig", "EndpointConfigName"),
        ("AWS::SageMaker::Endpoint", "CreateEndpoint", "EndpointName"),
    ):
        shape = model.operation_model(operation).input_shape
        assert shape is not None
        for resource in template.find_resources(resource_type).values():
            request = {name: "resolved", **resolved(resource["Properties"])}
            for update_only in ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties"):
                request.pop(update_only, None)
            check(shape, request)


class TestVariants:
    def test_each_has_its_own_instances_weight_and_scaling(self, stack: cdk.Stack, template: Synthesize) -> None:
        InferenceEndpoint(
            stack,
            "Ranking",
            model=OWN,
            variants=[
                InstanceVariant(
                    name="A",
                    instance_type=CPU,
                    weight=3,
                    autoscaling=Autoscaling(max=4, invocations_per_instance=60),
                ),
                InstanceVariant(
                    name="B",
                    instance_type="ml.m6i.large",
                    instance_count=2,
                    routing_strategy="LEAST_OUTSTANDING_REQUESTS",
                    model_data_download_timeout=600,
                    container_startup_timeout=900,
                    instance_provision_timeout=1200,
                    volume_size_gb=64,
                    inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
                ),
            ],
        )

        synthesized = template()
        model_id, _ = only(synthesized, "AWS::SageMaker::Model")
        name = {"Fn::GetAtt": [model_id, "ModelName"]}
        assert config(synthesized)["ProductionVariants"] == [
            {
                "VariantName": "A",
                "ModelName": name,
                "InstanceType": CPU,
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 3,
            },
            {
                "VariantName": "B",
                "ModelName": name,
                "InstanceType": "ml.m6i.large",
                "InitialInstanceCount": 2,
                "InitialVariantWeight": 1,
                "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                "ModelDataDownloadTimeoutInSeconds": 600,
                "ContainerStartupHealthCheckTimeoutInSeconds": 900,
                "VariantInstanceProvisionTimeoutInSeconds": 1200,
                "VolumeSizeInGB": 64,
                "InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-2",
            },
        ]
        synthesized.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 1)
        hold_against_the_service(synthesized)

    def test_counts_are_retained_and_weights_are_not(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = Autoscaling(max=4, invocations_per_instance=60)
        variants = [InstanceVariant(name=name, instance_type=CPU, autoscaling=scaling) for name in ("A", "B")]
        InferenceEndpoint(stack, "Ranking", model=OWN, variants=variants)

        endpoint = properties(template(), "AWS::SageMaker::Endpoint")
        assert endpoint["RetainAllVariantProperties"] is True
        assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]

    def test_one_model_per_distinct_model_and_kind_of_host(self, stack: cdk.Stack, template: Synthesize) -> None:
        endpoint = InferenceEndpoint(
            stack,
            "Ranking",
            model=PYTORCH,
            variants=[
                InstanceVariant(name="Small", instance_type=CPU),
                InstanceVariant(name="Large", instance_type="ml.c6i.4xlarge"),
                InstanceVariant(name="Gpu", instance_type=GPU),
                InstanceVariant(name="Other", instance_type=CPU, model=OTHER),
            ],
        )

        assert endpoint.models["Small"] is endpoint.models["Large"] is endpoint.model
        assert len(set(endpoint.models.values())) == 3
        assert [model.node.id for model in dict.fromkeys(endpoint.models.values())] == [
            "Model",
            "GpuModel",
            "OtherModel",
        ]
        images = [
            resource["Properties"]["PrimaryContainer"]["Image"]
            for resource in template().find_resources("AWS::SageMaker::Model").values()
        ]
        assert [image.rpartition("/")[2] for image in images] == [
            "pytorch-inference:2.6.0-cpu-py312",
            "pytorch-inference:2.6.0-gpu-py312",
            "other:1",
        ]

    def test_a_language_model_is_another_one_on_another_number_of_accelerators(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        variants = [
            InstanceVariant(name="One", instance_type="ml.g5.xlarge"),
            InstanceVariant(name="OneToo", instance_type="ml.g5.2xlarge"),
            InstanceVariant(name="Eight", instance_type="ml.g5.48xlarge"),
        ]
        InferenceEndpoint(stack, "Llm", model=LargeLanguageModel(model_id="mine/model"), variants=variants)

        template().resource_count_is("AWS::SageMaker::Model", 2)

    def test_its_core_dumps_go_where_its_role_may_write(self, stack: cdk.Stack, template: Synthesize) -> None:
        dumps = "s3://their-bucket/dumps/"
        variant = InstanceVariant(instance_type=CPU, enable_ssm_access=True, core_dumps=dumps)
        InferenceEndpoint(stack, "Debugged", model=OWN, variants=[variant])

        synthesized = template()
        (found,) = config(synthesized)["ProductionVariants"]
        assert found["EnableSSMAccess"] is True
        assert found["CoreDumpConfig"] == {"DestinationS3Uri": dumps}
        write = ["s3:PutObject", "s3:AbortMultipartUpload"]
        assert (write, "arn:aws:s3:::their-bucket/dumps/*") in allowed(synthesized)
        hold_against_the_service(synthesized)

    def test_variants_that_share_a_model_share_its_rights(self, stack: cdk.Stack, template: Synthesize) -> None:
        bucket = s3.Bucket(stack, "Bucket")
        own, other = f"s3://{bucket.bucket_name}/x/", "s3://their-bucket/x/"
        variants = [InstanceVariant(name=n, instance_type=CPU, core_dumps=place) for n, place in enumerated(own, other)]
        InferenceEndpoint(stack, "Debugged", model=OWN, variants=variants, data_capture=DataCapture(destination=own))

        template().resource_count_is("AWS::IAM::Policy", 2)

    def test_a_configuration_of_its_own_maps_variants_to_models(self, stack: cdk.Stack, template: Synthesize) -> None:
        EndpointConfig(
            stack,
            "Config",
            model=Model.from_model_name("one"),
            models={"B": Model.from_model_name("two")},
            variants=[InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
        )

        variants = config(template())["ProductionVariants"]
        assert [variant["ModelName"] for variant in variants] == ["one", "two"]


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


class TestServerless:
    def test_it_has_no_instances(self, stack: cdk.Stack, template: Synthesize) -> None:
        InferenceEndpoint(stack, "S", model=PYTORCH, serverless=ServerlessVariant(memory_size_mb=3072))

        synthesized = template()
        (variant,) = config(synthesized)["ProductionVariants"]
        assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
        assert "InstanceType" not in variant
        hold_against_the_service(synthesized)

    def test_its_provisioned_concurrency_scales(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = ProvisionedConcurrencyScaling(min=2, max=10)
        InferenceEndpoint(stack, "S", model=OWN, serverless=ServerlessVariant(max_concurrency=20, autoscaling=scaling))

        synthesized = template()
        (variant,) = config(synthesized)["ProductionVariants"]
        assert variant["ServerlessConfig"]["ProvisionedConcurrency"] == 2
        target = properties(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
        policy = properties(synthesized, "AWS::ApplicationAutoScaling::ScalingPolicy")
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        assert tracking["TargetValue"] == 0.7
        assert tracking["PredefinedMetricSpecification"] == {
            "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
        }
        hold_against_the_service(synthesized)


class TestAsyncInference:
    def test_answers_go_to_s3_and_topics_by_rights_of_the_role(self, stack: cdk.Stack, template: Synthesize) -> None:
        bucket, topic = s3.Bucket(stack, "Bucket"), sns.Topic(stack, "Topic")
        InferenceEndpoint(
            stack,
            "A",
            model=OWN,
            instance_type=CPU,
            async_inference=AsyncInference(
                output=f"s3://{bucket.bucket_name}/answers/",
                failure="s3://their-bucket/failures",
                input="s3://their-bucket/requests/",
                success_topic=topic.topic_arn,
                error_topic=topic.topic_arn,
                max_concurrent_invocations_per_instance=4,
                kms_key_arn="arn:aws:kms:us-east-1:111111111111:key/1234",
            ),
        )

        synthesized = template()
        bucket_id, topic_id = only(synthesized, "AWS::S3::Bucket")[0], only(synthesized, "AWS::SNS::Topic")[0]
        found = config(synthesized)["AsyncInferenceConfig"]
        assert found["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}
        assert found["OutputConfig"] == {
            "S3OutputPath": {"Fn::Join": ["", ["s3://", {"Ref": bucket_id}, "/answers/"]]},
            "S3FailurePath": "s3://their-bucket/failures",
            "KmsKeyId": "arn:aws:kms:us-east-1:111111111111:key/1234",
            "NotificationConfig": {"SuccessTopic": {"Ref": topic_id}, "ErrorTopic": {"Ref": topic_id}},
        }
        write = ["s3:PutObject", "s3:AbortMultipartUpload"]
        rights = allowed(synthesized)
        assert (write, {"Fn::Join": ["", ["arn:aws:s3:::", {"Ref": bucket_id}, "/answers/*"]]}) in rights
        assert (write, "arn:aws:s3:::their-bucket/failures/*") in rights
        assert ("s3:GetObject", "arn:aws:s3:::their-bucket/requests/*") in rights
        assert rights.count(("sns:Publish", {"Ref": topic_id})) == 1
        key = "arn:aws:kms:us-east-1:111111111111:key/1234"
        assert (["kms:Decrypt", "kms:GenerateDataKey"], key) in rights

    def test_the_model_waits_for_the_rights(self, stack: cdk.Stack, template: Synthesize) -> None:
        capture = DataCapture(destination="s3://their-bucket/captured")
        InferenceEndpoint(stack, "A", model=OWN, instance_type=CPU, data_capture=capture)

        synthesized = template()
        _, model = only(synthesized, "AWS::SageMaker::Model")
        assert set(model["DependsOn"]) == set(synthesized.find_resources("AWS::IAM::Policy"))
        assert len(model["DependsOn"]) == 2

    def test_it_scales_on_the_backlog_and_wakes_from_zero(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = AsyncInference(output="s3://their-bucket/out/", autoscaling=BacklogScaling(max=5))
        InferenceEndpoint(stack, "A", model=OWN, instance_type=CPU, async_inference=scaling)

        synthesized = template()
        target_id, target = only(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (0, 5)
        endpoint_name = {"Fn::GetAtt": [only(synthesized, "AWS::SageMaker::Endpoint")[0], "EndpointName"]}
        synthesized.has_resource_properties(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            {
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 5,
                    "CustomizedMetricSpecification": {
                        "Namespace": "AWS/SageMaker",
                        "MetricName": "ApproximateBacklogSizePerInstance",
                        "Statistic": "Average",
                        "Dimensions": [{"Name": "EndpointName", "Value": endpoint_name}],
                    },
                },
            },
        )
        ((policy_id, policy),) = synthesized.find_resources(
            "AWS::ApplicationAutoScaling::ScalingPolicy", {"Properties": {"PolicyType": "StepScaling"}}
        ).items()
        assert policy["Properties"]["ScalingTargetId"] == {"Ref": target_id}
        assert policy["Properties"]["StepScalingPolicyConfiguration"]["StepAdjustments"] == [
            {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
        ]
        alarm = properties(synthesized, "AWS::CloudWatch::Alarm")
        assert (alarm["MetricName"], alarm["AlarmActions"]) == ("HasBacklogWithoutCapacity", [{"Ref": policy_id}])
        hold_against_the_service(synthesized)

    def test_it_needs_no_wake_up_above_zero(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = AsyncInference(output="s3://their-bucket/out/", autoscaling=BacklogScaling(min=1, max=5))
        InferenceEndpoint(stack, "A", model=OWN, instance_type=CPU, async_inference=scaling)

        template().resource_count_is("AWS::CloudWatch::Alarm", 0)


class TestShadowAndCapture:
    def test_a_shadow_serves_its_own_model(self, stack: cdk.Stack, template: Synthesize) -> None:
        shadow = InstanceVariant(name="Next", instance_type=CPU, weight=0.5, model=OTHER)
        endpoint = InferenceEndpoint(stack, "S", model=OWN, instance_type=CPU, shadow=shadow)

        synthesized = template()
        (found,) = config(synthesized)["ShadowProductionVariants"]
        assert (found["VariantName"], found["InitialVariantWeight"]) == ("Next", 0.5)
        assert endpoint.models["Next"] is not endpoint.model
        hold_against_the_service(synthesized)

    def test_traffic_is_captured_where_the_role_may_write(self, stack: cdk.Stack, template: Synthesize) -> None:
        capture = DataCapture(
            destination="s3://their-bucket/captured",
            sampling_percentage=20,
            capture="Output",
            json_content_types=("application/json",),
        )
        scaling = Autoscaling(max=2, invocations_per_instance=60)
        InferenceEndpoint(stack, "S", model=OWN, instance_type=CPU, autoscaling=scaling, data_capture=capture)

        synthesized = template()
        assert config(synthesized)["DataCaptureConfig"] == {
            "EnableCapture": True,
            "InitialSamplingPercentage": 20,
            "DestinationS3Uri": "s3://their-bucket/captured",
            "CaptureOptions": [{"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        }
        write = ["s3:PutObject", "s3:AbortMultipartUpload"]
        assert (write, "arn:aws:s3:::their-bucket/captured/*") in allowed(synthesized)
        endpoint = properties(synthesized, "AWS::SageMaker::Endpoint")
        assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DataCaptureConfig"}]
        hold_against_the_service(synthesized)


class TestAutoscaling:
    def test_several_targets_are_several_policies(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = Autoscaling(
            max=4, max_requests_per_second=20, concurrent_requests_per_model=5, cpu_utilization=120, gpu_utilization=70
        )
        InferenceEndpoint(stack, "E", model=OWN, instance_type=GPU, autoscaling=scaling)

        policies = [
            each["Properties"]
            for each in template().find_resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
        ]
        targets = {
            each["PolicyName"]: each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for each in policies
        }
        assert targets == {
            "SageMakerVariantInvocationsPerInstance": 600,
            "SageMakerVariantConcurrentRequestsPerModelHighResolution": 5,
            "CPUUtilization": 120,
            "GPUUtilization": 70,
        }

    def test_steps_have_an_alarm_each(self, stack: cdk.Stack, template: Synthesize) -> None:
        steps = StepScaling(
            name="Busy",
            metric="CPUUtilization",
            threshold=80,
            steps=(StepAdjustment(lower=0, upper=20, change=1), StepAdjustment(lower=20, change=3)),
        )
        InferenceEndpoint(stack, "E", model=OWN, instance_type=CPU, autoscaling=Autoscaling(max=4, steps=(steps,)))

        synthesized = template()
        policy_id, policy = only(synthesized, "AWS::ApplicationAutoScaling::ScalingPolicy")
        assert policy["Properties"]["StepScalingPolicyConfiguration"] == {
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 300,
            "MetricAggregationType": "Average",
            "StepAdjustments": [
                {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 3},
            ],
        }
        alarm = properties(synthesized, "AWS::CloudWatch::Alarm")
        assert (alarm["Namespace"], alarm["Threshold"]) == ("/aws/sagemaker/Endpoints", 80)
        assert alarm["AlarmActions"] == [{"Ref": policy_id}]

    def test_a_schedule_changes_the_range(self, stack: cdk.Stack, template: Synthesize) -> None:
        morning = ScheduledCapacity(
            name="Morning", schedule="cron(0 8 ? * MON-FRI *)", min=2, max=8, timezone="Europe/Paris"
        )
        scaling = Autoscaling(max=4, invocations_per_instance=60, schedules=(morning,))
        InferenceEndpoint(stack, "E", model=OWN, instance_type=CPU, autoscaling=scaling)

        assert properties(template(), "AWS::ApplicationAutoScaling::ScalableTarget")["ScheduledActions"] == [
            {
                "ScheduledActionName": "Morning",
                "Schedule": "cron(0 8 ? * MON-FRI *)",
                "Timezone": "Europe/Paris",
                "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 8},
            }
        ]


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


@pytest.mark.parametrize("example", ["variants", "serverless", "asynchronous", "rollout", "shadow"])
def test_the_service_takes_the_example(example: str, tmp_path: Path) -> None:
    settings = load_settings(ROOT / "examples" / example / "inference.yaml")
    template = Template.from_stack(InferenceStack(new_app(tmp_path), "S", settings=settings, env=FIXED))

    template.has_resource_properties("AWS::SageMaker::Endpoint", {"EndpointName": Match.string_like_regexp("digits-")})
    hold_against_the_service(template)


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing to run on": ({}, ["'instance_type' is missing; give it, or 'variants', or 'serverless'"]),
    "two ways": (
        {"instance_type": CPU, "serverless": ServerlessVariant()},
        ["'serverless' is given as well as 'instance_type'; give one of the two"],
    ),
    "no variants": ({"variants": []}, ["'variants' must be 1 to 10, got 0"]),
    "eleven variants": (
        {"variants": [InstanceVariant(name=f"V{number}", instance_type=CPU) for number in range(11)]},
        ["'variants' must be 1 to 10, got 11"],
    ),
    "a name twice": (
        {"variants": [InstanceVariant(instance_type=CPU), InstanceVariant(instance_type=CPU)]},
        ["'variants' must each have a name of its own, got 'AllTraffic' 2 times"],
    ),
    "no weight": (
        {"variants": [InstanceVariant(instance_type=CPU, weight=0)]},
        ["'variants' all have weight 0, so that none gets a request; give one of them a weight above 0"],
    ),
    "scaling beside variants": (
        {
            "variants": [InstanceVariant(instance_type=CPU)],
            "autoscaling": Autoscaling(max=2, invocations_per_instance=1),
        },
        ["'autoscaling' belongs to 'instance_type', which is not given; move it into the variant in 'variants'"],
    ),
    "serverless with capture": (
        {"serverless": ServerlessVariant(), "data_capture": DataCapture(destination="s3://their-bucket/x")},
        [
            "'data_capture' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
            "'serverless'"
        ],
    ),
    "serverless in a VPC, isolated": (
        {
            "model": ContainerModel(
                image="example/mine:1",
                network_isolation=True,
                vpc=VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",)),
            ),
            "serverless": ServerlessVariant(),
        },
        [
            "'model.network_isolation' does not work with a serverless endpoint; leave it out, or give 'instance_type' "
            "instead of 'serverless'",
            "'model.vpc' does not work with a serverless endpoint; leave it out, or give 'instance_type' instead of "
            "'serverless'",
        ],
    ),
    "serverless on GPU": (
        {
            "model": ContainerModel(image="1.dkr.ecr.us-east-1.amazonaws.com/a:2.6-gpu-py312"),
            "serverless": ServerlessVariant(),
        },
        [
            "'model.image' '1.dkr.ecr.us-east-1.amazonaws.com/a:2.6-gpu-py312' is built for gpu; serverless endpoints "
            "have no accelerator; give 'instance_type' instead of 'serverless', or an image for CPU"
        ],
    ),
    "asynchronous with two variants": (
        {
            "variants": [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
            "async_inference": AsyncInference(output="s3://their-bucket/x"),
        },
        [
            "'async_inference' works with one variant: requests wait in one queue of the endpoint; give "
            "'instance_type', or one variant"
        ],
    ),
    "asynchronous on invocations": (
        {
            "instance_type": CPU,
            "autoscaling": Autoscaling(max=2, invocations_per_instance=1),
            "async_inference": AsyncInference(output="s3://their-bucket/x"),
        },
        [
            "'autoscaling' follows requests that are answered at once, which an asynchronous endpoint has not; give "
            "'async_inference.autoscaling', which follows the backlog"
        ],
    ),
    "two variants and a shadow": (
        {
            "variants": [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
            "shadow": InstanceVariant(name="A", instance_type=CPU),
        },
        [
            "'shadow' needs exactly one production variant, got 2",
            "'shadow.name' is 'A', as of the production variant; choose another name",
        ],
    ),
    "a shadow on Inf1, asynchronous, scaling": (
        {
            "instance_type": CPU,
            "async_inference": AsyncInference(output="s3://their-bucket/x"),
            "shadow": InstanceVariant(
                name="S",
                instance_type="ml.inf1.xlarge",
                autoscaling=Autoscaling(max=2, invocations_per_instance=1),
            ),
        },
        [
            "'shadow' does not work with 'async_inference'; leave one of the two out",
            "'shadow.autoscaling' is for production variants; give a shadow an 'instance_count'",
            "'shadow.instance_type' is 'ml.inf1.xlarge', but shadow variants do not work with Inf1; choose another type",
        ],
    ),
    "rolling with two variants": (
        {
            "variants": [InstanceVariant(name=name, instance_type=CPU) for name in ("A", "B")],
            "rollout": Rollout(strategy="rolling", alarms=("a",)),
        },
        ["'rollout.strategy' 'rolling' works with one variant, got 2; choose 'all_at_once', 'canary' or 'linear'"],
    ),
    "rolling and serverless": (
        {"serverless": ServerlessVariant(), "rollout": Rollout(strategy="rolling", alarms=("a",))},
        [
            "'rollout.strategy' 'rolling' does not work with a serverless endpoint; choose 'all_at_once', 'canary' or "
            "'linear'"
        ],
    ),
    "a rollout on Inf1 without a name": (
        {"instance_type": "ml.inf1.xlarge", "rollout": Rollout(strategy="canary")},
        [
            "'rollout' does not work with Inf1, got 'ml.inf1.xlarge'; choose Inf2, such as 'ml.inf2.xlarge'",
            "'rollout.alarms' is missing, and alarms can be made only for an endpoint whose name and variants are known "
            "before it is; give 'endpoint_name', or alarms of your own",
        ],
    ),
    "tags of AWS": (
        {"instance_type": CPU, "tags": {"aws:mine": "x"}},
        ["'tags' has 'aws:mine', but keys that begin with 'aws:' are AWS's own; choose another key"],
    ),
}


@pytest.mark.parametrize(("options", "messages"), REFUSED.values(), ids=REFUSED)
def test_fails_with_the_reason(stack: cdk.Stack, options: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        InferenceEndpoint(stack, "E", **{"model": OWN, **options})

    assert str(caught.value).splitlines() == [f"InferenceEndpoint: {message}" for message in messages]
    assert stack.node.children == []
