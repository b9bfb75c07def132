"""The settings key `safe_update`."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.settings import load_settings
from stacks.yaml_source import SettingsError

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_has_it_on() -> None:
    settings = load_settings(ROOT / "examples" / "safe-update" / "inference.yaml")

    assert settings.endpoints["digits"].safe_update is True


def test_it_is_off_by_default() -> None:
    assert load_settings(ROOT / "inference.yaml").endpoints["digits"].safe_update is False


def test_fails_unless_it_is_true_or_false(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "safe-update" / "inference.yaml").read_text()
    wrong = tmp_path / "inference.yaml"
    wrong.write_text(
        text.replace("../digits", str(ROOT / "examples" / "digits")).replace("safe_update: true", "safe_update: 3")
    )

    with pytest.raises(
        SettingsError, match=r"inference\.yaml:7: endpoints\.digits\.safe_update: must be true or false"
    ):
        load_settings(wrong)
