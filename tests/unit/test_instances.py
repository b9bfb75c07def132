"""Instance types: what the library knows of them, and what it says of those that do not exist."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader

from constructs_lib.serving.images import Device
from constructs_lib.serving.instances import (
    InstanceType,
    InstanceTypeError,
    Use,
    ec2_instance_type,
    ec2_instance_types,
    instance_type,
    instance_types,
)

SHAPES = Loader().load_service_model("sagemaker", "service-2")["shapes"]
# Family -> (kind, the sizes that have more than one device and how many). The EC2 instance types guide.
ACCELERATED = {
    "g4dn": ("gpu", {"12xlarge": 4}),
    "g5": ("gpu", {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}),
    "g6": ("gpu", {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}),
    "g6e": ("gpu", {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8}),
    "g7": ("gpu", {"12xlarge": 2, "24xlarge": 4, "48xlarge": 8}),
    "g7e": ("gpu", {"12xlarge": 2, "24xlarge": 4, "48xlarge": 8}),
    "p2": ("gpu", {"8xlarge": 8, "16xlarge": 16}),
    "p3": ("gpu", {"8xlarge": 4, "16xlarge": 8}),
    "p4d": ("gpu", {"24xlarge": 8}),
    "p4de": ("gpu", {"24xlarge": 8}),
    "p5": ("gpu", {"48xlarge": 8}),
    "p5e": ("gpu", {"48xlarge": 8}),
    "p5en": ("gpu", {"48xlarge": 8}),
    "p6-b200": ("gpu", {"48xlarge": 8}),
    "p6-b300": ("gpu", {"48xlarge": 8}),
    "p6e-gb200": ("gpu", {"36xlarge": 4}),
    "dl1": ("gaudi", {"24xlarge": 8}),
    "inf1": ("neuron", {"6xlarge": 4, "24xlarge": 16}),
    "inf2": ("neuronx", {"24xlarge": 6, "48xlarge": 12}),
    "trn1": ("neuronx", {"32xlarge": 16}),
    "trn1n": ("neuronx", {"32xlarge": 16}),
    "trn2": ("neuronx", {"48xlarge": 16}),
}


@pytest.mark.parametrize(
    ("use", "shape", "count"),
    [(Use.HOSTING, "ProductionVariantInstanceType", 277), (Use.TRANSFORM, "TransformInstanceType", 116)],
)
def test_the_names_are_those_of_botocores_service_model(use: Use, shape: str, count: int) -> None:
    assert instance_types(use) == tuple(sorted(SHAPES[shape]["enum"]))
    assert len(instance_types(use)) == count


@pytest.mark.parametrize("use", list(Use))
def test_every_name_is_read_with_its_architecture_and_memory(use: Use) -> None:
    names = instance_types(use)

    assert len(names) > 50
    for name in names:
        found = instance_type(name, use=use)
        assert f"ml.{found.family}.{found.size}" == found.name == name
        assert found.architecture in ("x86_64", "arm64")
        assert found.vcpus, name
        assert found.memory_gib, name
        assert use in found.uses


def test_every_accelerated_family_of_sagemaker_has_a_kind_and_a_count() -> None:
    found = {instance_type(name).family for name in instance_types() if instance_type(name).accelerator}
    assert found == set(ACCELERATED)
    for name in instance_types():
        if accelerator := instance_type(name).accelerator:
            kind, several = ACCELERATED[instance_type(name).family]
            assert (accelerator.kind, accelerator.count) == (kind, several.get(instance_type(name).size, 1)), name


def test_no_instance_without_accelerator_is_of_an_accelerated_family() -> None:
    for name in (*instance_types(), *ec2_instance_types()):
        found = instance_type(name) if name.startswith("ml.") else ec2_instance_type(name)
        if found.accelerator is None:
            assert not found.family.startswith(("g", "p", "inf", "trn", "dl")), name


def test_a_gpu_instance_says_what_it_has() -> None:
    found = instance_type("ml.g5.12xlarge")
    assert found.accelerator is not None
    assert (found.family, found.size, found.vcpus, found.memory_gib) == ("g5", "12xlarge", 48, 192)
    assert (found.accelerator.model, found.accelerator.count, found.device) == ("A10G", 4, Device.GPU)
    assert found.accelerator.total_memory_gib == pytest.approx(89.4, abs=0.1)


@pytest.mark.parametrize(
    ("name", "device", "cores"),
    [
        ("ml.inf1.xlarge", Device.NEURON, 4),
        ("ml.inf2.xlarge", Device.NEURONX, 2),
        ("ml.trn1.2xlarge", Device.NEURONX, 2),
    ],
)
def test_a_neuron_instance_names_its_images_device_and_its_cores(name: str, device: Device, cores: int) -> None:
    found = instance_type(name)
    assert found.device is device
    assert found.accelerator is not None
    assert found.accelerator.cores == cores


@pytest.mark.parametrize("name", ["ml.c7g.large", "ml.m8g.medium", "ml.r7gd.xlarge", "ml.p6e-gb200.36xlarge"])
def test_graviton_and_grace_are_arm(name: str) -> None:
    assert instance_type(name).architecture == "arm64"


def test_only_the_t_families_are_burstable() -> None:
    assert {instance_type(n).family for n in instance_types() if instance_type(n).burstable} == {"t2"}
    assert ec2_instance_type("t3.large").burstable
    assert not instance_type("ml.c6i.large").burstable


def test_ec2_has_the_types_that_sagemaker_lacks() -> None:
    found = ec2_instance_type("g5g.xlarge")
    assert (found.name, found.architecture, found.device, found.uses) == (
        "g5g.xlarge",
        "arm64",
        Device.GPU,
        frozenset(),
    )
    assert {"g4dn", "g5", "g6", "g6e", "g7", "g7e", "p4d", "p5", "inf1", "inf2", "trn1", "trn1n", "trn2"} <= {
        ec2_instance_type(name).family for name in ec2_instance_types()
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c6i.large", "'c6i.large' lacks the prefix 'ml.'; did you mean 'ml.c6i.large'?"),
        (
            "ml.g5.3xlarge",
            "'ml.g5.3xlarge' is not a SageMaker instance type for hosting; did you mean 'ml.g5.xlarge', ",
        ),
        (
            "ml.t3.medium",
            "'ml.t3.medium' is not a SageMaker instance type for hosting (SageMaker has it for training only)",
        ),
        (
            "ml.t3.nano",
            "'ml.t3.nano' is not a SageMaker instance type for hosting (EC2 has it, SageMaker does not)",
        ),
        ("", "'' is not a SageMaker instance type for hosting"),
        ("ml_c5", "'ml_c5' is not a SageMaker instance type for hosting"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest_ones(name: str, message: str) -> None:
    with pytest.raises(InstanceTypeError) as caught:
        instance_type(name)
    assert str(caught.value).startswith(message)


def test_a_hosting_type_that_batch_transform_lacks_is_refused_for_it() -> None:
    with pytest.raises(InstanceTypeError, match=r"for batch transform \(SageMaker has it for hosting only\)") as caught:
        instance_type("ml.c8g.large", use=Use.TRANSFORM)
    assert all(name in instance_types(Use.TRANSFORM) for name in caught.value.alternatives)


def test_a_type_is_looked_up_for_training() -> None:
    assert instance_type("ml.t3.medium", use=Use.TRAINING).uses == {Use.TRAINING}
    with pytest.raises(
        InstanceTypeError, match=r"for training \(SageMaker has it for hosting and batch transform only\)"
    ):
        instance_type("ml.inf2.xlarge", use=Use.TRAINING)


def test_a_sagemaker_name_is_refused_for_ec2() -> None:
    with pytest.raises(InstanceTypeError, match=r"'ml.g5.xlarge' is SageMaker's name; did you mean 'g5.xlarge'\?"):
        ec2_instance_type("ml.g5.xlarge")


def test_a_type_newer_than_the_library_can_be_made_by_hand() -> None:
    assert InstanceType(name="ml.g9.2xlarge", architecture="x86_64").family == "g9"
