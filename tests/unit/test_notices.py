"""What is said about images and instances that are past their time."""

from __future__ import annotations

import pytest

from constructs_lib.serving.images import Device, find_image, image_at, images
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.notices import Notice, notices

ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


def said(image: str, instance: str = "ml.c6i.large") -> list[Notice]:
    return list(notices(image, instance_type(instance)))


def test_the_newest_pytorch_image_is_past_its_date_and_has_no_successor() -> None:
    image = find_image("pytorch", device=Device.CPU)

    assert list(notices(image, instance_type("ml.c6i.large"))) == [
        Notice(
            "inference:image-end-of-patch",
            "AWS ended security patches of the image 'pytorch-inference:2.6.0-cpu-py312' on 2026-06-30; it patches no "
            "newer one for cpu on x86_64: set 'image' to one that you keep patched, or acknowledge this warning",
        )
    ]


def test_a_successor_is_named_with_what_to_do() -> None:
    image = find_image("tensorflow", "2.19", device=Device.GPU)

    assert list(notices(image, instance_type("ml.g5.xlarge"))) == [
        Notice(
            "inference:image-end-of-patch",
            "AWS ended security patches of the image 'tensorflow-inference:2.19.0-gpu' on 2026-03-11; a newer one is "
            "'tensorflow-inference:2.20.0-gpu-py312' (patched until 2027-08-20): set 'version' to '2.20.0', or leave it out",
        )
    ]


def test_a_gpu_that_is_newer_than_the_images_cuda_is_warned_of() -> None:
    old = f"{ECR}/tensorflow-inference:2.1.0-gpu-py36-cu101-ubuntu18.04"

    (_, notice) = said(old, "ml.g5.xlarge")
    assert notice == Notice(
        "inference:gpu-newer-than-cuda",
        "the image 'tensorflow-inference:2.1.0-gpu-py36-cu101-ubuntu18.04' is built with CUDA 10.1, which does not know "
        "the A10G: run it on a T4 (g4dn), or choose a newer 'version'",
    )
    assert [notice.id for notice in said(old, "ml.g4dn.xlarge")] == ["inference:image-end-of-patch"]
    newer = f"{ECR}/tensorflow-inference:2.18.0-gpu-py310-cu122-ubuntu20.04-ec2"
    assert [notice.id for notice in said(newer, "ml.g5.xlarge")] == ["inference:image-end-of-patch"]


def test_nothing_is_said_of_an_image_that_is_patched_or_has_no_date() -> None:
    assert list(notices(find_image("tensorflow", device=Device.CPU), instance_type("ml.c6i.large"))) == []
    assert list(notices(find_image("vllm", device=Device.GPU), instance_type("ml.g5.xlarge"))) == []


@pytest.mark.parametrize("uri", ["example/mine:1", f"{ECR}/mine:1", "${Token[TOKEN.7]}", f"{ECR}/pytorch-inference:9"])
def test_nothing_is_said_of_an_image_that_is_not_in_the_catalogue(uri: str) -> None:
    assert image_at(uri) is None
    assert said(uri) == []


def test_an_image_given_by_its_address_is_found_in_any_region() -> None:
    (notice,) = said("763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.5.1-cpu-py311")
    assert notice.id == "inference:image-end-of-patch"
    assert "'pytorch-inference:2.5.1-cpu-py311' on 2025-10-29" in notice.message


def test_an_image_is_found_by_its_full_tag_in_the_public_gallery() -> None:
    image = next(image for image in images() if image.public_uri and image.full_tag != image.tag)

    assert image.public_uri is not None
    found = image_at(image.public_uri)
    assert found is not None
    assert (found.repository, found.full_tag) == (image.repository, image.full_tag)


def test_inferentia_of_the_first_generation_is_said_to_be_retired() -> None:
    (notice,) = said("example/mine:1", "ml.inf1.xlarge")

    assert notice == Notice(
        "inference:inf1-retired",
        "'ml.inf1.xlarge' is Inferentia of the first generation, for which AWS makes no new software: compile the model "
        "for Inferentia2 (such as 'ml.inf2.xlarge'), or use a GPU instance (such as 'ml.g5.xlarge')",
    )


def test_an_elastic_inference_image_is_said_to_be_retired() -> None:
    image = find_image("tensorflow", "2.3", device=Device.EIA)
    found = {notice.id: notice.message for notice in notices(image, instance_type("ml.c6i.large"))}

    assert sorted(found) == ["inference:elastic-inference-retired", "inference:image-end-of-patch"]
    assert found["inference:elastic-inference-retired"].startswith(f"the image '{image.repository}:{image.tag}' needs")
