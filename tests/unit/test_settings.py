"""Settings files become values, or errors that say file, line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from settings_files import DIGITS, FILE, changed, load, refusal, write_model

from constructs_lib.sagemaker import Autoscaling
from constructs_lib.serving.models import ContainerModel, OnnxModel
from stacks.settings import EndpointSettings, Settings, load_settings
from stacks.yaml_source import SettingsError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a model that is right."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path)


def test_the_file_becomes_values() -> None:
    assert load(DIGITS) == Settings(
        endpoints={
            "digits": EndpointSettings(
                model=OnnxModel(artifact="model", entry_point="inference.py"),
                instance_type="ml.c6i.large",
                instance_count=1,
                autoscaling=Autoscaling(min=1, max=4, invocations_per_instance=600),
            )
        }
    )


def test_what_is_left_out_has_its_default() -> None:
    endpoint = load(
        "endpoints: {a: {model: {framework: container, image: mine}, instance_type: ml.m5.large}}"
    ).endpoints["a"]

    assert endpoint == EndpointSettings(model=ContainerModel(image="mine"), instance_type="ml.m5.large")
    assert (endpoint.instance_count, endpoint.autoscaling) == (None, None)


def test_relative_paths_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FILE.write_text(DIGITS, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    settings = load_settings(Path("..") / FILE)

    assert settings.endpoints["digits"].model.artifact == str(Path("../model"))


def test_the_region_of_the_file_comes_before_that_of_the_profile() -> None:
    assert load(f"region: eu-west-1\n{DIGITS}", region="us-east-1").region == "eu-west-1"
    assert load(DIGITS, region="us-east-1").region == "us-east-1"
    assert load(DIGITS).region is None


def test_fails_at_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match=r"^other\.yaml: there is no such file; name one with '-c settings=FILE'$"):
        load_settings(Path("other.yaml"))


def test_fails_at_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r": cannot be read: Is a directory$"):
        load_settings(tmp_path)


def test_fails_at_an_empty_artifact(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()

    assert refusal(changed("artifact: model", "artifact: nothing")) == [
        "inference.yaml:3: endpoints.digits.model.artifact: is an empty directory: 'nothing'; put the model's files into it"
    ]


def test_fails_at_an_archive_that_is_empty(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").touch()

    assert refusal(changed("artifact: model", "artifact: model.tar.gz")) == [
        "inference.yaml:3: endpoints.digits.model.artifact: is an empty file: 'model.tar.gz'"
    ]


def test_fails_at_a_symlink_that_leaves_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model" / "link").symlink_to("/etc/hostname")

    assert refusal(DIGITS) == [
        "inference.yaml:3: endpoints.digits.model.artifact: model/link: is a symlink to '/etc/hostname', outside of "
        "'model', where others do not have it; put the file itself in its place (`cp -rL` copies a tree so)"
    ]


def test_fails_at_a_region_without_a_registry() -> None:
    (message,) = refusal(DIGITS + "region: us-eats-1\n")

    assert message.startswith(
        "inference.yaml:7: region: 'us-eats-1' has no registry with the image 'pytorch-inference:2.6.0-cpu-py312'; did "
        "you mean 'us-east-1'? It is in af-south-1, ap-east-1, "
    )
    assert message.endswith(", us-west-1, us-west-2")


def test_fails_at_a_region_of_the_profile_without_a_registry() -> None:
    (message,) = refusal(DIGITS, region="us-eats-1")

    assert message.startswith("inference.yaml: region: 'us-eats-1' has no registry with the image ")
    assert message.endswith("; the region is that of your AWS profile: set 'region' to deploy to another")


def test_an_image_of_your_own_may_be_deployed_to_any_region() -> None:
    text = (
        "endpoints: {a: {model: {framework: container, image: mine}, instance_type: ml.m5.large}}\nregion: xx-new-1\n"
    )

    assert load(text).region == "xx-new-1"


def test_fails_with_all_problems_in_the_order_of_the_file() -> None:
    messages = refusal(
        """\
regoin: us-east-1
endpoints:
  my_digits:
    model: {framework: onnx, artifact: gone, version: 2.6}
    instance_type: c6i.large
  other:
    model: {framework: onnx, artifact: gone}
    instance_count: 1
    instance_type: ml.c6i.huge
    autoscaling: {min: 3, max: 2, invocations_per_instance: 10}
  third:
    model: {framework: pytorch, artifact: model, version: '3.0'}
    instance_type: ml.c6i.large
    instance_count: many
    replicas: 2
region: us-eats-1
"""
    )

    assert [message.split(": ")[:2] for message in messages] == [
        ["inference.yaml:1", "regoin"],
        ["inference.yaml:3", "endpoints.my_digits"],
        ["inference.yaml:4", "endpoints.my_digits.model.version"],
        ["inference.yaml:5", "endpoints.my_digits.instance_type"],
        ["inference.yaml:7", "endpoints.other.model.artifact"],
        ["inference.yaml:9", "endpoints.other.instance_type"],
        ["inference.yaml:10", "endpoints.other.autoscaling.max"],
        ["inference.yaml:14", "endpoints.third.instance_count"],
        ["inference.yaml:15", "endpoints.third.replicas"],
    ]


def test_the_region_is_checked_once_the_endpoints_are_right() -> None:
    messages = refusal(changed("instance_count: 1", "instance_count: 0") + "region: us-eats-1\n")

    assert [message.split(": ")[1] for message in messages] == ["endpoints.digits.instance_count"]


def test_settings_that_are_made_in_code_keep_the_same_rules() -> None:
    with pytest.raises(
        ValueError, match=r"^EndpointSettings: 'instance_type' 'c6i\.large' lacks the prefix 'ml\.'; did you"
    ):
        EndpointSettings(model=ContainerModel(image="mine"), instance_type="c6i.large")
    with pytest.raises(ValueError, match=r"^Settings: 'endpoints' is empty; give at least one endpoint$"):
        Settings(endpoints={})
