"""The image catalogue: what is found, what is said when nothing is, and where images are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from botocore.loaders import Loader

from constructs_lib.serving import images as catalogue
from constructs_lib.serving.images import (
    Device,
    ImageNotFoundError,
    Platform,
    as_of,
    find_image,
    images,
    newest_patched,
)
from constructs_lib.serving.regions import RegionError, dns_suffix, partition


def test_the_newest_version_is_found_when_none_is_asked_for() -> None:
    assert find_image("pytorch", device=Device.GPU).version == "2.6.0"
    assert find_image("tensorflow", device=Device.CPU).version == "2.20.0"


@pytest.mark.parametrize(
    ("asked", "found"), [("2.6", "2.6.0"), ("2.6.0", "2.6.0"), ("1.13", "1.13.1"), ("1", "1.13.1"), ("2.0.0", "2.0.0")]
)
def test_a_partial_version_is_its_newest_release(asked: str, found: str) -> None:
    assert find_image("pytorch", asked, device=Device.CPU).version == found


def test_a_version_is_matched_by_its_numbers_and_not_by_its_letters() -> None:
    assert find_image("tensorflow", "2.1", device=Device.GPU).version == "2.1.3"  # not 2.18.0
    with pytest.raises(ImageNotFoundError):
        find_image("tensorflow", "2.2.", device=Device.GPU)


def test_the_uri_names_account_region_suffix_and_the_full_version() -> None:
    image = find_image("pytorch", "2.6", device=Device.GPU)
    assert image.uri("us-east-1") == ("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312")
    assert image.uri("cn-north-1") == (
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-inference:2.6.0-gpu-py312"
    )
    assert image.full_tag == "2.6.0-gpu-py312-cu124-ubuntu22.04-sagemaker"
    assert image.cuda == "cu124"


# The nine regions that aws-cdk-lib 2.275.0's DLC_REPOSITORY_ACCOUNT lacks, and the accounts in them.
@pytest.mark.parametrize(
    ("region", "account"),
    [
        ("af-south-1", "626614931356"),
        ("ap-northeast-3", "364406365360"),
        ("ap-southeast-5", "550225433462"),
        ("ap-southeast-7", "590183813437"),
        ("ca-west-1", "204538143572"),
        ("il-central-1", "780543022126"),
        ("mx-central-1", "637423239942"),
        ("us-gov-east-1", "446045086412"),
        ("us-gov-west-1", "442386744353"),
    ],
)
def test_regions_that_the_cdk_lacks_have_an_account(region: str, account: str) -> None:
    assert find_image("pytorch", device=Device.CPU).accounts()[region] == account


def test_a_region_without_a_registry_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        RegionError, match=r"^'us-east-3' has no registry with the image 'pytorch-inference:2.6.0-cpu-py"
    ) as e:
        find_image("pytorch", device=Device.CPU).uri("us-east-3")
    assert "did you mean 'us-east-" in str(e.value)
    assert "eu-west-1" in e.value.alternatives


def test_an_image_that_a_region_lacks_is_refused_there_alone() -> None:
    image = find_image("pytorch", "1.5.1", device=Device.EIA)
    assert len(image.accounts()) == 12
    with pytest.raises(RegionError):
        image.uri("eu-north-1")
    assert find_image("pytorch", "1.5.1", device=Device.CPU).uri("eu-north-1")


def test_the_account_table_cannot_be_changed_by_a_caller() -> None:
    with pytest.raises(TypeError):
        find_image("pytorch", device=Device.CPU).accounts()["us-east-1"] = "1"  # type: ignore[index]


# Framework, version ("-": the newest), device, platform, and what is found. chapter.md E3, E5, S7, S9; issues 3 and 5.
WANTED = """\
tensorflow 2.1.0 gpu kubernetes tensorflow-inference:2.1.0-gpu-py36-cu101-ubuntu18.04
tensorflow 1.15.4 neuron kubernetes tensorflow-inference-neuron:1.15.4-neuron-py37-ubuntu18.04
tensorflow 2.18 gpu kubernetes tensorflow-inference:2.18.0-gpu-py310-cu122-ubuntu20.04-ec2
tensorflow 2.3 eia sagemaker tensorflow-inference-eia:2.3.0-cpu
pytorch 1.11.0 gpu sagemaker pytorch-inference:1.11.0-gpu-py38
pytorch 1.13 neuron sagemaker pytorch-inference-neuron:1.13.1-neuron-py310-sdk2.20.2-ubuntu20.04
pytorch 2.6 cpu kubernetes pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-ec2
pytorch 2.9 neuronx kubernetes pytorch-inference-neuronx:2.9.0-neuronx-py312-sdk2.31.1-ubuntu24.04
triton 26.05 cpu sagemaker sagemaker-tritonserver:26.05-py3-cpu
triton 26.05 gpu sagemaker sagemaker-tritonserver:26.05-py3
djl-lmi - gpu sagemaker djl-inference:0.38.0-lmi29.0.0-cu130
vllm-server - gpu sagemaker vllm:server-sagemaker-cuda-v2.6
vllm-server 2.6 gpu kubernetes vllm:server-cuda-v2.6
vllm-neuronx - neuronx kubernetes pytorch-inference-vllm-neuronx:0.24.0.1.1.0-neuronx-py313-sdk2.32.0-ubuntu24.04
mxnet - cpu kubernetes mxnet-inference:1.9.0-cpu-py38-ubuntu20.04-ec2
neo-tensorflow 2.9.2 cpu sagemaker sagemaker-inference-tensorflow:2.9.2-cpu-py3
neo-pytorch 1.9 neuron sagemaker sagemaker-neo-pytorch:1.9-inf-py3
"""


@pytest.mark.parametrize("wanted", WANTED.splitlines())
def test_the_images_of_the_chapter_and_of_its_successors_are_there(wanted: str) -> None:
    framework, version, device, platform, path = wanted.split()
    asked = None if version == "-" else version
    image = find_image(framework, asked, device=Device(device), platform=Platform(platform))
    assert f"{image.repository}:{image.tag}" == path


def test_an_image_for_arm_is_found_by_its_architecture() -> None:
    image = find_image("pytorch", "2.6", device=Device.CPU, architecture="arm64")
    assert f"{image.repository}:{image.tag}" == "pytorch-inference-arm64:2.6.0-cpu-py312-ubuntu22.04-sagemaker"


def test_hugging_face_is_found_by_transformers_and_base_framework() -> None:
    newest = find_image("huggingface-pytorch", "4.6", device=Device.GPU)
    older = find_image("huggingface-pytorch", "4.6", device=Device.GPU, base="pytorch1.7")
    assert (newest.base, older.base) == ("pytorch1.8.1", "pytorch1.7.1")
    assert older.tag == "1.7.1-transformers4.6.1-gpu-py36-cu110-ubuntu18.04"


def test_the_public_gallery_needs_no_region() -> None:
    image = find_image("pytorch", device=Device.GPU, platform=Platform.KUBERNETES)
    assert image.public_uri == (
        "public.ecr.aws/deep-learning-containers/pytorch-inference:2.6.0-gpu-py312-cu124-ubuntu22.04-ec2"
    )
    assert find_image("pytorch", "1.11", device=Device.GPU).public_uri is None


def test_a_version_without_an_image_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        find_image("pytorch", "1.14", device=Device.GPU)
    assert str(caught.value) == (
        "'1.14' is not a PyTorch version with an inference image for gpu on SageMaker; choose one of "
        "2.6.0, 2.5.1, 2.4.0, 2.3.0, 2.2.0, 2.1.0, 2.0.1, 2.0.0 and 20 older, or set 'image'"
    )
    assert caught.value.alternatives[0] == "2.6.0"
    assert len(caught.value.alternatives) == 28


def test_a_version_that_has_an_image_elsewhere_says_where() -> None:
    with pytest.raises(ImageNotFoundError, match=r"\(PyTorch 2.6.0 has an image for cpu \(arm64\) on Kubernetes, "):
        find_image("pytorch", "2.6.0", device=Device.NEURON)
    with pytest.raises(
        ImageNotFoundError, match=r"TensorFlow 2.20 has an image for cpu on SageMaker, gpu on SageMaker"
    ):
        find_image("tensorflow", "2.20", device=Device.CPU, platform=Platform.KUBERNETES)


def test_a_device_without_any_image_is_refused_with_those_that_have_some() -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        find_image("vllm-server", device=Device.CPU)
    assert str(caught.value) == (
        "vLLM server has no inference image for cpu on SageMaker; it has them for gpu on SageMaker; or set 'image'"
    )


def test_the_images_that_train_are_found_beside_those_that_serve() -> None:
    trained = find_image("pytorch-training", "2.10", device=Device.GPU)
    assert trained.uri("us-east-1").endswith("amazonaws.com/pytorch-training:2.10.0-gpu-py313")
    assert find_image("pytorch-training", device=Device.CPU).tag == "2.14-cpu-amzn2023-sagemaker"
    assert find_image("tensorflow-training", "2.19", device=Device.CPU).tag == "2.19.0-cpu-py312"


def test_a_version_without_a_training_image_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(
        ImageNotFoundError,
        match=r"^'3\.0' is not a TensorFlow version with a training image for cpu on SageMaker; choose one of 2\.21\.0, ",
    ):
        find_image("tensorflow-training", "3.0", device=Device.CPU)
    with pytest.raises(ImageNotFoundError, match=r"^PyTorch has no training image for neuronx on SageMaker; it has"):
        find_image("pytorch-training", device=Device.NEURONX)


def test_an_unknown_framework_is_refused_with_the_nearest() -> None:
    with pytest.raises(ImageNotFoundError, match=r"^'pytroch' is not a framework .* did you mean 'pytorch'"):
        find_image("pytroch", device=Device.CPU)


def test_a_python_that_a_version_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(ImageNotFoundError, match=r"'py38' is not a python of PyTorch 2.6.0 .* choose one of py312, or"):
        find_image("pytorch", "2.6", device=Device.CPU, python="py38")


def test_end_of_patch_is_compared_with_a_day_that_is_given() -> None:
    image = find_image("pytorch", "2.6", device=Device.CPU)
    assert image.end_of_patch == date(2026, 6, 30)
    assert not image.is_past_end_of_patch(date(2026, 6, 30))
    assert image.is_past_end_of_patch(date(2026, 7, 1))
    assert image.is_past_end_of_patch(as_of())
    assert not find_image("tensorflow", "2.20", device=Device.CPU).is_past_end_of_patch(as_of())


def test_a_version_older_than_all_that_aws_lists_is_past_its_end_of_patch() -> None:
    assert find_image("tensorflow", "2.1", device=Device.CPU).is_past_end_of_patch(as_of())
    assert find_image("pytorch", "1.3.1", device=Device.EIA).is_past_end_of_patch(as_of())


def test_an_image_for_which_aws_gives_no_date_is_not_past_it() -> None:
    image = find_image("triton", device=Device.GPU)
    assert image.end_of_patch is None
    assert not image.is_past_end_of_patch(date(2099, 1, 1))


@pytest.mark.parametrize("device", [Device.CPU, Device.GPU])
def test_the_successor_of_an_image_is_for_the_same_device(device: Device) -> None:
    assert newest_patched(find_image("tensorflow", "2.19", device=device)) == find_image(
        "tensorflow", "2.20", device=device
    )


@pytest.mark.parametrize(
    ("framework", "version", "architecture"),
    [("tensorflow", "2.20", "x86_64"), ("pytorch", "2.5", "x86_64"), ("tensorflow", "2.19", "arm64")],
    ids=["it is the newest", "none is patched", "none is patched for Arm"],
)
def test_an_image_has_no_successor(framework: str, version: str, architecture: str) -> None:
    assert newest_patched(find_image(framework, version, device=Device.CPU, architecture=architecture)) is None


def test_every_image_is_whole() -> None:
    for image in images():
        assert image.accounts()["us-east-1"].isdigit()
        assert len(image.accounts()["us-east-1"]) == 12
        assert image.full_tag
        assert image.repository
        if "-neuron" in image.repository:
            assert image.device in (Device.NEURON, Device.NEURONX)
        if image.device is Device.CPU:
            assert image.cuda is None, image


def test_no_two_images_answer_one_question() -> None:
    keys = [(i.framework, i.version, i.base, i.python, i.device, i.architecture, i.platform) for i in images()]
    assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]


def test_every_region_has_the_suffix_that_botocore_gives() -> None:
    partitions = Loader().load_data("partitions")["partitions"]
    regions = {region for image in images() for region in image.accounts()}
    assert len(regions) >= 45
    for region in regions:
        found = next(part for part in partitions if re.match(part["regionRegex"], region))
        assert (dns_suffix(region), partition(region)) == (found["outputs"]["dnsSuffix"], found["id"]), region


def test_the_file_is_small_and_has_one_image_per_line() -> None:
    text = Path(catalogue.__file__).with_name("images.json").read_text(encoding="utf-8")
    assert len(text) < 250_000
    assert sum(line.startswith('  {"framework"') for line in text.splitlines()) == len(json.loads(text)["images"])


def test_importing_the_catalogue_reads_no_file_and_no_other_package() -> None:
    code = (
        "import sys; from constructs_lib.serving import images, instances\n"
        "assert not images._catalogue.cache_info().currsize and not instances._types.cache_info().currsize\n"
        "print([m for m in ('aws_cdk', 'cdk8s', 'boto3', 'botocore', 'jsii', 'yaml', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
