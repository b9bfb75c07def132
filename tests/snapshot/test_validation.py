"""CDK's validation, made ready while Python works: the same rules, and Node is left alone meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


SYNTHESIZE = """
import contextlib, json, sys
from pathlib import Path
import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from stacks.validation import validation_made_ready

def synthesize(outdir, validation):
    app = cdk.App(outdir=outdir, context=json.loads(Path("cdk.json").read_text())["context"], analytics_reporting=False)
    with validation(app):
        pass
    stack = cdk.Stack(app, "Stack")
    model = sagemaker.CfnModel(stack, "Model", execution_role_arn="arn:aws:iam::111122223333:role/theirs")
    model.add_property_override("ModelNmae", "digits")
    with contextlib.suppress(RuntimeError):
        app.synth()

synthesize(sys.argv[1], contextlib.nullcontext)
synthesize(sys.argv[2], validation_made_ready)
"""


def run(script: str, *arguments: str, **environment: str) -> str:
    """Run Python with an environment of its own: Node keeps the one that it was started with."""
    inherited = {key: value for key, value in os.environ.items() if key != "CDK_VALIDATION"}
    command = [sys.executable, "-c", script, *arguments]
    finished = subprocess.run(
        command, cwd=ROOT, env=inherited | environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return finished.stdout


def violations(outdir: Path) -> dict[str, Any]:
    report = json.loads((outdir / "validation-report.json").read_text(encoding="utf-8"))
    return {each["pluginName"]: each["violations"] for each in report["pluginReports"]}


def test_a_template_is_held_to_the_rules_that_the_cdk_has_by_itself(tmp_path: Path) -> None:
    run(SYNTHESIZE, str(tmp_path / "by itself"), str(tmp_path / "made ready"))

    found = violations(tmp_path / "made ready")
    assert "ModelNmae" in json.dumps(found["CloudFormation Validate"])
    assert found == json.loads(json.dumps(violations(tmp_path / "by itself")).replace("by itself", "made ready"))


def test_no_template_is_validated_when_the_environment_says_so(tmp_path: Path) -> None:
    run(SYNTHESIZE, str(tmp_path / "by itself"), str(tmp_path / "made ready"), CDK_VALIDATION="false")

    assert (tmp_path / "made ready" / "Stack.template.json").is_file()
    assert not (tmp_path / "made ready" / "validation-report.json").exists()


def test_node_is_asked_nothing_while_the_app_reads_the_settings() -> None:
    script = """
from pathlib import Path
import aws_cdk
from jsii._kernel.providers.process import _NodeProcess
asked = []
_NodeProcess.send = lambda self, request, *_: asked.append(request)
import stacks.app_stacks
from stacks.settings import load_settings
load_settings(Path("inference.yaml"), region="us-east-1")
print(asked)
"""

    assert run(script) == "[]\n"
