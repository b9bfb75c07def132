"""Templates for the tests of constructs: each test builds an app of its own, and synthesizes it once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template

ROOT = Path(__file__).resolve().parents[2]
FIXED = cdk.Environment(account="111111111111", region="us-east-1")
MODEL = str(ROOT / "examples" / "digits" / "model")

Json = dict[str, Any]


def new_app(outdir: Path) -> cdk.App:
    """Make an app with the feature flags of cdk.json."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return cdk.App(outdir=str(outdir), context=context, analytics_reporting=False)


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    return new_app(tmp_path / "cdk.out")


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    """A stack of another team, in a fixed environment."""
    return cdk.Stack(app, "TheirStack", env=FIXED)


@pytest.fixture
def template(stack: cdk.Stack) -> Callable[[], Template]:
    return lambda: Template.from_stack(stack)


def only(template: Template, resource_type: str) -> tuple[str, Json]:
    """Give logical id and definition of the only resource of a type."""
    ((logical_id, resource),) = template.find_resources(resource_type).items()
    return logical_id, dict(resource)


def statements(template: Template) -> list[Json]:
    """Give what the only policy of a template allows."""
    _, policy = only(template, "AWS::IAM::Policy")
    found: list[Json] = policy["Properties"]["PolicyDocument"]["Statement"]
    return found
