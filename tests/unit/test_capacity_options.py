"""Instance pools, reserved capacity and volume keys: what is read, and what is said when it is wrong."""

from __future__ import annotations

import pytest

from constructs_lib.sagemaker.endpoint_options import EndpointOptions
from constructs_lib.sagemaker.serverless import ServerlessVariant
from constructs_lib.sagemaker.variants import InstanceVariant
from constructs_lib.serving.instance_storage import has_own_disks
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import LargeLanguageModel, PyTorchModel
from constructs_lib.serving.problems import InvalidValueError

MODEL = PyTorchModel(artifact="s3://my-models/model.tar.gz")
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def wrong_variant(**choices: object) -> list[str]:
    with pytest.raises(InvalidValueError) as caught:
        InstanceVariant(**choices)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def wrong(**choices: object) -> list[str]:
    return [str(problem) for problem in EndpointOptions(**{"model": MODEL, **choices}).problems()]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fallbacks", "messages"),
    [
        (("ml.g4dn.xlarge",) * 2, ["'fallback_instance_types.1' is 'ml.g4dn.xlarge' again; name each type once"]),
        (("ml.g5.xlarge",), ["'fallback_instance_types.0' is 'ml.g5.xlarge' again; name each type once"]),
        (
            ("ml.c6i.large",),
            [
                "'fallback_instance_types.0' is 'ml.c6i.large' (cpu, x86_64), which cannot run the image for "
                "'ml.g5.xlarge' (gpu, x86_64); name types of one kind"
            ],
        ),
        (
            ("g4dn.xlarge",),
            ["'fallback_instance_types.0' 'g4dn.xlarge' lacks the prefix 'ml.'; did you mean 'ml.g4dn.xlarge'?"],
        ),
        (
            ("ml.g4dn.xlarge", "ml.g5.2xlarge", "ml.g5.4xlarge", "ml.g5.8xlarge", "ml.g5.16xlarge"),
            ["'fallback_instance_types' must be at most 4, got 5"],
        ),
    ],
)
def test_fallbacks_are_other_types_of_one_kind(fallbacks: tuple[str, ...], messages: list[str]) -> None:
    assert wrong_variant(instance_type="ml.g5.xlarge", fallback_instance_types=fallbacks) == messages


def test_a_language_model_is_split_alike_on_all_types() -> None:
    model = LargeLanguageModel(model_id="Qwen/Qwen3-8B")
    variant = InstanceVariant(instance_type="ml.g5.12xlarge", fallback_instance_types=("ml.g5.xlarge",))

    assert wrong(model=model, variants=[variant]) == [
        "'variants.0.fallback_instance_types.0' is 'ml.g5.xlarge', on which SM_VLLM_TENSOR_PARALLEL_SIZE would not be as "
        "on 'ml.g5.12xlarge'; name types with as many accelerators, or set 'tensor_parallel_degree'"
    ]
    one = LargeLanguageModel(model_id="Qwen/Qwen3-8B", tensor_parallel_degree=1)
    assert wrong(model=one, variants=[variant]) == []


def test_a_reservation_is_given_by_its_arn() -> None:
    assert wrong_variant(instance_type="ml.p5.48xlarge", capacity_reservation_arn="launch-week") == [
        "'capacity_reservation_arn' must be the ARN of a reservation, such as "
        "'arn:aws:sagemaker:REGION:ACCOUNT:training-plan/NAME', got 'launch-week'"
    ]


def test_a_volume_key_is_for_volumes() -> None:
    on_disks = (
        "'volume_kms_key_arn' does not encrypt the disks that '{}' has of its own, which its hardware encrypts; choose a "
        "type without, such as 'ml.c5.xlarge', or leave it out"
    )
    variant = InstanceVariant(instance_type="ml.m5.large", fallback_instance_types=("ml.c5d.large",))

    assert wrong(instance_type="ml.c6i.large", volume_kms_key_arn=KEY) == []
    assert wrong(instance_type="ml.g5.xlarge", volume_kms_key_arn=KEY) == [on_disks.format("ml.g5.xlarge")]
    assert wrong(variants=[variant], volume_kms_key_arn=KEY) == [on_disks.format("ml.c5d.large")]
    assert wrong(serverless=ServerlessVariant(), volume_kms_key_arn=KEY) == [
        "'volume_kms_key_arn' is for the volumes of instances, which a serverless endpoint has not; leave it out"
    ]
    assert wrong(instance_type="ml.c6i.large", volume_kms_key_arn="alias/mine") == [
        "'volume_kms_key_arn' must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'alias/mine'"
    ]


def test_a_volume_size_is_for_volumes() -> None:
    on_disks = (
        "'volume_size_gb' is for volumes, and SageMaker attaches none to '{}', which has disks of its own; leave it out, "
        "or choose a type without, such as 'ml.c6i.large'"
    )

    assert InstanceVariant(instance_type="ml.c6i.large", volume_size_gb=64).volume_size_gb == 64
    assert wrong_variant(instance_type="ml.g5.xlarge", volume_size_gb=64) == [on_disks.format("ml.g5.xlarge")]
    assert wrong_variant(instance_type="ml.m5.large", fallback_instance_types=("ml.c5d.large",), volume_size_gb=64) == [
        on_disks.format("ml.c5d.large")
    ]


@pytest.mark.parametrize("name", ["ml.g5.xlarge", "ml.g4dn.xlarge", "ml.c5d.large", "ml.p4de.24xlarge", "ml.p5.48xlarge", "ml.trn1.2xlarge"])  # fmt: skip
def test_these_types_have_disks_of_their_own(name: str) -> None:
    assert has_own_disks(instance_type(name))


@pytest.mark.parametrize("name", ["ml.c6i.large", "ml.m5.large", "ml.inf2.xlarge", "ml.p3.2xlarge", "ml.c6gn.large"])
def test_these_types_have_none(name: str) -> None:
    assert not has_own_disks(instance_type(name))
