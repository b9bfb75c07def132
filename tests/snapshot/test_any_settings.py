"""Any settings give a template that the services take, or readable problems with file, line and key; never a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk.assertions import Template
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from stacks.app_stacks import define_stacks
from stacks.settings import Settings, SettingsError, load_settings
from tests.snapshot.conftest import FIXED, new_app
from tests.snapshot.generated_settings import json_schema, settings
from tests.snapshot.service_requests import violations

# Words of pydantic, Python and jsii, which mean nothing to who writes settings.
FOREIGN = re.compile(
    r"Traceback|pydantic|Value error|validation error|Input should|NoneType|<class|jsii|\bself\b|__\w+__"
)
LINE = re.compile(r".*inference\.yaml(:\d+)?: \S.*", re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stacks.settings.json_schema", json_schema)  # made once, not for each wrong file
        yield tmp_path_factory.mktemp("any")


def read(folder: Path, content: Any) -> Settings | str:
    """Read a settings file, and give the settings or what is said of it."""
    file = folder / "inference.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    try:
        return load_settings(file)
    except SettingsError as error:
        return str(error)


def mended(folder: Path, content: Any) -> Settings:
    """Take out of a settings file what is refused, until the rest is taken; and what nobody can check."""
    for endpoint in content["endpoints"].values():
        endpoint.pop("overrides", None)
    for _ in range(10):
        found = read(folder, content)
        if isinstance(found, Settings):
            return found
        for line in found.splitlines():
            key = line.partition("inference.yaml")[2].split(": ")[1]
            top, _, rest = key.partition(".")
            name, _, inner = rest.partition(".")
            if top != "endpoints":
                content.pop(top, None)
            elif not inner:
                content["endpoints"].pop(name, None)
            elif name in content["endpoints"]:
                mend(content["endpoints"][name], inner.partition(".")[0])
    raise AssertionError(f"cannot be mended: {content}: {found}")


def mend(endpoint: dict[str, Any], key: str) -> None:
    """Put something right in the place of one key of an endpoint, or leave it out."""
    ways = ("instance_type", "variants", "serverless")
    if key in ways and endpoint.get("instance_type") == "ml.c6i.large":
        key = "model"  # of which there is no image for that
    endpoint.pop(key, None)
    if key == "model":
        endpoint["model"] = {"framework": "container", "image": "example/mine:1"}
    elif key in ways or not any(way in endpoint for way in ways):
        for way in ways:
            endpoint.pop(way, None)
        endpoint["instance_type"] = "ml.c6i.large"


@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(content=settings())
def test_any_settings_are_taken_or_refused_in_the_users_words(folder: Path, content: Any) -> None:
    hold_to_the_users_words(read(folder, content))


def hold_to_the_users_words(found: Settings | str) -> None:
    """Check that settings are taken, or that each line says where and what in words of the settings."""
    if isinstance(found, str):
        assert found
        for line in found.splitlines():
            assert LINE.fullmatch(line), line
            assert not FOREIGN.search(line), line


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(content=settings())
def test_what_is_taken_gives_templates_that_the_services_take(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    hold_templates_to_the_services(new_app(tmp_path_factory.mktemp("cdk")), mended(folder, content))


def hold_templates_to_the_services(app: cdk.App, taken: Settings) -> None:
    """Check that the services take what the settings give."""
    for stack in define_stacks(app, taken, env=FIXED):
        template = dict(Template.from_stack(stack).to_json())
        assert list(violations(template)) == []
        assert "${Token[" not in str(template)
