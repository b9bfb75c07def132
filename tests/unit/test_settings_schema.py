"""The JSON Schema of the settings: what an editor completes, explains and marks as wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.jsonschema import StandardValidator

from constructs_lib.serving.models import OnnxModel
from stacks.settings import json_schema
from stacks.settings_schema import attribute_meanings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def wrong_places(schema: dict[str, Any], text: str) -> list[str]:
    return [".".join(map(str, error.path)) for error in StandardValidator(schema).iter_errors(yaml.safe_load(text))]


def test_every_key_is_explained(schema: dict[str, Any]) -> None:
    unexplained = [
        f"{name}.{key}"
        for name, part in {"Settings": schema, **schema["$defs"]}.items()
        for key, definition in part["properties"].items()
        if "description" not in definition and key not in ("framework", "kind")
    ]

    assert unexplained == []


def test_the_meaning_of_a_key_is_that_of_its_docstring(schema: dict[str, Any]) -> None:
    assert schema["$defs"]["OnnxModel"]["properties"]["py_version"]["description"] == (
        'Python of the image, such as `"py312"`. Left out: the newest that the version comes with.'
    )
    assert schema["$defs"]["OnnxModel"]["description"].startswith("An ONNX model, run by `onnxruntime` in the PyTorch")


def test_a_key_with_a_default_says_what_null_means(schema: dict[str, Any]) -> None:
    meanings = {key: part["description"] for key, part in schema["$defs"]["Monitoring"]["properties"].items()}

    assert meanings["cpu_percent"].endswith(" `null`: no alarm.")
    assert meanings["gpu_memory_percent"].partition(" Left out: ")[2].startswith("no alarm, ")


def test_a_class_has_the_attributes_of_its_bases() -> None:
    assert list(attribute_meanings(OnnxModel)) == [
        "artifact", "image", "environment", "network_isolation", "vpc", "artifact_kms_key_arn",
            "additional_model_data_sources",
        "version", "py_version", "entry_point", "source_dir", "compile", "compiled_for", "server", "max_batch_size",
    ]  # fmt: skip


def test_the_default_file_is_valid(schema: dict[str, Any]) -> None:
    assert wrong_places(schema, (ROOT / "inference.yaml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("endpoints: {a: {instance_type: ml.m5.large}}", "endpoints.a"),
        ("endpoints: {a: {model: {artifact: x}, instance_type: ml.m5.large}}", "endpoints.a.model"),
        ("endpoints: {a: {model: {framework: onnx, artefact: x}, instance_type: ml.m5.large}}", "endpoints.a.model"),
        ("endpoints: {}\nregoin: us-east-1", "regoin"),
    ],
)
def test_an_editor_marks_what_is_wrong(schema: dict[str, Any], text: str, place: str) -> None:
    assert wrong_places(schema, text) == [place]
