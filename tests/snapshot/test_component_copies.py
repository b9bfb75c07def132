"""The copies of inference components in templates: how they are rolled out, and what their number follows."""

from __future__ import annotations

import aws_cdk as cdk

from constructs_lib.sagemaker import (
    ComponentSpecification,
    CopyRollout,
    CopyScaling,
    CopyStepScaling,
    Rollout,
    ScheduledCopies,
    StepAdjustment,
)
from tests.snapshot.component_endpoints import ALARM, alarms, dimensions, fleet
from tests.snapshot.conftest import Json, only
from tests.snapshot.endpoint_templates import Synthesize, hold_against_the_service, properties
from tests.snapshot.model_group_stacks import TORCH


class TestRolloutsOfCopies:
    def deployed(self, stack: cdk.Stack, template: Synthesize, rollout: CopyRollout) -> Json:
        fleet(stack, ComponentSpecification(model=TORCH, min_memory_mb=512, copies=4, rollout=rollout))
        synthesized = template()
        hold_against_the_service(synthesized)
        found = [
            each["Properties"] for each in synthesized.find_resources("AWS::SageMaker::InferenceComponent").values()
        ]
        (rolled,) = [each["DeploymentConfig"] for each in found if "DeploymentConfig" in each]
        return dict(rolled)

    def test_alarms_are_made_if_none_are_given(self, stack: cdk.Stack, template: Synthesize) -> None:
        rolled = self.deployed(stack, template, CopyRollout(max_errors=2, max_model_latency_ms=500))

        assert rolled["RollingUpdatePolicy"] == {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            "WaitIntervalInSeconds": 300,
        }
        made = alarms(template(), "InferenceComponentschatRollback")
        assert {name: (dimensions(alarm), alarm["Threshold"]) for name, alarm in made.items()} == {
            "Errors": ({"InferenceComponentName": "chat"}, 2),
            "Latency": ({"InferenceComponentName": "chat"}, 500_000),
        }
        assert made["Errors"]["AlarmDescription"] == (
            "A rollout of the inference component is taken back: it answers with 5XX"
        )
        assert len(rolled["AutoRollbackConfiguration"]["Alarms"]) == 2

    def test_the_execution_role_may_see_the_alarms_of_all_rollouts(
        self, stack: cdk.Stack, template: Synthesize
    ) -> None:
        rollout = CopyRollout(alarms=("TheirAlarm", "Shared"))
        chat = ComponentSpecification(model=TORCH, min_memory_mb=512, copies=4, rollout=rollout)
        fleet(stack, chat, rollout=Rollout(strategy="all_at_once", alarms=("Shared",)))

        synthesized = template()
        _, endpoint = only(synthesized, "AWS::SageMaker::Endpoint")
        (policy,) = [synthesized.to_json()["Resources"][each]["Properties"] for each in endpoint["DependsOn"]]
        assert policy["PolicyDocument"]["Statement"] == [
            {
                "Action": "cloudwatch:DescribeAlarms",
                "Effect": "Allow",
                "Resource": f"arn:aws:cloudwatch:us-east-1:111111111111:alarm:{name}",
            }
            for name in ("Shared", "TheirAlarm")
        ]

    def test_all_of_it_can_be_said(self, stack: cdk.Stack, template: Synthesize) -> None:
        rollout = CopyRollout(step_copies=2, wait=0, maximum_execution=600, rollback_percent=50, alarms=("TheirAlarm",))

        assert self.deployed(stack, template, rollout) == {
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "TheirAlarm"}]},
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 2},
                "MaximumExecutionTimeoutInSeconds": 600,
                "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
                "WaitIntervalInSeconds": 0,
            },
        }

    def test_no_alarm_at_all_is_a_choice(self, stack: cdk.Stack, template: Synthesize) -> None:
        assert "AutoRollbackConfiguration" not in self.deployed(stack, template, CopyRollout(alarms=()))
        template().resource_count_is(ALARM, 0)


class TestScaling:
    def test_copies_follow_rates_use_steps_and_the_clock(self, stack: cdk.Stack, template: Synthesize) -> None:
        scaling = CopyScaling(
            max=8,
            max_requests_per_second=20,
            cpu_utilization=70,
            gpu_utilization=80,
            steps=(
                CopyStepScaling(
                    name="Busy",
                    metric="CPUUtilizationNormalized",
                    threshold=90,
                    steps=(StepAdjustment(lower=0, change=2),),
                ),
                CopyStepScaling(
                    name="Slow", metric="ModelLatency", threshold=5e5, steps=(StepAdjustment(lower=0, change=1),)
                ),
            ),
            schedules=(ScheduledCopies(name="Night", schedule="cron(0 22 * * ? *)", min=0, max=1),),
        )
        fleet(stack, ComponentSpecification(model=TORCH, min_memory_mb=512, autoscaling=scaling))

        synthesized = template()
        policies = {
            each["Properties"]["PolicyName"]: each["Properties"]
            for each in synthesized.find_resources("AWS::ApplicationAutoScaling::ScalingPolicy").values()
        }
        tracked = {
            name: each["TargetTrackingScalingPolicyConfiguration"]
            for name, each in policies.items()
            if each["PolicyType"] == "TargetTrackingScaling"
        }
        assert {name: each["TargetValue"] for name, each in tracked.items()} == {
            "SageMakerInferenceComponentInvocationsPerCopy": 600,
            "CPUUtilizationNormalized": 70,
            "GPUUtilizationNormalized": 80,
        }
        assert tracked["GPUUtilizationNormalized"]["CustomizedMetricSpecification"] == {
            "Namespace": "/aws/sagemaker/InferenceComponents",
            "MetricName": "GPUUtilizationNormalized",
            "Dimensions": [{"Name": "InferenceComponentName", "Value": "chat"}],
            "Statistic": "Average",
        }
        assert policies.keys() - tracked.keys() == {"Busy", "Slow", "NoCapacityInvocationFailures"}
        watched = {each["MetricName"]: each for each in alarms(synthesized, "InferenceComponentschat").values()}
        assert watched["CPUUtilizationNormalized"]["Namespace"] == "/aws/sagemaker/InferenceComponents"
        assert watched["ModelLatency"]["Namespace"] == "AWS/SageMaker"
        assert {str(dimensions(each)) for each in watched.values()} == {"{'InferenceComponentName': 'chat'}"}
        (action,) = properties(synthesized, "AWS::ApplicationAutoScaling::ScalableTarget")["ScheduledActions"]
        assert action["ScalableTargetAction"] == {"MinCapacity": 0, "MaxCapacity": 1}
        hold_against_the_service(synthesized)
