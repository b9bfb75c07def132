"""What instance counts follow: the templates that it gives."""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib.sagemaker import (
    Autoscaling,
    InferenceEndpoint,
    ScheduledCapacity,
    StepAdjustment,
    StepScaling,
)
from tests.snapshot.conftest import only
from tests.snapshot.endpoint_templates import (
    CPU,
    GPU,
    OWN,
    Synthesize,
    properties,
)


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
