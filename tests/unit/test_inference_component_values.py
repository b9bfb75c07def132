"""Inference components: what they need of their instances, how they scale, and their settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.sagemaker import (
    ComponentSpecification,
    CopyRollout,
    CopyScaling,
    CopyStepScaling,
    ManagedInstanceScaling,
    Rollout,
    ScheduledCopies,
    StepAdjustment,
)
from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.inference_components.rules import copy_host
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import ContainerModel, LargeLanguageModel, OnnxModel, PyTorchModel
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.servers import sagemaker_environment
from stacks.settings import Settings, load_settings
from stacks.yaml_source import SettingsError

TORCH = PyTorchModel(artifact="s3://their-models/model.tar.gz")
CHAT = LargeLanguageModel(artifact="s3://their-models/chat/")
BUSY = CopyStepScaling(
    name="Busy", metric="InvocationsPerCopy", statistic="Sum", threshold=600, steps=(StepAdjustment(lower=0, change=2),)
)
NIGHT = ScheduledCopies(name="Night", schedule="cron(0 22 * * ? *)", min=0, max=1)
VPC = VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))


def specification(**choices: Any) -> ComponentSpecification:
    return ComponentSpecification(**{"model": TORCH, "min_memory_mb": 1024, **choices})


def problems(components: dict[str, ComponentSpecification] | None = None, **choices: Any) -> list[str]:
    chosen = {"a": specification()} if components is None else components
    options = ComponentEndpointOptions(**{"inference_components": chosen, "instance_type": "ml.c6i.xlarge", **choices})
    return [str(problem) for problem in options.problems()]


WRONG: dict[str, tuple[Callable[[], object], list[str]]] = {
    "less than no instances": (
        lambda: ManagedInstanceScaling(min_instance_count=-1, max_instance_count=0),
        ["'min_instance_count' must be at least 0, got -1", "'max_instance_count' must be at least 1, got 0"],
    ),
    "instances upside down": (
        lambda: ManagedInstanceScaling(min_instance_count=3, max_instance_count=2),
        ["'max_instance_count' must be at least 'min_instance_count' (3), got 2"],
    ),
    "a policy that SageMaker has not": (
        lambda: ManagedInstanceScaling(max_instance_count=2, scale_in_strategy="EAGER"),  # type: ignore[arg-type]
        ["'scale_in_strategy' must be one of IDLE_RELEASE, CONSOLIDATION, got 'EAGER'"],
    ),
    "a policy out of range": (
        lambda: ManagedInstanceScaling(
            max_instance_count=2,
            scale_in_strategy="CONSOLIDATION",
            scale_in_maximum_step_size=101,
            scale_in_cooldown_minutes=1,
        ),
        [
            "'scale_in_maximum_step_size' must be 1 to 100, got 101",
            "'scale_in_cooldown_minutes' must be 5 to 1440 minutes, got 1",
        ],
    ),
    "parts of a policy without one": (
        lambda: ManagedInstanceScaling(max_instance_count=2, scale_in_cooldown_minutes=10),
        ["'scale_in_cooldown_minutes' needs a 'scale_in_strategy'; give 'IDLE_RELEASE' or 'CONSOLIDATION'"],
    ),
    "many models as one": (
        lambda: specification(model=MultiModel(server="pytorch", artifact="s3://their-models/all/")),
        [
            "'model' is of several models or containers, and an inference component serves one; make each a component, or "
            "host them in an endpoint of their own"
        ],
    ),
    "less than no copies": (
        lambda: CopyScaling(min=-1, max=0, invocations_per_copy=1),
        ["'min' must be at least 0, got -1", "'max' must be at least 1, got 0"],
    ),
    "copies upside down": (
        lambda: CopyScaling(min=3, max=2, invocations_per_copy=1),
        ["'max' must be at least 'min' (3), got 2"],
    ),
    "nothing to follow": (
        lambda: CopyScaling(max=2),
        [
            "'invocations_per_copy' is missing; give it, or another thing that the count follows: "
            "max_requests_per_second, concurrent_requests_per_copy, cpu_utilization, gpu_utilization, steps or schedules"
        ],
    ),
    "targets and cool-downs out of range": (
        lambda: CopyScaling(max=2, concurrent_requests_per_copy=0, scale_in_cooldown=-1, scale_out_cooldown=-2),
        [
            "'concurrent_requests_per_copy' must be a finite number above 0, got 0",
            "'scale_in_cooldown' must be at least 0 seconds, got -1",
            "'scale_out_cooldown' must be at least 0 seconds, got -2",
        ],
    ),
    "down to zero without going down": (
        lambda: CopyScaling(min=0, max=2, invocations_per_copy=1, disable_scale_in=True),
        ["'disable_scale_in' keeps the copies from ever going to 0, which 'min' allows; leave one out"],
    ),
    "two targets of one metric": (
        lambda: CopyScaling(max=2, invocations_per_copy=60, max_requests_per_second=2, safety_factor=2),
        [
            "'max_requests_per_second' is given as well as 'invocations_per_copy'; give one of the two",
            "'safety_factor' must be above 0 and at most 1, got 2",
        ],
    ),
    "rules of one name": (
        lambda: CopyScaling(max=2, steps=(BUSY, BUSY), schedules=(NIGHT, NIGHT)),
        [
            "'steps' must each have a name of its own, got 'Busy' 2 times",
            "'schedules' must each have a name of its own, got 'Night' 2 times",
        ],
    ),
    "a step on a metric of instances": (
        lambda: replace(BUSY, metric="CPUUtilization", threshold=float("inf")),  # type: ignore[arg-type]
        [
            "'metric' must be one of Invocations, InvocationsPerCopy, ConcurrentRequestsPerCopy, ModelLatency, "
            "OverheadLatency, CPUUtilizationNormalized, MemoryUtilizationNormalized, GPUUtilizationNormalized, "
            "GPUMemoryUtilizationNormalized, got 'CPUUtilization'",
            "'threshold' must be a finite number, got inf",
        ],
    ),
    "a schedule upside down": (
        lambda: replace(NIGHT, min=-1, max=-2),
        ["'min' must be at least 0, got -1", "'max' must be at least 'min' (-1), got -2"],
    ),
    "a rollout out of range": (
        lambda: CopyRollout(
            step_percent=51,
            step_copies=0,
            wait=3601,
            maximum_execution=599,
            rollback_percent=4,
            max_errors=-1,
            max_model_latency_ms=0,
            alarms=("", "A", "A"),
        ),
        [
            "'step_copies' is given as well as 'step_percent'; give one of the two",
            "'step_percent' must be 5 to 50, got 51",
            "'step_copies' must be at least 1, got 0",
            "'wait' must be 0 to 3600 seconds, got 3601",
            "'maximum_execution' must be 600 to 28800 seconds, got 599",
            "'rollback_percent' must be 5 to 100, got 4",
            "'max_errors' must be at least 0, got -1",
            "'max_model_latency_ms' must be 1 to 60000 milliseconds, got 0",
            "'alarms' must each be the name of an alarm, 1 to 255 characters, got ''",
            "'alarms' has 'A' 2 times; give it once",
        ],
    ),
    "batches of more than half of the copies": (
        lambda: specification(copies=3, rollout=CopyRollout(step_copies=2)),
        [
            "'rollout.step_copies' must be at most half of the copies, of which there are 3, got 2; give 'step_percent', or "
            "more copies"
        ],
    ),
    "sizes out of range": (
        lambda: specification(min_memory_mb=64, max_memory_mb=32, cpu_cores=0.1, accelerators=0, copies=0),
        [
            "'min_memory_mb' must be at least 128, got 64",
            "'max_memory_mb' must be at least 'min_memory_mb' (64), got 32",
            "'cpu_cores' must be at least 0.25, got 0.1",
            "'accelerators' must be at least 1, got 0",
            "'copies' must be at least 1, got 0",
        ],
    ),
    "copies outside of their bounds": (
        lambda: specification(copies=5, autoscaling=CopyScaling(min=0, max=4, invocations_per_copy=1)),
        ["'copies' must be 1 to 4, got 5"],
    ),
    "a property without a name": (
        lambda: specification(overrides={"": 1}),
        [
            "'overrides' has the path '', which must be names of CloudFormation properties and list positions, joined by dots"
        ],
    ),
    "timeouts out of range": (
        lambda: specification(model_data_download_timeout=10, container_startup_timeout=4000),
        [
            "'model_data_download_timeout' must be 60 to 3600 seconds, got 10",
            "'container_startup_timeout' must be 60 to 3600 seconds, got 4000",
        ],
    ),
}


@pytest.mark.parametrize(("make", "messages"), WRONG.values(), ids=WRONG)
def test_fails_with_field_value_and_remedy(make: Callable[[], object], messages: list[str]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        make()

    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == messages


class TestWhatFits:
    def test_a_model_of_a_copys_size(self) -> None:
        assert problems() == []
        assert problems({"a": specification(accelerators=1)}, instance_type="ml.g5.xlarge") == []

    def test_an_endpoint_has_components(self) -> None:
        assert problems({}) == ["'inference_components' is empty; give at least one"]

    def test_the_type_is_told_once(self) -> None:
        (found,) = problems({"a": specification(), "b": specification()}, instance_type="ml.c6i.lrge")
        assert found.startswith("'instance_type'")
        assert "ml.c6i.large" in found

    def test_a_type_without_an_image_for_one_of_them_is_told(self) -> None:
        own = ContainerModel(image="example/mine:1")
        components = {"own": specification(model=own, accelerators=1), "torch": specification(accelerators=1)}
        (found,) = problems(components, instance_type="ml.dl1.24xlarge")
        assert found.startswith("'instance_type'")

    def test_names_are_those_of_sagemaker(self) -> None:
        (found,) = problems({"my_model": specification()})
        assert found.startswith("'inference_components.my_model' is 'my_model' (8 characters), but SageMaker allows")

    def test_names_differ_in_more_than_case(self) -> None:
        why = "differs from another component's name in case only; choose another name"
        assert problems({"chat": specification(), "Chat": specification(), "other": specification()}) == [
            f"'inference_components.chat' {why}",
            f"'inference_components.Chat' {why}",
        ]

    def test_a_copy_is_smaller_than_its_instance(self) -> None:
        assert problems({"a": specification(min_memory_mb=8192, cpu_cores=8, accelerators=1)}) == [
            "'inference_components.a.accelerators' is 1, but 'ml.c6i.xlarge' has none; leave it out, or choose "
            "'ml.g5.xlarge'",
            "'inference_components.a.cpu_cores' is 8, but 'ml.c6i.xlarge' has 4; choose fewer, or a larger type",
            "'inference_components.a.min_memory_mb' is 8192, but 'ml.c6i.xlarge' has 8192 in all; choose less, or a larger "
            "type",
        ]

    def test_a_copy_gets_some_of_the_accelerators(self) -> None:
        assert problems({"a": specification()}, instance_type="ml.g5.12xlarge") == [
            "'inference_components.a.accelerators' is missing: 'ml.g5.12xlarge' has 4 (A10G), and its image needs them; "
            "give how many a copy gets"
        ]
        own = ContainerModel(image="example/cpu-only:1")
        assert problems({"a": specification(model=own)}, instance_type="ml.g5.12xlarge") == []
        assert problems({"a": specification(accelerators=5)}, instance_type="ml.g5.12xlarge") == [
            "'inference_components.a.accelerators' is 5, but 'ml.g5.12xlarge' has 4 (A10G); choose fewer, or a larger type",
        ]

    def test_the_first_copies_find_room(self) -> None:
        copies = {"a": specification(accelerators=2, copies=3), "b": specification(accelerators=1)}
        assert problems(copies, instance_type="ml.g5.12xlarge", instance_count=2) == []
        scaling = ManagedInstanceScaling(max_instance_count=1)
        assert problems(copies, instance_type="ml.g5.12xlarge", managed_instance_scaling=scaling) == [
            "'inference_components' start with copies that need 7 accelerators, but 1 of 'ml.g5.12xlarge' have 4; raise "
            "'managed_instance_scaling.max_instance_count', or start with fewer 'copies'"
        ]
        large = {"a": specification(min_memory_mb=3000, cpu_cores=1.5, copies=3)}
        assert problems(large, instance_count=2) == []
        assert problems(large) == [
            f"'inference_components' start with copies that need {needs}; raise 'instance_count', or start with fewer "
            "'copies'"
            for needs in (
                "4.5 CPU cores, but 1 of 'ml.c6i.xlarge' have 4",
                "9000 MB of memory, but 1 of 'ml.c6i.xlarge' have 8192",
            )
        ]

    def test_a_language_model_is_split_over_the_accelerators_of_its_copy(self) -> None:
        of_two = specification(model=CHAT, accelerators=2)
        host = copy_host(of_two, instance_type("ml.g5.12xlarge"))
        assert sagemaker_environment(CHAT, host)["SM_VLLM_TENSOR_PARALLEL_SIZE"] == "2"
        of_one = specification(
            model=LargeLanguageModel(artifact="s3://their-models/chat/", tensor_parallel_degree=4), accelerators=1
        )
        assert problems({"a": of_one}, instance_type="ml.g5.12xlarge") == [
            "'inference_components.a.model.tensor_parallel_degree' is 4, but each copy has 1 to be split over; give more "
            "'accelerators', or a smaller degree"
        ]

    def test_all_are_in_one_network(self) -> None:
        components = {
            "a": specification(),
            "b": specification(model=PyTorchModel(artifact="s3://their-models/model.tar.gz", vpc=VPC)),
        }
        assert problems(components) == [
            "'inference_components.b.model.vpc' differs from that of 'a'; SageMaker puts all components of an endpoint into "
            "one network"
        ]

    def test_a_model_without_an_image_is_told_by_its_path(self) -> None:
        old = PyTorchModel(artifact="s3://their-models/model.tar.gz", version="9.9")
        (found,) = problems({"a": specification(model=old)})
        assert found.startswith("'inference_components.a.model.version'")

    def test_counts_and_routing_are_in_their_bounds(self) -> None:
        scaling = ManagedInstanceScaling(min_instance_count=0, max_instance_count=2)
        assert problems(instance_count=3, managed_instance_scaling=scaling, routing_strategy="NEAREST") == [
            "'instance_count' must be between the bounds of its scaling, 0 and 2, got 3",
            "'routing_strategy' must be one of LEAST_OUTSTANDING_REQUESTS, RANDOM, PREFIX_AWARE, got 'NEAREST'",
        ]
        assert problems(instance_count=0) == ["'instance_count' must be at least 1, got 0"]
        (found,) = problems(instance_type="ml.t2.medium", managed_instance_scaling=scaling)
        assert found.startswith("'managed_instance_scaling' does not work with 'ml.t2.medium'")
        assert found.endswith("or leave 'managed_instance_scaling' out")

    def test_copies_follow_a_share_of_the_rate_that_one_bears(self) -> None:
        assert CopyScaling(max=2, max_requests_per_second=20, safety_factor=0.25).target_invocations == 300
        assert CopyScaling(max=2, invocations_per_copy=60).target_invocations == 60

    def test_batches_fit_into_the_copies_that_there_can_be(self) -> None:
        scaling = CopyScaling(max=4, invocations_per_copy=60)
        assert specification(rollout=CopyRollout(step_copies=2), autoscaling=scaling).most_copies == 4
        assert specification(rollout=CopyRollout(step_percent=50)).rollout == CopyRollout(step_percent=50)

    def test_guardrails_and_keys_are_those_of_its_instances(self) -> None:
        key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        (disk,) = problems({"a": specification(accelerators=1)}, instance_type="ml.g5.xlarge", volume_kms_key_arn=key)
        assert disk.startswith("'volume_kms_key_arn'")
        assert [
            each.partition(" ")[0]
            for each in problems(
                capacity_reservation_arn="mine",
                instance_provision_timeout=1,
                volume_size_gb=513,
                inference_ami_version="ubuntu",
                core_dumps="here",
                routing_strategy="NEAREST",
            )
        ] == [
            "'routing_strategy'",
            "'capacity_reservation_arn'",
            "'instance_provision_timeout'",
            "'volume_size_gb'",
            "'core_dumps'",
            "'inference_ami_version'",
        ]
        own = {"a": specification(model=ContainerModel(image="example/mine:1"), accelerators=1)}
        (inf1,) = problems(own, instance_type="ml.inf1.xlarge", rollout=Rollout(strategy="canary"))
        assert inf1.startswith("'rollout' does not work with Inf1, got 'ml.inf1.xlarge'")


class TestSettings:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "sub" / "model").mkdir(parents=True)
        (tmp_path / "sub" / "model" / "model.onnx").write_bytes(b"weights")

    def read(self, text: str) -> Settings:
        file = Path("sub/inference.yaml")
        file.write_text(text, encoding="utf-8")
        return load_settings(file)

    def test_they_may_stand_alone(self) -> None:
        settings = self.read(
            "inference_component_endpoints:\n"
            "  fleet:\n"
            "    instance_type: ml.c6i.large\n"
            "    inference_components:\n"
            "      chat: {model: {framework: onnx, artifact: model}, min_memory_mb: 512, cpu_cores: 1}\n"
        )
        assert settings.endpoints == {}
        (component,) = settings.inference_component_endpoints["fleet"].inference_components.values()
        assert component.model == OnnxModel(artifact="sub/model")
        assert component.cpu_cores == 1

    def test_names_are_unique_over_all_endpoints(self) -> None:
        component = "chat: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512}"
        fleet = f"    instance_type: ml.c6i.large\n    inference_components:\n      {component}\n"
        with pytest.raises(SettingsError) as caught:
            self.read(
                "endpoints:\n"
                "  one:\n"
                "    model: {framework: container, image: example/mine:1}\n"
                "    instance_type: ml.c6i.large\n"
                f"inference_component_endpoints:\n  one:\n{fleet}  two:\n{fleet}"
            )
        assert str(caught.value).splitlines() == [
            "sub/inference.yaml:6: inference_component_endpoints.one: is the name of an endpoint in 'endpoints', too; "
            "choose another name",
            "sub/inference.yaml:13: inference_component_endpoints.two.inference_components.chat: is a component of 'one', "
            "too; names are unique in account and region",
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        {
            "a group as a component": (
                "model: {framework: multi-model, server: pytorch, artifact: 's3://bucket/x/'}, min_memory_mb: 512",
                "5: inference_component_endpoints.fleet.inference_components.chat.model.framework: multi-model is of several "
                "models or containers, and an inference component serves one; make each a component, or host them in an "
                "endpoint of their own",
            ),
            "no memory": (
                "model: {framework: container, image: example/mine:1}",
                "5: inference_component_endpoints.fleet.inference_components.chat.min_memory_mb: is missing",
            ),
            "a typing error": (
                "model: {framework: container, image: example/mine:1}, min_memory: 512",
                "5: inference_component_endpoints.fleet.inference_components.chat.min_memory: is no key here; did you mean "
                "'min_memory_mb'?",
            ),
            "a local model that is not there": (
                "model: {framework: onnx, artifact: absent}, min_memory_mb: 512",
                "5: inference_component_endpoints.fleet.inference_components.chat.model.artifact: does not exist: "
                "'sub/absent'",
            ),
            "too large": (
                "model: {framework: container, image: example/mine:1}, min_memory_mb: 512, cpu_cores: 64",
                "5: inference_component_endpoints.fleet.inference_components.chat.cpu_cores: is 64, but 'ml.c6i.large' has "
                "2; choose fewer, or a larger type",
            ),
        }.values(),
    )
    def test_fails_with_file_line_and_key(self, text: str, message: str) -> None:
        with pytest.raises(SettingsError) as caught:
            self.read(
                "inference_component_endpoints:\n"
                "  fleet:\n"
                "    instance_type: ml.c6i.large\n"
                "    inference_components:\n"
                f"      chat: {{{text}}}\n"
            )
        assert any(line.startswith(f"sub/inference.yaml:{message}") for line in str(caught.value).splitlines()), caught

    @pytest.mark.parametrize(
        ("text", "message"),
        {
            "an API that cannot name a component": (
                "api: {passed_headers: [X-Amzn-SageMaker-Session-Id]}",
                "4: inference_component_endpoints.fleet.api.passed_headers: is without "
                "'X-Amzn-SageMaker-Inference-Component', by which requests name one; add it, or give 'api' to the components "
                "instead",
            ),
            "a processor that is not there": (
                "api: {processor: absent}",
                "4: inference_component_endpoints.fleet.api.processor: must be a directory with a 'handler.py', and "
                "'sub/absent' has none; write one",
            ),
            "no stack's name": (
                "stack: 1st",
                "4: inference_component_endpoints.fleet.stack: must be the name of a stack (a letter, then up to 127 "
                "letters, digits and hyphens), got '1st'",
            ),
            "the stack of a cluster": (
                "stack: ClusterStack",
                "4: inference_component_endpoints.fleet.stack: is 'ClusterStack', where a cluster is; choose another name",
            ),
            "monitoring that is no switch": (
                "monitoring: 3",
                "4: inference_component_endpoints.fleet.monitoring: must be true, false or a mapping of keys to values, got "
                "the number 3",
            ),
            "thresholds out of range": (
                "monitoring: {latency_p99_ms: -1}",
                "4: inference_component_endpoints.fleet.monitoring.latency_p99_ms: must be a finite number of milliseconds "
                "above 0, got -1; None (null in settings) means no alarm",
            ),
            "no bucket": (
                "data_capture: {destination: here}",
                "4: inference_component_endpoints.fleet.data_capture.destination: must look like 's3://BUCKET/PREFIX', got "
                "'here'",
            ),
            "a rollout of the copies on the endpoint": (
                "rollout: {step_copies: 1}",
                "4: inference_component_endpoints.fleet.rollout.step_copies: is no key here; did you mean",
            ),
            **{
                key: (
                    f"{key}: {{}}",
                    f"4: inference_component_endpoints.fleet.{key}: is no key here: {reason}",
                )
                for key, reason in {
                    "model": "each of 'inference_components' has a 'model' of its own",
                    "autoscaling": "each component counts its copies by its own 'autoscaling'",
                    "variants": "all components share the instances of one variant",
                    "serverless": "copies of components have their place on instances",
                    "async_inference": "an asynchronous request cannot name a component",
                    "shadow": "a shadow variant serves a model",
                    "accelerator_type": "AWS has ended Elastic Inference",
                    "safe_update": "every update of it is safe",
                }.items()
            },
        }.values(),
    )
    def test_fails_with_what_an_endpoint_of_components_takes(self, text: str, message: str) -> None:
        with pytest.raises(SettingsError) as caught:
            self.read(
                "inference_component_endpoints:\n"
                "  fleet:\n"
                "    instance_type: ml.c6i.large\n"
                f"    {text}\n"
                "    inference_components:\n"
                "      chat: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512}\n"
            )
        assert any(line.startswith(f"sub/inference.yaml:{message}") for line in str(caught.value).splitlines()), caught

    def test_components_with_apis_differ_in_more_than_hyphens(self) -> None:
        fleet = (
            "inference_component_endpoints:\n"
            "  fleet:\n"
            "    instance_type: ml.c6i.large\n"
            "    inference_components:\n"
            "      a-b: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512%s}\n"
            "      ab: {model: {framework: container, image: example/mine:1}, min_memory_mb: 512, api: {}}\n"
        )
        assert set(self.read(fleet % "").inference_component_endpoints["fleet"].inference_components) == {"a-b", "ab"}
        with pytest.raises(SettingsError, match=r"ab\.api: belongs to a name that differs from 'a-b' in hyphens only"):
            self.read(fleet % ", api: {}")

    def test_a_region_without_the_image_is_told(self) -> None:
        with pytest.raises(SettingsError, match=r"sub/inference\.yaml:1: region: 'xx-nowhere-1'"):
            self.read(
                "region: xx-nowhere-1\n"
                "inference_component_endpoints:\n"
                "  fleet:\n"
                "    instance_type: ml.c6i.large\n"
                "    inference_components:\n"
                "      chat: {model: {framework: onnx, artifact: model}, min_memory_mb: 512}\n"
            )
