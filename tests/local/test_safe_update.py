"""Instance types and variants of an endpoint that scales, changed in one update, with the real function in between."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_clients import IMAGE, Aws, unique

from constructs_lib.sagemaker import Autoscaling, Endpoint, EndpointConfig, InstanceVariant, Model
from constructs_lib.sagemaker.scaling_rules import StepAdjustment, StepScaling
from constructs_lib.serving.models import ContainerModel

Json = dict[str, Any]


class Scaled:
    """A stack with one endpoint whose variants scale, and one whose parameter fails on demand."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self.aws, self._directory = aws, directory
        self.name = unique("scaled")
        self._artifact = aws.make_artifact()

    def template(
        self,
        variants: Mapping[str, str],
        *,
        target: float | None = 600,
        guard: bool = True,
        environment: Mapping[str, str] | None = None,
        steps: tuple[StepScaling, ...] = (),
    ) -> Json:
        """Synthesize the stack: instance types by variant."""
        app = cdk.App(outdir=str(self._directory / unique("out")), analytics_reporting=False)
        stack = cdk.Stack(app, "Stack", synthesizer=cdk.LegacyStackSynthesizer())
        kinds = list(variants.values())
        model = Model(
            stack,
            "Model",
            model=ContainerModel(image=IMAGE, artifact=self._artifact, environment=dict(environment or {})),
            instance_type=kinds[0],
            endpoint_name=self.name,
        )
        scaling = target and Autoscaling(min=1, max=4, invocations_per_instance=target, steps=steps)
        made = [
            InstanceVariant(name=name, instance_type=kind, autoscaling=scaling or None)
            for name, kind in variants.items()
        ]
        config = EndpointConfig(stack, "Config", model=model, variants=made)
        Endpoint(stack, "Endpoint", endpoint_config=config, endpoint_name=self.name, safe_update=guard)
        synthesized: Json = app.synth().get_stack_by_name("Stack").template
        return synthesized

    def put(self, template: Json) -> str:
        """Create or update the stack, and return what became of it."""
        return str(self.aws.put_stack(self.name, template)["StackStatus"])

    def targets(self) -> dict[str, Json]:
        """Return the scalable targets by variant."""
        found = self.aws.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        start = f"endpoint/{self.name}/variant/"
        return {item["ResourceId"].removeprefix(start): dict(item) for item in found if start in item["ResourceId"]}

    def target_values(self) -> dict[str, float]:
        """Return the target value of each policy, by variant."""
        found = self.aws.autoscaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        start = f"endpoint/{self.name}/variant/"
        return {
            item["ResourceId"].removeprefix(start): item["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
            for item in found
            if item["ResourceId"].startswith(start) and item["PolicyType"] == "TargetTrackingScaling"
        }

    def step_policies(self) -> list[str]:
        """Return the ARNs of the step policies."""
        found = self.aws.autoscaling.describe_scaling_policies(
            ServiceNamespace="sagemaker", ResourceId=self.identity()["ResourceId"]
        )["ScalingPolicies"]
        return [item["PolicyARN"] for item in found if item["PolicyType"] == "StepScaling"]

    def alarm_actions(self) -> list[str]:
        """Return what the stack's alarms call."""
        alarms = self.aws.cloudwatch.describe_alarms(AlarmNamePrefix=self.name)["MetricAlarms"]
        return [action for alarm in alarms for action in alarm["AlarmActions"]]

    def instance_types(self) -> dict[str, str]:
        config = self.aws.sagemaker.describe_endpoint(EndpointName=self.name)["EndpointConfigName"]
        variants = self.aws.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        return {variant["VariantName"]: variant["InstanceType"] for variant in variants}

    def kept(self) -> list[Any]:
        """Return the copies that the guard has in Parameter Store."""
        path = f"/inference-constructs/scaling-guard/{self.name}"
        return list(self.aws._client("ssm").get_parameters_by_path(Path=path, Recursive=True)["Parameters"])

    def identity(self) -> dict[str, str]:
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{self.name}/variant/main",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }

    def reason(self) -> str:
        """Return why the last failed update failed."""
        return next(reason for reason in self.aws.reasons(self.name) if "ancelled" not in reason)


@pytest.fixture
def scaled(aws: Aws, tmp_path: Path) -> Iterator[Scaled]:
    made = Scaled(aws, tmp_path)
    yield made
    aws.cloudformation.delete_stack(StackName=made.name)


LARGE, XLARGE = {"main": "ml.c6i.large"}, {"main": "ml.c6i.xlarge"}


def test_without_the_guard_sagemaker_refuses_a_new_instance_type(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE, guard=False)) == "CREATE_COMPLETE"

    assert scaled.put(scaled.template(XLARGE, guard=False)) == "UPDATE_ROLLBACK_COMPLETE"

    refusal = 'The variant(s) "[main]" must be deregistered as scalable targets with AutoScaling before they can be '
    assert refusal in scaled.reason()
    assert scaled.instance_types() == LARGE


