"""Which alarms a variant has, and from which values on they go off; no CDK is needed to tell."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from constructs_lib.sagemaker.async_inference import AsyncInference, BacklogScaling
from constructs_lib.sagemaker.autoscaling import Autoscaling
from constructs_lib.sagemaker.inference_components.copy_scaling import CopyScaling
from constructs_lib.sagemaker.inference_components.managed_instance_scaling import ManagedInstanceScaling
from constructs_lib.sagemaker.inference_components.specification import ComponentSpecification
from constructs_lib.sagemaker.monitoring.alarms import AlarmRule, component_rules, variant_rules
from constructs_lib.sagemaker.monitoring.monitoring import Monitoring
from constructs_lib.sagemaker.monitoring.watched_component import watch_component
from constructs_lib.sagemaker.monitoring.watched_endpoint import watch_endpoint
from constructs_lib.sagemaker.monitoring.watched_variant import WatchedVariant, watch
from constructs_lib.sagemaker.scaling_rules import ScheduledCopies
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.models import ContainerModel
from constructs_lib.serving.problems import InvalidValueError

CPU = WatchedVariant(name="AllTraffic", vcpus=8)
TOPIC = "arn:aws:sns:us-east-1:111111111111:ops"


def rules(variant: WatchedVariant = CPU, **choices: Any) -> dict[str, AlarmRule]:
    return {rule.name: rule for rule in variant_rules(variant, Monitoring(**choices))}


def test_the_default_watches_errors_latency_saturation_and_silence() -> None:
    assert list(rules()) == ["Errors", "Latency", "Cpu", "Memory", "Silence"]


def test_a_percentage_of_errors_is_the_average_of_ones_and_zeros() -> None:
    errors = rules(error_percent=2.5)["Errors"]

    assert errors.metrics == {"m": ("AWS/SageMaker", "Invocation5XXErrors")}
    assert (errors.statistic, errors.threshold, errors.comparison) == ("Average", 0.025, "GreaterThanThreshold")


def test_latency_is_given_in_milliseconds_and_compared_in_microseconds() -> None:
    latency = rules(latency_p99_ms=250, minutes=10, breaching_minutes=7)["Latency"]

    assert latency.metrics == {"m": ("AWS/SageMaker", "ModelLatency")}
    assert (latency.statistic, latency.threshold) == ("p99", 250_000)
    assert (latency.minutes, latency.breaching_minutes) == (10, 7)


def test_use_is_given_of_the_whole_instance_and_compared_with_the_sum_over_its_parts() -> None:
    found = rules(watch(InstanceVariant(instance_type="ml.g5.12xlarge")), gpu_percent=80, gpu_memory_percent=50)

    assert found["Cpu"].threshold == 90 * 48
    assert found["Gpu"].threshold == 80 * 4
    assert found["GpuMemory"].threshold == 50 * 4
    assert found["Memory"].threshold == 90
    assert {found[name].metrics["m"][0] for name in ("Cpu", "Gpu", "Memory")} == {"/aws/sagemaker/Endpoints"}


class TestInferenceComponents:
    COMPONENT = ComponentSpecification(model=ContainerModel(image="example/mine:1"), min_memory_mb=512)

    def of_component(self, scaling: CopyScaling | None = None, **choices: Any) -> dict[str, AlarmRule]:
        watched = watch_component("chat", replace(self.COMPONENT, autoscaling=scaling))
        return {rule.name: rule for rule in component_rules(watched, Monitoring(**choices))}

    def of_instances(self, scaling: ManagedInstanceScaling | None = None) -> dict[str, AlarmRule]:
        watched = watch_endpoint(
            label="fleet",
            endpoint_name="fleet",
            variants=[InstanceVariant(instance_type="ml.g5.12xlarge")],
            inference_components={"chat": self.COMPONENT},
            managed_instance_scaling=scaling,
        )
        return rules(*watched.variants)

    def test_answers_are_watched_of_components_and_use_of_instances(self) -> None:
        assert list(self.of_component()) == ["Errors", "Latency", "NoCopies"]
        assert list(self.of_instances()) == ["Cpu", "Memory", "Gpu", "Silence"]

    def test_a_component_with_all_of_its_copies_has_an_alarm(self) -> None:
        full = self.of_component(CopyScaling(max=4, invocations_per_copy=60))["AtMaxCopies"]
        assert full.metrics == {"m": ("/aws/sagemaker/InferenceComponents", "CPUUtilizationNormalized")}
        assert (full.statistic, full.threshold, full.comparison) == ("SampleCount", 3.5, "GreaterThanThreshold")
        assert full.description == "It has all of the 4 copies that its scaling allows"
        day = ScheduledCopies(name="Day", schedule="cron(0 8 * * ? *)", min=2, max=9)
        more = self.of_component(CopyScaling(max=4, invocations_per_copy=60, schedules=(day,)))
        assert more["AtMaxCopies"].threshold == 8.5
        same = CopyScaling(min=4, max=4, invocations_per_copy=60)
        assert "AtMaxCopies" not in self.of_component(same)
        assert "AtMaxCopies" not in self.of_component(
            CopyScaling(max=4, invocations_per_copy=60), at_max_instances=False
        )

    def test_a_component_that_may_be_empty_may_be_silent(self) -> None:
        silent = self.of_component(silent_minutes=5)["NoCopies"]
        assert (silent.statistic, silent.threshold, silent.comparison) == ("SampleCount", 1, "LessThanThreshold")
        assert (silent.minutes, silent.missing_data) == (5, "breaching")
        assert "NoCopies" not in self.of_component(CopyScaling(min=0, max=2, invocations_per_copy=60))
        night = ScheduledCopies(name="Night", schedule="cron(0 22 * * ? *)", min=0, max=1)
        assert "NoCopies" not in self.of_component(CopyScaling(max=2, schedules=(night,)))

    def test_instances_are_counted_by_what_they_report(self) -> None:
        scaled = self.of_instances(ManagedInstanceScaling(min_instance_count=0, max_instance_count=3))
        full = scaled["AtMaxInstances"]
        assert full.metrics == {"m": ("/aws/sagemaker/Endpoints", "CPUUtilizationNormalized")}
        assert (full.statistic, full.threshold, full.expression) == ("SampleCount", 2.5, None)
        assert "Silence" not in scaled  # there may be none
        assert "AtMaxInstances" not in self.of_instances(
            ManagedInstanceScaling(min_instance_count=2, max_instance_count=2)
        )


def test_chips_that_are_no_gpu_have_no_gpu_alarm() -> None:
    assert "Gpu" not in rules(watch(InstanceVariant(instance_type="ml.inf2.xlarge")))


def test_a_variant_that_scales_is_at_its_most_when_requests_over_shares_say_so() -> None:
    scaled = InstanceVariant(
        instance_type="ml.m5.large", autoscaling=Autoscaling(min=1, max=3, invocations_per_instance=60)
    )
    rule = rules(watch(scaled))["AtMaxInstances"]

    assert rule.expression == "requests / shares"
    assert rule.metrics["shares"] == ("AWS/SageMaker", "InvocationsPerInstance")
    # Three instances: each request counts a third, and ten thirds are not quite 10 / 3.
    assert 10 / sum([1 / 3] * 10) > rule.threshold
    assert 10 / sum([1 / 2] * 10) < rule.threshold


def test_a_variant_whose_count_is_fixed_is_never_at_its_most() -> None:
    fixed = InstanceVariant(
        instance_type="ml.m5.large", autoscaling=Autoscaling(min=2, max=2, invocations_per_instance=60)
    )

    assert "AtMaxInstances" not in rules(watch(fixed))
    assert "AtMaxInstances" not in rules()


def test_silence_is_the_lack_of_data_itself() -> None:
    silence = rules(silent_minutes=4, missing_data="ignore")["Silence"]

    assert (silence.statistic, silence.comparison, silence.threshold) == ("SampleCount", "LessThanThreshold", 1)
    assert (silence.minutes, silence.missing_data) == (4, "breaching")


def test_a_variant_that_may_have_no_instance_may_be_silent() -> None:
    assert "Silence" not in rules(replace(CPU, can_be_empty=True))


def test_an_asynchronous_endpoint_may_have_no_instance() -> None:
    scaled = AsyncInference(output="s3://answers/", autoscaling=BacklogScaling(max=3))
    watched = watch(InstanceVariant(instance_type="ml.m5.large"), scaled)

    assert (watched.can_be_empty, watched.max_instances) == (True, 3)


def test_a_serverless_variant_has_the_alarms_of_the_metrics_that_it_has() -> None:
    assert list(rules(watch(ServerlessVariant()))) == ["Errors", "Latency", "Memory"]


def test_missing_data_counts_as_chosen() -> None:
    found = rules(missing_data="missing")

    assert {name: rule.missing_data for name, rule in found.items() if name != "Silence"} == dict.fromkeys(
        ["Errors", "Latency", "Cpu", "Memory"], "missing"
    )


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("error_percent", "Errors"),
        ("latency_p99_ms", "Latency"),
        ("cpu_percent", "Cpu"),
        ("memory_percent", "Memory"),
        ("gpu_percent", "Gpu"),
        ("silent_minutes", "Silence"),
    ],
)
def test_none_switches_an_alarm_off(key: str, name: str) -> None:
    variant = WatchedVariant(name="AllTraffic", vcpus=8, gpus=1, max_instances=4)

    assert set(rules(variant)) - set(rules(variant, **{key: None})) == {name}


def test_false_switches_the_alarm_at_the_most_instances_off() -> None:
    assert "AtMaxInstances" not in rules(replace(CPU, max_instances=4), at_max_instances=False)


def test_errors_of_the_callers_are_those_of_the_4xx_metric() -> None:
    client_errors = rules(CPU, client_error_percent=20)["ClientErrors"]

    assert client_errors.metrics == {"m": ("AWS/SageMaker", "Invocation4XXErrors")}


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"error_percent": 0}, "'error_percent' must be above 0 and at most 100 percent, got 0; None (null in settings) means no alarm"),
        ({"cpu_percent": 101}, "'cpu_percent' must be above 0 and at most 100 percent, got 101; None (null in settings) means no alarm"),
        ({"memory_percent": float("nan")}, "'memory_percent' must be above 0 and at most 100 percent, got nan; None (null in settings) means no alarm"),
        ({"latency_p99_ms": 0}, "'latency_p99_ms' must be a finite number of milliseconds above 0, got 0; None (null in settings) means no alarm"),
        ({"latency_p99_ms": float("inf")}, "'latency_p99_ms' must be a finite number of milliseconds above 0, got inf; None (null in settings) means no alarm"),
        ({"silent_minutes": 0}, "'silent_minutes' must be 1 to 1440 minutes, got 0"),
        ({"saturation_minutes": 1441}, "'saturation_minutes' must be 1 to 1440 minutes, got 1441"),
        ({"breaching_minutes": 6}, "'breaching_minutes' must be 1 to 'minutes' (5), got 6"),
        ({"breaching_minutes": 0}, "'breaching_minutes' must be 1 to 'minutes' (5), got 0"),
        ({"missing_data": "bad"}, "'missing_data' must be one of breaching, ignore, missing, notBreaching, got 'bad'"),
        ({"alarm_topics": ("ops",)}, "'alarm_topics.0' must look like arn:PARTITION:sns:REGION:ACCOUNT:NAME, got 'ops'"),
        ({"alarm_topics": (TOPIC, TOPIC)}, f"'alarm_topics.1' is given twice: '{TOPIC}'"),
        ({"alarm_topics": tuple(f"{TOPIC}{n}" for n in range(6))}, "'alarm_topics' must be at most 5, got 6"),
    ],
)  # fmt: skip
def test_fails_with_what_is_wrong(choices: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        Monitoring(**choices)

    assert str(raised.value) == f"Monitoring: {text}"


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidValueError) as raised:
        Monitoring(error_percent=0, latency_p99_ms=-1, minutes=0)

    assert [problem.field for problem in raised.value.problems] == [
        "error_percent", "latency_p99_ms", "minutes", "breaching_minutes"
    ]  # fmt: skip


def test_a_token_is_known_at_deployment_only() -> None:
    assert Monitoring(alarm_topics=("${Token[TopicArn.1]}",)).alarm_topics == ("${Token[TopicArn.1]}",)


def test_the_rules_need_no_cdk() -> None:
    modules = ("alarms", "dashboard", "monitoring", "watched_component", "watched_endpoint", "watched_variant")
    program = ";".join(f"import constructs_lib.sagemaker.monitoring.{name}" for name in modules)
    check = f"{program};import sys;print([m for m in ('jsii','aws_cdk') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
