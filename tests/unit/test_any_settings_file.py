"""Whatever a settings file holds, it becomes settings or a settings error."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from settings_files import ENDPOINT_KEYS, FILE, FRAMEWORKS, ONNX_KEYS, write_model

from stacks.settings import load_settings
from stacks.yaml_source import SettingsError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory with a model that is right."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path)


# What a file may hold at any place: what belongs there, what does not, and the keys of everywhere.
WORDS = st.sampled_from(
    f"endpoints region digits {FRAMEWORKS.replace(',', '')} {ENDPOINT_KEYS} {ONNX_KEYS} model.tar.gz s3://my-models/m/ min max "
    "model_id task server tensor_parallel_degree invocations_per_instance scale_in_cooldown ml.c6i.large ml.t2.medium "
    "ml.g5.xlarge us-east-1 vllm 2.6 py312 inference.py".replace(",", "").split()
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(st.characters(codec="utf-8"), max_size=8)
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6), max_leaves=12
)
MODEL = st.fixed_dictionaries(
    {"framework": st.sampled_from(FRAMEWORKS.split(", ")) | ANYTHING},
    optional=dict.fromkeys([*ONNX_KEYS.split(", ")[:-1], "model_id", "server", "onnx", "unknown"], ANYTHING),
)
ENDPOINT = st.fixed_dictionaries(
    {"model": MODEL | ANYTHING, "instance_type": WORDS | ANYTHING},
    optional={
        "instance_count": ANYTHING,
        "autoscaling": st.dictionaries(WORDS, ANYTHING, max_size=4) | ANYTHING,
        "unknown": ANYTHING,
    },
)
# Right as it is, so that what is told of keys that do not fit each other is reached as well.
RIGHT = st.fixed_dictionaries(
    {
        "model": st.just({"framework": "onnx", "artifact": "model", "entry_point": "inference.py"}),
        "instance_type": st.sampled_from(["ml.c6i.large", "ml.t2.medium", "ml.g5.xlarge"]),
    },
    optional={
        "instance_count": st.integers(0, 3),
        "autoscaling": st.fixed_dictionaries({"max": st.integers(0, 3), "invocations_per_instance": st.just(60)}),
    },
)
DOCUMENT = ANYTHING | st.fixed_dictionaries(
    {"endpoints": st.dictionaries(WORDS, ENDPOINT | ANYTHING, max_size=3)}, optional={"region": ANYTHING}
)


def test_any_data_is_settings_or_a_settings_error() -> None:
    seen = set()

    @given(DOCUMENT | st.fixed_dictionaries({"endpoints": st.dictionaries(WORDS, RIGHT, min_size=1, max_size=2)}))
    def hold(data: Any) -> None:
        with contextlib.suppress(yaml.YAMLError):  # of the dumper, at what is no text
            FILE.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")

        told = complaints()
        seen.add("refused" if told else "taken")
        assert [line for line in told if not line.startswith("inference.yaml")] == []

    hold()
    assert seen == {"refused", "taken"}


def complaints() -> list[str]:
    try:
        load_settings(FILE)
    except SettingsError as error:
        return str(error).splitlines()
    return []
