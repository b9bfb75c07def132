"""Stacks that are given a synthesizer: what they upload goes where it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest

from constructs_lib.jobs import SageMakerJob
from constructs_lib.sagemaker.model import Model
from constructs_lib.serving.models import OnnxModel
from tests.snapshot.conftest import MODEL, new_app


def model(stack: cdk.Stack) -> None:
    Model(stack, "Model", model=OnnxModel(artifact=MODEL, entry_point="inference.py"), instance_type="ml.c6i.large")


def job(stack: cdk.Stack) -> None:
    request = {"ModelName": "digits", "TransformOutput": {"S3OutputPath": "s3://results/out"}}
    SageMakerJob(stack, "Job", kind="TransformJob", request=request)


@pytest.mark.parametrize("define", [model, job])
def test_a_stacks_own_synthesizer_says_where_its_files_go(define: Callable[[cdk.Stack], None], tmp_path: Path) -> None:
    app = new_app(tmp_path)
    stacks = [
        cdk.Stack(app, name, synthesizer=cdk.DefaultStackSynthesizer(qualifier=name.lower()))
        for name in ("First", "Second")
    ]
    for stack in stacks:
        define(stack)
    app.synth()

    for stack in stacks:
        files = json.loads((tmp_path / f"{stack.stack_name}.assets.json").read_text())["files"].values()
        buckets = {each["bucketName"] for file in files for each in file["destinations"].values()}
        assert buckets == {f"cdk-{stack.stack_name.lower()}-assets-${{AWS::AccountId}}-${{AWS::Region}}"}


def test_two_stacks_that_share_a_synthesizer_are_told_to_have_one_each(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    shared = cdk.DefaultStackSynthesizer(qualifier="theirs")
    first, second = (cdk.Stack(app, name, synthesizer=shared) for name in ("First", "Second"))
    model(first)

    with pytest.raises(
        ValueError, match=r"^'First' and 'Second' share a synthesizer, .* give each stack one of its own$"
    ):
        model(second)
