"""Inference components in templates."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib.sagemaker import (
    ComponentSpecification,
    CopyScaling,
    Endpoint,
    InferenceComponent,
    InferenceComponentEndpoint,
    ManagedInstanceScaling,
    Model,
    Overrides,
)
from constructs_lib.serving.models import LargeLanguageModel, PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from tests.snapshot.conftest import only, statements
from tests.snapshot.endpoint_templates import Synthesize, hold_against_the_service, properties
from tests.snapshot.model_group_stacks import CPU, GPU, TORCH


class TestInferenceComponents:
    def fleet(self, stack: cdk.Stack, **choices: Any) -> InferenceComponentEndpoint:
        chat = ComponentSpecification(
            model=LargeLanguageModel(artifact="s3://their-models/chat/", network_isolation=True),
            accelerators=2,
            min_memory_mb=16384,
            max_memory_mb=32768,
            cpu_cores=4,
            autoscaling=CopyScaling(
                min=0, max=4, concurrent_requests_per_copy=5, invocations_per_copy=60, scale_in_cooldown=600
            ),
        )
        options: dict[str, Any] = {
            "inference_components": {"chat": chat},
            "instance_type": GPU,
            "managed_instance_scaling": ManagedInstanceScaling(
                min_instance_count=0,
                max_instance_count=2,
                scale_in_strategy="CONSOLIDATION",
                scale_in_maximum_step_size=1,
                scale_in_cooldown_minutes=10,
            ),
            "routing_strategy": "LEAST_OUTSTANDING_REQUESTS",
            "endpoint_name": "fleet",
        }
        return InferenceComponentEndpoint(stack, "Fleet", **options | choices)

    def test_the_variant_has_no_model_and_the_configuration_a_role(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        self.fleet(stack)

        synthesized = template()
        role_id, _ = only(synthesized, "AWS::IAM::Role")
        role = {"Fn::GetAtt": [role_id, "Arn"]}
        assert properties(synthesized, "AWS::SageMaker::EndpointConfig") == {
            "EnableNetworkIsolation": True,
            "ExecutionRoleArn": role,
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "InstanceType": GPU,
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1,
                    "InferenceAmiVersion": "al2023-ami-sagemaker-inference-gpu-4-1",
                    "ManagedInstanceScaling": {
                        "Status": "ENABLED",
                        "MinInstanceCount": 0,
                        "MaxInstanceCount": 2,
                        "ScaleInPolicy": {"Strategy": "CONSOLIDATION", "MaximumStepSize": 1, "CooldownInMinutes": 10},
                    },
                    "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
                }
            ],
        }
        assert properties(synthesized, "AWS::SageMaker::Model")["ExecutionRoleArn"] == role
        assert properties(synthesized, "AWS::SageMaker::Endpoint")["RetainAllVariantProperties"] is True
        hold_against_the_service(synthesized)

    def test_a_component_has_what_each_copy_needs(self, stack: cdk.Stack, template: Synthesize) -> None:
        self.fleet(stack)

        synthesized = template()
        model_id, model = only(synthesized, "AWS::SageMaker::Model")
        endpoint_id, _ = only(synthesized, "AWS::SageMaker::Endpoint")
        assert properties(synthesized, "AWS::SageMaker::InferenceComponent") == {
            "InferenceComponentName": "chat",
            "EndpointName": {"Fn::GetAtt": [endpoint_id, "EndpointName"]},
            "VariantName": "AllTraffic",
            "RuntimeConfig": {"CopyCount": 1},
            "Specification": {
                "ModelName": {"Fn::GetAtt": [model_id, "ModelName"]},
                "ComputeResourceRequirements": {
                    "MinMemoryRequiredInMb": 16384,
                    "MaxMemoryRequiredInMb": 32768,
                    "NumberOfCpuCoresRequired": 4,
                    "NumberOfAcceleratorDevicesRequired": 2,
                },
                "StartupParameters": {
                    "ModelDataDownloadTimeoutInSeconds": 3600,
                    "ContainerStartupHealthCheckTimeoutInSeconds": 3600,
                },
            },
        }
        environment = model["Properties"]["PrimaryContainer"]["Environment"]
        assert environment["SM_VLLM_TENSOR_PARALLEL_SIZE"] == "2"  # of the copy, not of the instance
        logs = next(each for each in statements(synthesized) if "logs:PutLogEvents" in each["Action"])
        assert logs["Resource"][0].endswith(":log-group:/aws/sagemaker/InferenceComponents/chat")

    def test_copies_go_to_zero_and_are_called_back(self, stack: cdk.Stack, template: Synthesize) -> None:
        self.fleet(stack)

        synthesized = template()
        component_id, _ = only(synthesized, "AWS::SageMaker::InferenceComponent")
        target_id, target = only(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")
        assert target["DependsOn"] == [component_id]
        assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (0, 4)
        policies = synthesized.find_resources("AWS::ApplicationAutoScaling::ScalingPolicy")
        assert {each["Properties"]["PolicyName"] for each in policies.values()} == {
            "SageMakerInferenceComponentInvocationsPerCopy",
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
            "NoCapacityInvocationFailures",
        }
        assert {str(each["Properties"]["ScalingTargetId"]) for each in policies.values()} == {str({"Ref": target_id})}
        (wake_up,) = [key for key, each in policies.items() if each["Properties"]["PolicyType"] == "StepScaling"]
        assert policies[wake_up]["Properties"]["StepScalingPolicyConfiguration"] == {
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 60,
            "MetricAggregationType": "Maximum",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        }
        alarm = properties(synthesized, "AWS::CloudWatch::Alarm")
        assert alarm["AlarmActions"] == [{"Ref": wake_up}]
        assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
            "Sum",
            1,
            "GreaterThanOrEqualToThreshold",
        )

    def test_a_component_that_keeps_a_copy_needs_no_alarm(self, stack: cdk.Stack, template: Synthesize) -> None:
        one = ComponentSpecification(
            model=TORCH, min_memory_mb=512, autoscaling=CopyScaling(max=2, invocations_per_copy=60)
        )
        self.fleet(stack, inference_components={"score": one}, instance_type=CPU, managed_instance_scaling=None)

        synthesized = template()
        synthesized.resource_count_is("AWS::CloudWatch::Alarm", 0)
        (variant,) = properties(synthesized, "AWS::SageMaker::EndpointConfig")["ProductionVariants"]
        assert "ManagedInstanceScaling" not in variant
        assert "RetainAllVariantProperties" not in properties(synthesized, "AWS::SageMaker::Endpoint")

    def test_all_are_in_the_vpc_of_their_models(self, stack: cdk.Stack, template: Synthesize) -> None:
        vpc = VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))
        model = PyTorchModel(artifact="s3://their-models/model.tar.gz", vpc=vpc)
        components = {"score": ComponentSpecification(model=model, min_memory_mb=512)}
        self.fleet(stack, inference_components=components, instance_type=CPU)

        synthesized = template()
        _, config = only(synthesized, "AWS::SageMaker::EndpointConfig")
        assert config["Properties"]["VpcConfig"] == {
            "Subnets": ["subnet-0123456789abcdef0"],
            "SecurityGroupIds": ["sg-0123456789abcdef0"],
        }
        # Whose rights the endpoint's network interfaces are made and deleted by.
        assert only(synthesized, "AWS::IAM::Policy")[0] in config["DependsOn"]

    def test_tags_are_on_every_resource(self, stack: cdk.Stack, template: Synthesize) -> None:
        self.fleet(stack, tags={"team": "language"})

        synthesized = template()
        for kind in ("Model", "EndpointConfig", "Endpoint", "InferenceComponent"):
            assert properties(synthesized, f"AWS::SageMaker::{kind}")["Tags"] == [{"Key": "team", "Value": "language"}]

    def test_any_property_is_set_by_its_name(self, stack: cdk.Stack, template: Synthesize) -> None:
        overrides = Overrides(
            model={"EnableNetworkIsolation": False},
            endpoint_config={"ProductionVariants.0.VolumeSizeInGB": 64},
            endpoint={"RetainDeploymentConfig": True},
        )
        self.fleet(stack, overrides=overrides)

        synthesized = template()
        assert properties(synthesized, "AWS::SageMaker::Model")["EnableNetworkIsolation"] is False
        (variant,) = properties(synthesized, "AWS::SageMaker::EndpointConfig")["ProductionVariants"]
        assert variant["VolumeSizeInGB"] == 64
        assert properties(synthesized, "AWS::SageMaker::Endpoint")["RetainDeploymentConfig"] is True

    def test_one_is_added_to_an_endpoint_that_is_there(self, stack: cdk.Stack, template: Synthesize) -> None:
        component = InferenceComponent(
            stack,
            "Score",
            endpoint=Endpoint.from_endpoint_name(stack, "their-fleet"),
            specification=ComponentSpecification(
                model=TORCH, min_memory_mb=512, copies=2, overrides={"Specification.ModelName": "another-model"}
            ),
            model=Model.from_model_name("their-model"),
            inference_component_name="score",
            variant_name="Main",
        )

        found = properties(template(), "AWS::SageMaker::InferenceComponent")
        assert (found["EndpointName"], found["VariantName"]) == ("their-fleet", "Main")
        assert found["RuntimeConfig"] == {"CopyCount": 2}
        assert found["Specification"]["ModelName"] == "another-model"
        assert component.metric("InvocationsPerCopy").dimensions == {"InferenceComponentName": "score"}
        with pytest.raises(InvalidValueError, match="InferenceComponent: 'inference_component_name' is 'a_b'"):
            InferenceComponent(
                stack,
                "Bad",
                endpoint=Endpoint.from_endpoint_name(stack, "their-fleet"),
                specification=ComponentSpecification(model=TORCH, min_memory_mb=512),
                model=Model.from_model_name("their-model"),
                inference_component_name="a_b",
            )

    def test_a_component_may_have_any_name(self, stack: cdk.Stack, template: Synthesize) -> None:
        one = ComponentSpecification(model=TORCH, min_memory_mb=512)
        names = ["a", "aModel", "EndpointConfig", "Resource", "ExecutionRole", "Models"]
        self.fleet(stack, inference_components=dict.fromkeys(names, one), instance_type=CPU)

        made = template().find_resources("AWS::SageMaker::InferenceComponent").values()
        assert sorted(each["Properties"]["InferenceComponentName"] for each in made) == sorted(names)

    def test_nothing_is_built_when_something_does_not_fit(self, stack: cdk.Stack) -> None:
        with pytest.raises(InvalidValueError) as caught:
            self.fleet(stack, instance_count=5, endpoint_name="a_fleet")

        assert [line.partition(": ")[2].partition(" ")[0] for line in str(caught.value).splitlines()] == [
            "'instance_count'",
            "'endpoint_name'",
        ]
        assert stack.node.children == []
