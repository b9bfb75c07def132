"""The real CDK, as a user runs it, against local AWS."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from aws_clients import Aws

from local_aws.process import LocalAws

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / ".venv" / "bin" / "cdk"
_BOOTSTRAP = ROOT / "node_modules" / "aws-cdk" / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"


def bootstrap(server: LocalAws) -> None:
    """Deploy what `cdk bootstrap` deploys, without its two seconds; that the command works is tested once."""
    aws = Aws(server)
    template = _BOOTSTRAP.read_text(encoding="utf-8")
    aws.cloudformation.create_stack(
        StackName="CDKToolkit", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert aws.settled_stack("CDKToolkit")["StackStatus"] == "CREATE_COMPLETE", aws.reasons("CDKToolkit")


def run_cdk(
    aws: LocalAws, settings: Path, outdir: Path, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the CDK's command line on a settings file; unless told otherwise, it must succeed."""
    # What was deployed is destroyed: the app need not be synthesized once more to know its stacks.
    app = ["--app", str(outdir)] if arguments[0] == "destroy" else []
    done = subprocess.run(
        [CDK, *arguments, *app, "-c", f"settings={settings}", "--output", str(outdir), "--no-notices"],
        # Away from cdk.json, for which the CDK would synthesize the app before it bootstraps.
        cwd=outdir.parent if arguments[0] == "bootstrap" else ROOT,
        env={**os.environ, **aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
