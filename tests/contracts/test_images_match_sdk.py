"""Our image URIs are those of the SageMaker SDK's `image_uris.retrieve`, wherever both know the answer.

What `retrieve` answers is recorded in sdk_image_uris.json by scripts/record_image_uris.py, so that the comparison needs
no SDK. Where it is installed (dependency group `images`, `make images`), recording and catalogue are checked
against it as well. What differs on purpose is listed here, with the reason.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.serving.images import Device, Image, find_image, images
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.regions import RegionError

ROOT = Path(__file__).parents[2]
RECORDED: dict[str, Any] = json.loads((ROOT / "tests/contracts/sdk_image_uris.json").read_text(encoding="utf-8"))
NAMES = {
    "djl-neuronx": "djl-lmi",
    "inferentia-mxnet": "neo-mxnet",
    "inferentia-pytorch": "neo-pytorch",
    "inferentia-tensorflow": "neo-tensorflow",
    "pytorch-amzn2023": "pytorch",
    "sagemaker-tritonserver": "triton",
}
DEVICES = {
    "djl-lmi": Device.GPU,
    "djl-neuronx": Device.NEURONX,
    "huggingface-neuron": Device.NEURON,
    "huggingface-neuronx": Device.NEURONX,
    "inferentia-mxnet": Device.NEURON,
    "inferentia-pytorch": Device.NEURON,
    "inferentia-tensorflow": Device.NEURON,
}
FLOATING = "the version floats over the minor ones: the same template would deploy different images"
NO_REGION = "AWS has no such region"
NOT_A_VERSION = "'latest' is a moving name, and the SDK's is not even the newest; None finds the newest"
NEO_NAME = "the SDK maps the framework's version to the Neo compiler's; ours names the image's own version"
LISTED = "AWS lists 1.5.1 for inference (available_images.md), which the SDK's tables lack"

# (framework, version) that the SDK has and the catalogue leaves out.
LEFT_OUT = {("ray-serve", "1"): FLOATING, ("sglang-server", "1"): FLOATING, ("vllm-server", "2"): FLOATING}
LEFT_OUT_REGIONS = {"sa-west-1": NO_REGION}
# Abbreviated versions that lead elsewhere, by framework and abbreviation ("" for all of them).
ALIASES = {
    ("*", "latest"): NOT_A_VERSION,
    ("neo-mxnet", ""): NEO_NAME,
    ("neo-pytorch", ""): NEO_NAME,
    ("neo-tensorflow", ""): NEO_NAME,
    ("pytorch", "1.5"): LISTED,
}
# What the SDK refuses, by framework and instance type, and what the catalogue answers (AWS lists the image).
ANSWERED = {
    ("tensorflow", "ml.c7g.large"): "tensorflow-inference-arm64:2.19.0-cpu-py312-ubuntu22.04-sagemaker",
    ("pytorch", "ml.inf2.xlarge"): "pytorch-inference-neuronx:2.8.0-neuronx-py311-sdk2.26.1-ubuntu22.04",
    ("tensorflow", "ml.inf2.xlarge"): "tensorflow-inference-neuronx:2.10.1-neuronx-py310-sdk2.17.0-ubuntu20.04",
}


def ours(asked: dict[str, Any]) -> Image:
    framework = asked["framework"]
    name = f"huggingface-{asked['base'].rstrip('.0123456789')}" if asked["base"] else NAMES.get(framework, framework)
    name = f"{name}-training" if asked["scope"] == "training" else name
    device = Device.EIA if asked["scope"] == "eia" else DEVICES.get(framework) or Device(asked["processor"])
    return find_image(
        name,
        asked["version"],
        device=device,
        architecture="arm64" if asked["scope"] == "inference_graviton" else "x86_64",
        python=asked["python"],
        base=asked["base"],
    )


def test_every_uri_of_the_sdk_is_ours_in_every_region() -> None:
    compared = 0
    for asked in RECORDED["images"]:
        if (asked["framework"], asked["version"]) in LEFT_OUT:
            continue
        image = ours(asked)
        hosts = RECORDED["hosts"][asked["hosts"]]
        for region, host in hosts.items():
            if region not in LEFT_OUT_REGIONS:
                assert image.uri(region) == f"{host}/{asked['path']}", asked
                compared += 1
    assert compared > 13_000


def test_an_image_is_in_no_region_that_the_sdk_does_not_give() -> None:
    for asked in RECORDED["images"]:
        if (asked["framework"], asked["version"]) not in LEFT_OUT:
            assert set(ours(asked).accounts()) == set(RECORDED["hosts"][asked["hosts"]]) - set(LEFT_OUT_REGIONS), asked


def test_the_sdk_answered_everything_that_was_asked() -> None:
    assert [asked for asked in RECORDED["images"] if "error" in asked] == []


def test_an_abbreviated_version_leads_to_the_sdks_full_one() -> None:
    compared = 0
    for framework, alias, version in RECORDED["aliases"]:
        if {(framework, alias), (framework, ""), ("*", alias)} & set(ALIASES):
            continue
        for asked in RECORDED["images"]:
            if (asked["framework"], asked["version"]) == (framework, version):
                assert ours({**asked, "version": alias}).version == version, (framework, alias)
                compared += 1
    assert compared > 100


def test_the_listed_release_that_the_sdk_lacks_is_found_by_its_abbreviation() -> None:
    assert find_image("pytorch", "1.5", device=Device.GPU).tag == "1.5.1-gpu-py36-cu101-ubuntu16.04"


@pytest.mark.parametrize("left_out", sorted(LEFT_OUT))
def test_a_floating_version_finds_the_newest_of_its_minor_ones(left_out: tuple[str, str]) -> None:
    framework, version = left_out
    found = find_image(framework, version, device=Device.GPU)
    assert found.version.startswith(f"{version}.")
    assert found.tag.endswith(f"v{found.version}")


def test_the_sdks_region_that_is_none_is_refused() -> None:
    image = find_image("djl-lmi", device=Device.NEURONX)
    with pytest.raises(RegionError):
        image.uri("sa-west-1")


@pytest.mark.parametrize("refused", RECORDED["refused"], ids=lambda r: f"{r['framework']} on {r['instance_type']}")
def test_what_the_sdk_refuses_is_answered_with_the_listed_image(refused: dict[str, str]) -> None:
    assert refused["error"] == "ValueError"
    instance = instance_type(refused["instance_type"])
    found = find_image(
        refused["framework"], refused["version"], device=instance.device, architecture=instance.architecture
    )
    assert f"{found.repository}:{found.tag}" == ANSWERED[refused["framework"], instance.name]


def test_the_catalogue_and_the_recording_are_of_one_version_of_the_sdk() -> None:
    text = (ROOT / "constructs_lib/serving/images.json").read_text(encoding="utf-8")
    assert json.loads(text)["source"] == RECORDED["source"]


def test_there_are_images_for_every_framework_that_the_library_serves() -> None:
    assert {"tensorflow", "pytorch", "huggingface-pytorch", "mxnet", "triton", "djl-lmi", "vllm-server"} <= {
        image.framework for image in images()
    }


@pytest.mark.skipif(
    importlib.util.find_spec("sagemaker") is None,
    reason="sagemaker-core is not installed (dependency group 'images'); `make images` runs this",
)
@pytest.mark.parametrize("script", ["refresh_images", "record_image_uris"])
def test_the_files_are_what_the_installed_sdk_gives(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.{script}", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
