"""Variants and endpoint modes in the settings file: what is read, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.sagemaker import BacklogScaling, StepAdjustment
from constructs_lib.serving.models import OnnxModel
from stacks.settings import Settings, load_settings
from stacks.yaml_source import SettingsError

MODEL = "    model: {framework: container, image: example/mine:1}\n"
HEAD = "endpoints:\n  ranking:\n" + MODEL


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "sub" / "model" / "code"
    code.mkdir(parents=True)
    (code.parent / "model.onnx").write_bytes(b"weights")
    (code / "inference.py").write_text("def model_fn(directory): ...\n")


def read(text: str) -> Settings:
    file = Path("sub/inference.yaml")
    file.write_text(HEAD + text, encoding="utf-8")
    return load_settings(file)


def test_a_variant_has_its_own_model_beside_the_file() -> None:
    settings = read(
        "    variants:\n"
        "      - {name: A, instance_type: ml.c6i.large}\n"
        "      - name: B\n"
        "        instance_type: ml.c6i.large\n"
        "        model: {framework: onnx, artifact: model, entry_point: inference.py}\n"
    )

    variants = settings.endpoints["ranking"].variants
    assert variants is not None
    assert variants[0].model is None
    assert variants[1].model == OnnxModel(artifact="sub/model", entry_point="inference.py")


def test_every_mode_is_read() -> None:
    endpoint = read(
        "    instance_type: ml.c6i.large\n"
        "    async_inference: {output: 's3://their-bucket/out', autoscaling: {max: 3}}\n"
        "    data_capture: {destination: 's3://their-bucket/captured', csv_content_types: [text/csv]}\n"
        "    rollout: {strategy: canary, alarms: [mine]}\n"
        "    tags: {team: vision}\n"
        "    overrides: {endpoint: {Tags.0.Value: 1}}\n"
    ).endpoints["ranking"]

    assert endpoint.async_inference is not None
    assert endpoint.async_inference.autoscaling == BacklogScaling(max=3)
    assert endpoint.data_capture is not None
    assert endpoint.data_capture.csv_content_types == ("text/csv",)
    assert endpoint.rollout is not None
    assert endpoint.rollout.alarms == ("mine",)
    assert endpoint.tags == {"team": "vision"}
    assert endpoint.overrides is not None
    assert endpoint.overrides.endpoint == {"Tags.0.Value": 1}


def test_steps_are_read() -> None:
    endpoint = read(
        "    instance_type: ml.c6i.large\n"
        "    autoscaling:\n"
        "      max: 4\n"
        "      steps: [{name: Busy, metric: CPUUtilization, threshold: 80, steps: [{lower: 0, change: 1}]}]\n"
    ).endpoints["ranking"]

    assert endpoint.autoscaling is not None
    assert endpoint.autoscaling.steps[0].steps == (StepAdjustment(lower=0, change=1),)


BAD = {
    "no compute": (
        "    tags: {a: b}\n",
        ["sub/inference.yaml:2: endpoints.ranking.instance_type: is missing; give it, or 'variants', or 'serverless'"],
    ),
    "a variant's instance type": (
        "    variants:\n      - {name: A, instance_type: ml.c6i.large}\n      - {name: B, instance_type: ml.c6i.huge}\n",
        ["sub/inference.yaml:6: endpoints.ranking.variants.1.instance_type: "],
    ),
    "a variant's key": (
        "    variants:\n      - {name: A, instance_typ: ml.c6i.large}\n",
        [
            "sub/inference.yaml:5: endpoints.ranking.variants.0.instance_type: is missing",
            "sub/inference.yaml:5: endpoints.ranking.variants.0.instance_typ: is no key here; did you mean "
            "'instance_type'? choose one of instance_type, ",
        ],
    ),
    "a variant's model": (
        "    variants:\n      - name: A\n        instance_type: ml.c6i.large\n"
        "        model: {framework: onnx, artifact: nowhere, entry_point: inference.py}\n",
        ["sub/inference.yaml:7: endpoints.ranking.variants.0.model.artifact: does not exist: 'sub/nowhere'"],
    ),
    "a variant's framework": (
        "    variants:\n      - name: A\n        instance_type: ml.c6i.large\n        model: {framework: onxx}\n",
        ["sub/inference.yaml:7: endpoints.ranking.variants.0.model.framework: 'onxx' is no framework; did you mean"],
    ),
    "a variant's image on another device": (
        "    variants:\n      - name: A\n        instance_type: ml.c6i.large\n        model: {framework: container, "
        "image: '763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312'}\n",
        ["sub/inference.yaml:7: endpoints.ranking.variants.0.model.image: '763104351884.dkr"],
    ),
    "a burstable variant that scales": (
        "    variants:\n      - {instance_type: ml.t2.medium, autoscaling: {max: 2, invocations_per_instance: 1}}\n",
        ["sub/inference.yaml:5: endpoints.ranking.variants.0.autoscaling: does not work with 'ml.t2.medium'"],
    ),
    "a rollout that the variants exclude": (
        "    variants:\n      - {name: A, instance_type: ml.c6i.large}\n      - {name: B, instance_type: ml.c6i.large}\n"
        "    rollout: {strategy: rolling}\n",
        ["sub/inference.yaml:7: endpoints.ranking.rollout.strategy: 'rolling' works with one variant, got 2; choose"],
    ),
    "a strategy": (
        "    instance_type: ml.c6i.large\n    rollout: {strategy: slow}\n",
        [
            "sub/inference.yaml:5: endpoints.ranking.rollout.strategy: must be 'all_at_once', 'canary', 'linear' or 'rolling'"
        ],
    ),
    "an address": (
        "    instance_type: ml.c6i.large\n    data_capture: {destination: captured}\n",
        ["sub/inference.yaml:5: endpoints.ranking.data_capture.destination: must look like 's3://BUCKET/PREFIX'"],
    ),
    "a serverless size": (
        "    serverless: {memory_size_mb: 1}\n",
        ["sub/inference.yaml:4: endpoints.ranking.serverless.memory_size_mb: must be one of 1024, 2048"],
    ),
    "a step": (
        "    instance_type: ml.c6i.large\n    autoscaling:\n      max: 4\n"
        "      steps: [{name: Busy, metric: CPUUtilization, threshold: 80, steps: [{change: 1}]}]\n",
        ["sub/inference.yaml:7: endpoints.ranking.autoscaling.steps.0.steps.0.lower: and 'upper' are both missing"],
    ),
}


@pytest.mark.parametrize(("text", "beginnings"), BAD.values(), ids=BAD)
def test_fails_with_file_line_and_key(text: str, beginnings: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        read(text)

    lines = str(caught.value).splitlines()
    assert [line[: len(start)] for line, start in zip(lines, beginnings, strict=True)] == beginnings


def test_a_region_without_the_image_of_a_variant_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"region: 'ap-nowhere-1' has no registry"):
        read(
            "    variants:\n"
            "      - name: B\n"
            "        instance_type: ml.c6i.large\n"
            "        model: {framework: onnx, artifact: model, entry_point: inference.py}\n"
            "region: ap-nowhere-1\n"
        )
