"""What fits together on an endpoint of inference components: copies, their instances, names and network."""

from __future__ import annotations

from typing import Any

from component_values import specification

from constructs_lib.sagemaker import (
    ComponentSpecification,
    CopyRollout,
    CopyScaling,
    ManagedInstanceScaling,
    Rollout,
)
from constructs_lib.sagemaker.inference_components.options import ComponentEndpointOptions
from constructs_lib.sagemaker.inference_components.rules import copy_host
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import ContainerModel, LargeLanguageModel, PyTorchModel
from constructs_lib.serving.network import VpcConfig
from constructs_lib.serving.servers import sagemaker_environment

CHAT = LargeLanguageModel(artifact="s3://their-models/chat/")
VPC = VpcConfig(subnets=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))


def problems(components: dict[str, ComponentSpecification] | None = None, **choices: Any) -> list[str]:
    chosen = {"a": specification()} if components is None else components
    options = ComponentEndpointOptions(**{"inference_components": chosen, "instance_type": "ml.c6i.xlarge", **choices})
    return [str(problem) for problem in options.problems()]


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