def test_with_the_guard_a_new_instance_type_goes_through_with_a_new_target_value(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE)) == "CREATE_COMPLETE", scaled.aws.reasons(scaled.name)
    before = scaled.targets()

    assert scaled.put(scaled.template(XLARGE, target=1200)) == "UPDATE_COMPLETE", scaled.aws.reasons(scaled.name)

    assert scaled.instance_types() == XLARGE
    assert scaled.target_values() == {"main": 1200.0}
    after = scaled.targets()
    assert (after["main"]["MinCapacity"], after["main"]["MaxCapacity"]) == (1, 4)
    assert after["main"]["ScalableTargetARN"] != before["main"]["ScalableTargetARN"]
    assert scaled.kept() == []


def test_what_others_set_on_the_target_is_kept(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE)) == "CREATE_COMPLETE"
    scaled.aws.autoscaling.put_scheduled_action(
        **scaled.identity(),  # type: ignore[arg-type]
        ScheduledActionName="night",
        Schedule="cron(0 20 * * ? *)",
        ScalableTargetAction={"MaxCapacity": 1},
    )
    scaled.aws.autoscaling.register_scalable_target(
        **scaled.identity(),  # type: ignore[arg-type]
        MaxCapacity=9,
        SuspendedState={"DynamicScalingInSuspended": True},
    )

    assert scaled.put(scaled.template(XLARGE)) == "UPDATE_COMPLETE"

    (night,) = scaled.aws.autoscaling.describe_scheduled_actions(
        ServiceNamespace="sagemaker", ResourceId=scaled.identity()["ResourceId"]
    )["ScheduledActions"]
    assert (night["ScheduledActionName"], night["ScalableTargetAction"]) == ("night", {"MaxCapacity": 1})
    assert scaled.targets()["main"]["MaxCapacity"] == 9
    assert scaled.targets()["main"]["SuspendedState"]["DynamicScalingInSuspended"] is True


def test_a_variant_goes_and_comes_under_another_name(scaled: Scaled) -> None:
    assert scaled.put(scaled.template({"main": "ml.c6i.large", "old": "ml.c6i.large"})) == "CREATE_COMPLETE"

    assert scaled.put(scaled.template({"main": "ml.c6i.large", "new": "ml.c6i.xlarge"})) == "UPDATE_COMPLETE"
    assert scaled.target_values() == {"main": 600.0, "new": 600.0}

    assert scaled.put(scaled.template(LARGE)) == "UPDATE_COMPLETE"
    assert scaled.target_values() == {"main": 600.0}
    assert scaled.instance_types() == LARGE
    assert scaled.kept() == []


@pytest.mark.parametrize("fails", [False, True], ids=["forward", "back"])
def test_the_alarm_of_a_step_policy_calls_the_policy_that_is_there(scaled: Scaled, fails: bool) -> None:
    step = StepScaling(name="Burst", metric="Invocations", threshold=9, steps=(StepAdjustment(lower=0, change=1),))
    assert scaled.put(scaled.template(LARGE, steps=(step,))) == "CREATE_COMPLETE", scaled.aws.reasons(scaled.name)
    before = scaled.step_policies()
    assert scaled.alarm_actions() == before

    changed = scaled.template(XLARGE, steps=(step,), environment={"FAIL": "too small"} if fails else {})
    assert scaled.put(changed) == ("UPDATE_ROLLBACK_COMPLETE" if fails else "UPDATE_COMPLETE")

    (after,) = scaled.step_policies()
    assert after not in before
    assert scaled.alarm_actions() == [after]


