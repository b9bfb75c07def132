"""Templates of the stack that settings define."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from constructs_lib.serving.models import OnnxModel
from stacks.inference_stack import InferenceStack
from stacks.settings import EndpointSettings, Settings
from tests.snapshot.conftest import FIXED, MODEL, ROOT, new_app

DEFAULT = ROOT / "inference.yaml"


def synthesize(outdir: Path, settings: Settings, env: cdk.Environment | None = FIXED) -> Template:
    return Template.from_stack(InferenceStack(new_app(outdir), "InferenceStack", settings=settings, env=env))


def digits(artifact: str = MODEL, **choices: Any) -> Settings:
    """Make settings with one endpoint, the digits."""
    model = OnnxModel(artifact=artifact, entry_point="inference.py")
    endpoint = EndpointSettings(model=model, **{"instance_type": "ml.c6i.large", **choices})
    return Settings(endpoints={"digits": endpoint})
