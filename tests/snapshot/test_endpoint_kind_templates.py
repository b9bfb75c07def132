"""Serverless, asynchronous and shadow endpoints, data capture: the templates that they give."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib.sagemaker import (
    AsyncInference,
    Autoscaling,
    BacklogScaling,
    DataCapture,
    InferenceEndpoint,
    InstanceVariant,
    ProvisionedConcurrencyScaling,
    ServerlessVariant,
)
from tests.snapshot.conftest import only
from tests.snapshot.endpoint_templates import (
    CPU,
    OTHER,
    OWN,
    PYTORCH,
    Synthesize,
    allowed,
    config,
    hold_against_the_service,
    properties,
)


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
        assert (["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], key) in rights

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