def test_autoscaling_goes_in_the_same_update_as_the_instance_type_changes(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE)) == "CREATE_COMPLETE"

    assert scaled.put(scaled.template(XLARGE, target=None)) == "UPDATE_COMPLETE"

    assert scaled.instance_types() == XLARGE
    assert scaled.targets() == {}
    assert scaled.kept() == []


def test_the_guard_comes_in_the_same_update_as_the_instance_type_changes(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE, guard=False)) == "CREATE_COMPLETE"

    assert scaled.put(scaled.template(XLARGE)) == "UPDATE_COMPLETE"

    assert scaled.instance_types() == XLARGE
    assert scaled.target_values() == {"main": 600.0}


@pytest.mark.parametrize("present", [True, False], ids=["guarded before", "guarded by this update"])
def test_a_model_that_does_not_load_on_the_new_instance_type_leaves_all_as_it_was(
    scaled: Scaled, present: bool
) -> None:
    assert scaled.put(scaled.template(LARGE, guard=present)) == "CREATE_COMPLETE"

    broken = scaled.template(XLARGE, target=1200, environment={"FAIL": "no kernel image for this device"})
    assert scaled.put(broken) == "UPDATE_ROLLBACK_COMPLETE"

    assert "no kernel image for this device" in scaled.reason()
    assert scaled.instance_types() == LARGE
    assert scaled.target_values() == {"main": 600.0}
    assert scaled.kept() == []
    assert scaled.put(scaled.template(XLARGE, target=1200)) == "UPDATE_COMPLETE"
    assert scaled.target_values() == {"main": 1200.0}


def failing(template: Json, after: str) -> Json:
    """Add a resource to a template that fails once those of a type are there."""
    first = next(name for name, resource in template["Resources"].items() if resource["Type"] == after)
    wrong = {"Type": "AWS::SageMaker::Model", "DependsOn": first, "Properties": {"ModelName": "a_b"}}
    # Of what waits for the same, MiniStack takes the first by name.
    return template | {"Resources": template["Resources"] | {"AFails": wrong}}


@pytest.mark.parametrize(
    "after",
    [
        "Custom::ScalingGuardRecover",
        "Custom::ScalingGuardRelease",
        "AWS::SageMaker::Endpoint",
        "Custom::ScalingGuardRestore",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
    ],
)
def test_an_update_that_fails_after_any_resource_goes_back_whole(scaled: Scaled, after: str) -> None:
    assert scaled.put(scaled.template({"main": "ml.c6i.large", "old": "ml.c6i.large"})) == "CREATE_COMPLETE"

    broken = failing(scaled.template({"main": "ml.c6i.xlarge", "new": "ml.c6i.large"}, target=1200), after)
    assert scaled.put(broken) == "UPDATE_ROLLBACK_COMPLETE", scaled.aws.reasons(scaled.name)

    assert "'a_b'" in scaled.reason()
    assert scaled.instance_types() == {"main": "ml.c6i.large", "old": "ml.c6i.large"}
    assert scaled.target_values() == {"main": 600.0, "old": 600.0}
    assert scaled.kept() == []


def test_deleting_the_stack_leaves_nothing(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE)) == "CREATE_COMPLETE"
    functions = scaled.aws._client("lambda")

    scaled.aws.delete_stack(scaled.name)

    assert scaled.targets() == {}
    assert scaled.kept() == []
    assert scaled.name not in json.dumps(functions.list_functions()["Functions"])
    assert scaled.aws.sagemaker.list_endpoints(NameContains=scaled.name)["Endpoints"] == []


def test_creating_that_fails_leaves_nothing(scaled: Scaled) -> None:
    assert scaled.put(scaled.template(LARGE, environment={"FAIL": "no such layer"})) == "ROLLBACK_COMPLETE"

    assert "no such layer" in scaled.aws.reasons(scaled.name)[0]
    assert scaled.targets() == {}
