"""The real CDK, as a user runs it, against local AWS."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from local_aws.process import LocalAws

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / ".venv" / "bin" / "cdk"


def run_cdk(
    aws: LocalAws, settings: Path, outdir: Path, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the CDK's command line on a settings file; unless told otherwise, it must succeed."""
    done = subprocess.run(
        [CDK, *arguments, "-c", f"settings={settings}", "--output", str(outdir), "--no-notices"],
        # Away from cdk.json, for which the CDK would synthesize the app before it bootstraps.
        cwd=outdir.parent if arguments[0] == "bootstrap" else ROOT,
        env={**os.environ, **aws.environment(), "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
