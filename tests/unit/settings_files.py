"""A settings file that is right, to change and to read."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from constructs_lib.serving.models import OnnxModel
from stacks.settings import EndpointSettings, Settings, json_schema, load_settings
from stacks.yaml_source import SettingsError

FILE = Path("inference.yaml")
DIGITS = """\
endpoints:
  digits:
    model: {framework: onnx, artifact: model, entry_point: inference.py}
    instance_type: ml.c6i.large
    instance_count: 1
    autoscaling: {min: 1, max: 4, invocations_per_instance: 600}
"""
FRAMEWORKS = "tensorflow, pytorch, onnx, huggingface, llm, container, model-package, multi-model, multi-container"
ENDPOINT_KEYS = ", ".join(field.name for field in fields(EndpointSettings))
ONNX_KEYS = ", ".join(field.name for field in fields(OnnxModel))


def meaning(kind: str, key: str) -> str:
    """Give what the schema says of a key, up to what becomes of it when left out."""
    said: str = json_schema()["$defs"][kind]["properties"][key]["description"]
    for rest in (" Default: ", " None: ", " Left out: "):
        said = said.partition(rest)[0]
    return said.removesuffix(".").replace("`", "'")


def write_model(directory: Path) -> None:
    """Write the model that the settings name."""
    code = directory / "model" / "code"
    code.mkdir(parents=True)
    (directory / "model" / "model.onnx").write_bytes(b"weights")
    (code / "inference.py").write_text("def model_fn(directory): ...\n")


def load(text: str, *, region: str | None = None) -> Settings:
    FILE.write_text(text, encoding="utf-8")
    return load_settings(FILE, region=region)


def refusal(text: str, *, region: str | None = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(text, region=region)
    return str(raised.value).splitlines()


def changed(old: str, new: str) -> str:
    assert old in DIGITS
    return DIGITS.replace(old, new)
